"""`train lang2box` with the small network: made patients in, a model folder and a learning curve out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.begun_training import begin
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from LIMISLib.finding.box_scores import BoxScores, box_scores
from LIMISLib.finding.frames import channels
from LIMISLib.finding.intensities import Intensities
from LIMISLib.finding.measuring import Measured, as_float, found_boxes, measured_slices, unseen_patients
from LIMISLib.finding.organs import ORGANS
from LIMISLib.finding.phantom_slices import PhantomSlices
from LIMISLib.finding.small_recipe import Measuring, SmallRecipe

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Training

    from LIMISLib.finding.network import SmallNetwork

STATE_FOLDER, CURVE = "training", "curve.jsonl"
_BATCH = 16


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """Steps, seconds and the last scores; the folder is a model that `limis --finder small:FOLDER` takes.

    Raises:
        UsageError: A setting is unknown or cannot be; or the folder holds a training that is not to be resumed, or one
            with other settings.
        Cancelled: The user stopped; the state is kept.
    """
    import torch
    from AnatomyGuidedLib.learning.together import own_share
    from AnatomyGuidedLib.learning.trainer import Training

    from LIMISLib.finding.loss import box_loss
    from LIMISLib.finding.network import SmallNetwork
    from LIMISLib.finding.small_model import write_small_model

    recipe = with_settings(SmallRecipe(), order.settings)
    if own_share().is_first:
        begin(order.folder, recipe, resume=order.resume)
    console.progress(0.0, "Making the first patients")
    source = PhantomSlices(recipe.slices)
    torch.manual_seed(recipe.training.seed)
    network = SmallNetwork(classes=len(ORGANS), features=recipe.features, blocks=recipe.blocks)
    training = Training(network, recipe.training, device=chosen_device(order.device))
    state_folder = order.folder / STATE_FOLDER
    curve = _Curve(recipe, training, source.intensities, state_folder / CURVE)
    training.run(
        source, state_folder, loss=box_loss, progress=_both(curve.add, console.progress), cancelled=console.cancelled
    )
    if not training.share.is_first:
        return {}
    network.load_state_dict(training.averaged)
    write_small_model(order.folder, network.cpu(), recipe, source, steps=training.step)
    scores = curve.rows()[-1] if curve.rows() else {}
    console.line(f"{order.folder.name}: {training.step} steps in {training.seconds / 60:.0f} min, {scores}")
    return {"steps": training.step, "seconds": round(training.seconds, 1), **scores}


def measured_scores(network: SmallNetwork, measured: Sequence[Measured], intensities: Intensities) -> BoxScores:
    """COCO's scores of the network on these slices."""
    import numpy as np
    import torch

    from LIMISLib.finding.decoding import decoded

    network.eval()
    predictions = []
    for first in range(0, len(measured), _BATCH):
        part = measured[first : first + _BATCH]
        images = np.stack([channels(as_float(one.stack_hu), intensities) for one in part])
        with torch.inference_mode():
            scores, edges = decoded(network(torch.from_numpy(images)))
        predictions += [found_boxes(found, box, one) for found, box, one in zip(scores, edges, part, strict=True)]
    return box_scores([one.reference for one in measured], predictions)


class _Curve:
    """The scores on unseen patients every so many steps, a line of JSON each."""

    def __init__(self, recipe: SmallRecipe, training: Training, intensities: Intensities, path: Path) -> None:
        self._recipe, self._training, self._intensities, self._path = recipe, training, intensities, path
        self._measured: list[Measured] = []

    def add(self, fraction: float, text: str) -> None:  # noqa: ARG002
        """Nothing; where the step is one to measure at, and was not measured yet, a line is added."""
        from LIMISLib.finding.network import SmallNetwork

        step, training = self._training.step, self._training
        is_due = step % self._recipe.measuring.every_steps == 0 or step == training.settings.steps
        if not is_due or not training.share.is_first or step in {row["step"] for row in self.rows()}:
            return
        self._measured = self._measured or _unseen_slices(self._recipe)
        network = SmallNetwork(classes=len(ORGANS), features=self._recipe.features, blocks=self._recipe.blocks)
        network.load_state_dict({name: value.cpu() for name, value in training.averaged.items()})
        row = {"step": step, **measured_scores(network, self._measured, self._intensities).rounded()}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")

    def rows(self) -> list[dict[str, float]]:
        """The lines there are."""
        if not self._path.is_file():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]


def _unseen_slices(recipe: SmallRecipe) -> list[Measured]:
    measuring: Measuring = recipe.measuring
    return [
        one
        for image, anatomy in unseen_patients(measuring.bodies, measuring.first_seed, spacing_mm=measuring.spacing_mm)
        for one in measured_slices(image, anatomy, recipe.slices.frame, measuring.step_mm)
    ]


def _both(first: Callable[[float, str], None], second: Callable[[float, str], None]) -> Callable[[float, str], None]:
    def told(fraction: float, text: str) -> None:
        first(fraction, text)
        second(fraction, text)

    return told
