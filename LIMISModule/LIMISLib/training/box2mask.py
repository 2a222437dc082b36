"""`train box2mask`: a small network of ScribblePrompt's family, from slices of made patients alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.begun_training import RECIPE, begin
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import sha256_of, write_json
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import require_positive, with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from LIMISLib.segmenters.weights import ARCHITECTURE, NEEDS_TORCH
from LIMISLib.training.slice_examples import SliceExamples, SliceSettings

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Training

STATE_FOLDER, WEIGHTS = "training", "weights.safetensors"


@dataclass(frozen=True)
class Phase:
    """A part of the training with its own slices; it goes on from the weights of the one before."""

    slices: SliceSettings = field(default_factory=SliceSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class Box2MaskRecipe:
    """The network's features a level, and the phases."""

    features: tuple[int, ...] = (24, 40, 64, 96, 128, 128)
    phases: tuple[Phase, ...] = (Phase(),)

    def __post_init__(self) -> None:
        require_positive(self, "features")
        if not self.phases:
            raise UsageError("The setting phases is empty, but at least one phase was expected.")
        multiple = 2 ** len(self.features)
        for phase in self.phases:
            if phase.slices.side % multiple:
                raise UsageError(
                    f"The setting side must be a multiple of {multiple} for {len(self.features)} levels, "
                    f"but is {phase.slices.side}."
                )


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The training's steps, time and last loss; the folder is a model that `limis --segmenter scribbleprompt:` takes.

    Raises:
        UsageError: A version was asked for, a setting is unknown, or the folder holds a training that is not to be
            resumed, or one with other settings.
        AnatomyGuidedError: torch is missing.
        Cancelled: The user stopped; the state is kept.
    """
    if order.version:
        raise UsageError("--version is for train atlas and train expert; box2mask has one training.")
    recipe = with_settings(Box2MaskRecipe(), order.settings)
    try:
        from AnatomyGuidedLib.learning.trainer import LOG
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    begin(order.folder, recipe, resume=order.resume)
    trainings = _trained(recipe, order, console)
    _write(order.folder, recipe, trainings)
    steps, seconds = (sum(getattr(one, name) for one in trainings) for name in ("step", "seconds"))
    log = _phase_folder(order.folder, len(trainings) - 1) / LOG
    loss = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["loss"]
    console.line(f"{order.folder.name}: {steps} steps in {seconds / 60:.0f} min, loss {loss:.3f}")
    return {"steps": steps, "seconds": round(seconds, 1), "loss": loss}


def _trained(recipe: Box2MaskRecipe, order: TrainingOrder, console: Console) -> list[Training]:
    """The phases with all their steps done; what they need to go on after a stop lies in the folder."""
    import torch
    from AnatomyGuidedLib.learning.trainer import Training
    from AnatomyGuidedLib.networks.scribbleprompt import ScribblePromptUNet

    from LIMISLib.training.interactive import Interactive, binary_dice_cross_entropy, initialised

    torch.manual_seed(recipe.phases[0].training.seed)
    network: torch.nn.Module = Interactive(ScribblePromptUNet(recipe.features))
    initialised(network)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainings = []
    for number, phase in enumerate(recipe.phases):
        training = Training(network, phase.training, device=chosen_device(order.device))
        training.run(
            SliceExamples(phase.slices),
            _phase_folder(order.folder, number),
            loss=binary_dice_cross_entropy,
            progress=part_of(console.progress, number / len(recipe.phases), (number + 1) / len(recipe.phases)),
            cancelled=console.cancelled,
        )
        network.load_state_dict(training.averaged)
        trainings.append(training)
    return trainings


def _phase_folder(folder: Path, number: int) -> Path:
    return folder / STATE_FOLDER / f"phase_{number + 1}"


def _write(folder: Path, recipe: Box2MaskRecipe, trainings: list[Training]) -> None:
    """Nothing; the folder holds the running mean of the weights in half precision and the card."""
    from safetensors.torch import save_file

    weights = {
        name.removeprefix("network."): value.detach().cpu().half().contiguous()
        for name, value in trainings[-1].averaged.items()
    }
    save_file(weights, str(folder / WEIGHTS))
    write_json(folder / "model.json", _card(folder, recipe, sum(one.step for one in trainings)))


def _card(folder: Path, recipe: Box2MaskRecipe, steps: int) -> dict[str, Any]:
    return {
        "format": "anatomyguided-model",
        "version": 1,
        "task": "a structure's mask in a CT slice from a box and clicks (LIMIS)",
        "used_by": "limis",
        "licence": "Apache-2.0",
        "training": f"{steps} steps on slices of made patients only ({RECIPE})",
        "inputs": [{"name": name} for name in ("CT in a window, 0 to 1", "box", "positive clicks", "negative clicks",
                                              "logits of the mask before")],
        "side": recipe.phases[-1].slices.side,
        "network": {"architecture": ARCHITECTURE, "arguments": {"features": list(recipe.features)}},
        "notes": [f"{folder.name} is a demonstration model: trained on made patients alone, not for clinical use."],
        "weights": [WEIGHTS],
        "files": {WEIGHTS: sha256_of(folder / WEIGHTS)},
    }  # fmt: skip
