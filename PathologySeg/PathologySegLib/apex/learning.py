"""An arm that learns: from a recipe and patients to a segmenter whose weights are the running mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.learning.trainer import Training
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of

from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmenter import Classes, Segmenter, anatomy_segmenter, query_segmenter
from PathologySegLib.apex.slice_source import SliceSource
from PathologySegLib.apex.slices import PatientSlices


@dataclass(frozen=True, eq=False)
class Learned:
    """A segmenter after its training, in how many steps and seconds."""

    segmenter: Segmenter
    steps: int
    seconds: float


def learn(
    recipe: ApexRecipe,
    patients: Sequence[PatientSlices],
    folder: Path,
    *,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Learned:
    """The recipe's arm with all its steps done; what it needs to go on after a stop lies in the folder.

    Raises:
        Cancelled: The user stopped; the next call goes on from there.
    """
    arm, classes = recipe.chosen_arm, anatomy_classes(recipe.anatomy)
    torch.manual_seed(recipe.training.seed)
    counts = Classes(len(classes.names))
    segmenter = build_segmenter(recipe, counts)
    source = SliceSource(patients, classes, recipe.augmentation, anatomy_input=arm.anatomy_input)
    steps, seconds, begin = 0, 0.0, 0.0
    if arm.pretrained:
        begin = 0.5
        before = anatomy_segmenter(recipe.shape, counts, recipe.loss)
        first = _trained(before, recipe.anatomy_training, source, folder / "anatomy", device,
                         part_of(progress, 0.0, begin), cancelled)  # fmt: skip
        take_over(segmenter, first)
        steps, seconds = first.step, first.seconds
    done = _trained(segmenter, recipe.training, source, folder, device, part_of(progress, begin, 1.0), cancelled)
    segmenter.network.load_state_dict(done.averaged)
    return Learned(segmenter, steps + done.step, seconds + done.seconds)


def build_segmenter(recipe: ApexRecipe, counts: Classes) -> Segmenter:
    """The recipe's network with random weights, or the backbone's from its file."""
    return query_segmenter(recipe.chosen_arm, recipe.shape, counts, recipe.loss)


def take_over(segmenter: Segmenter, training: Training) -> None:
    """Nothing; the network begins with the weights of one that was trained before, but for classes that differ."""
    own = segmenter.network.state_dict()
    fitting = {name: value for name, value in training.averaged.items() if own[name].shape == value.shape}
    segmenter.network.load_state_dict({**own, **fitting})


def _trained(
    segmenter: Segmenter,
    settings: TrainingSettings,
    source: SliceSource,
    folder: Path,
    device: str,
    progress: Progress,
    cancelled: CancelCheck,
) -> Training:
    training = Training(segmenter.network, settings, device=device)
    training.run(source, folder, loss=segmenter.loss, progress=progress, cancelled=cancelled)
    return training
