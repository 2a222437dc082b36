"""An arm that learns: from a recipe and patients to a segmenter whose weights are the running mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from AnatomyGuidedLib.errors import Cancelled, UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.learning.trainer import Source, Training
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of

from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.backbone import Backbone
from PathologySegLib.apex.backbone_weights import load_backbone
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmenter import Classes, Segmenter, anatomy_segmenter
from PathologySegLib.apex.segmenters import build_segmenter
from PathologySegLib.apex.slice_source import SliceSource
from PathologySegLib.apex.slices import PatientSlices


@dataclass(frozen=True, eq=False)
class Learned:
    """A segmenter after its training, in how many steps and seconds, and whether these are all."""

    segmenter: Segmenter
    steps: int
    seconds: float
    is_complete: bool = True


def slice_lessons(recipe: ApexRecipe, patients: Sequence[PatientSlices]) -> tuple[Source, Classes]:
    """What `learn_from` learns from slices of PET/CT, and its classes."""
    classes = anatomy_classes(recipe.anatomy)
    source = SliceSource(patients, classes, recipe.augmentation, anatomy_input=recipe.chosen_arm.anatomy_input)
    return source, Classes(len(classes.names))


def learn_from(
    recipe: ApexRecipe,
    source: Source,
    counts: Classes,
    folder: Path,
    *,
    where: Path = Path(),
    device: str = "cpu",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Learned:
    """The recipe's arm after its steps on a source whose targets have these classes and layers.

    What it needs to go on after a stop lies in the folder. Where the user stops, what was learned so far comes back as
    not complete. A backbone's file is relative to `where`.

    Raises:
        AnatomyGuidedError: The backbone's weights do not fit.
        Cancelled: The user stopped before any lesion was learned.
    """
    torch.manual_seed(recipe.training.seed)
    segmenter = build_segmenter(recipe, counts)
    steps, seconds, begin = 0, 0.0, 0.0
    if recipe.backbone:
        load_backbone(_backbone(segmenter, recipe), where / recipe.backbone)
    if recipe.chosen_arm.pretrained:
        begin = 0.5
        before = anatomy_segmenter(recipe.shape, counts, recipe.loss)
        if recipe.backbone:
            load_backbone(_backbone(before, recipe), where / recipe.backbone)
        told = part_of(progress, 0.0, begin)
        first = _trained(before, recipe.anatomy_training, source, folder / "anatomy", device, told, cancelled)
        if first.step < recipe.anatomy_training.steps:
            raise Cancelled(f"Stopped after {first.step} steps of learning anatomy, before any lesion was learned.")
        take_over(segmenter, first)
        steps, seconds = first.step, first.seconds
    done = _trained(segmenter, recipe.training, source, folder, device, part_of(progress, begin, 1.0), cancelled)
    segmenter.network.load_state_dict(done.averaged)
    return Learned(segmenter, steps + done.step, seconds + done.seconds, done.step == recipe.training.steps)


def take_over(segmenter: Segmenter, training: Training) -> None:
    """Nothing; the network begins with the weights of one that was trained before, but for classes that differ."""
    own = segmenter.network.state_dict()
    fitting = {name: value for name, value in training.averaged.items() if own[name].shape == value.shape}
    segmenter.network.load_state_dict({**own, **fitting})


def _backbone(segmenter: Segmenter, recipe: ApexRecipe) -> torch.nn.Module:
    found = getattr(segmenter.network, "backbone", None)
    if not isinstance(found, Backbone):
        raise UsageError(f"The arm {recipe.arm} has no ResNet; leave the setting backbone away.")
    return cast(torch.nn.Module, found.resnet)


def _trained(
    segmenter: Segmenter,
    settings: TrainingSettings,
    source: Source,
    folder: Path,
    device: str,
    progress: Progress,
    cancelled: CancelCheck,
) -> Training:
    """The training after its steps, or after as many as the user let it do."""
    training = Training(segmenter.network, settings, device=device)
    try:
        training.run(source, folder, loss=segmenter.loss, progress=progress, cancelled=cancelled)
    except (Cancelled, KeyboardInterrupt):
        if not training.step:
            raise
    return training
