"""An arm of a study trained once a fold, in folders that let a stopped study go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import Progress, part_of
from AnatomyGuidedLib.study_options import StudyOptions

from PathologySegLib.apex.folds import fold_of
from PathologySegLib.apex.recipe import ApexRecipe

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Source

    from PathologySegLib.apex.learning import Learned
    from PathologySegLib.apex.segmenter import Classes

STATES = "training"
Lessons = Callable[[ApexRecipe, Sequence[Any]], "tuple[Source, Classes]"]


def states_folder(options: StudyOptions, folder: Path, recipe: ApexRecipe) -> Path:
    """Where the trainings of these settings are kept, so that a study that was stopped goes on."""
    told = {name: value for name, value in asdict(recipe).items() if name != "atlas"}  # their patients are made
    settings = json.dumps(told, sort_keys=True)
    return (options.target or folder) / STATES / hashlib.sha256(settings.encode()).hexdigest()[:12]


def arm_recipes(recipe: ApexRecipe, arms: Sequence[str], console: Console) -> dict[str, ApexRecipe]:
    """By arm what it learns by, the baseline first; one without a ResNet begins at random, which the console says.

    Raises:
        UsageError: An arm does not run here.
    """
    recipes = {name: replace(recipe, arm=name) for name in dict.fromkeys(("baseline", *arms))}
    for name, own in recipes.items():
        if own.backbone and not own.chosen_arm.has_resnet:
            recipes[name] = replace(own, backbone="")
            console.note(f"{name} has no ResNet and begins with random weights, the other arms with the backbone's.")
    return recipes


def trained_folds(
    recipe: ApexRecipe,
    folds: Sequence[int],
    cases: Sequence[Any],
    lessons: Lessons,
    states: Path,
    progress: Progress,
    console: Console,
    *,
    where: Path = Path(),
) -> list[tuple[int, Learned]]:
    """By fold the recipe's arm after learning from the other folds' cases; a backbone's file is relative to `where`.

    Raises:
        AnatomyGuidedError: torch is missing.
        Cancelled: The user stopped.
    """
    try:
        from PathologySegLib.apex.learning import learn_from
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    trained = []
    for place, fold in enumerate(folds):
        learned_from, _ = fold_of(cases, fold, recipe.folds)
        told = part_of(progress, place / len(folds), (place + 1) / len(folds))
        found = lessons(recipe, learned_from)
        learned = learn_from(
            recipe,
            *found,
            states / f"fold_{fold}",
            where=where,
            device=chosen_device("auto"),
            progress=told,
            cancelled=console.cancelled,
        )
        if not learned.is_complete:
            raise Cancelled("Stopped; the same call goes on from the last step.")
        trained.append((fold, learned))
    return trained
