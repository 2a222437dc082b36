"""`train apex`: from a recipe to a model folder, and how well it does on patients that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder, require_fresh

from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.folds import fold_of, with_pathology
from PathologySegLib.apex.phantom_cohort import held_out_patients, learning_patients
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.slices import PatientSlices

if TYPE_CHECKING:
    from PathologySegLib.apex.learning import Learned

STATE_FOLDER = "training"


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The training's steps and time, and the scores of the fold and of the held-out test; the folder is a model.

    Raises:
        UsageError: A setting is unknown or none that can be trained with.
        AnatomyGuidedError: torch or transformers is missing, or the backbone's weights do not fit.
        Cancelled: The user stopped; the state is kept, and the folder is a model of what was learned so far.
    """
    recipe = with_settings(ApexRecipe(), order.settings)
    try:
        from AnatomyGuidedLib.learning.together import own_share

        from PathologySegLib.apex.learning import learn
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    is_first = own_share().is_first
    if is_first:
        require_fresh(order.folder, resume=order.resume)
    made = part_of(console.progress, 0.0, 0.1)
    patients = with_pathology(learning_patients(recipe.cohort, progress=made, cancelled=console.cancelled))
    learned, tried = fold_of(patients, recipe.fold, recipe.folds)
    result = learn(
        recipe,
        learned,
        order.folder / STATE_FOLDER,
        where=order.where,
        device=chosen_device(order.device),
        progress=part_of(console.progress, 0.1, 0.85),
        cancelled=console.cancelled,
    )
    if not is_first:
        return {}
    if not result.is_complete:
        _write(order, recipe, result, {})
        raise Cancelled(f"Stopped after {result.steps} steps.")
    held_out = held_out_patients(recipe.cohort, progress=part_of(console.progress, 0.85, 0.9))
    scores = _tried(recipe, result, {"fold": tried, "test": held_out}, console)
    _write(order, recipe, result, scores)
    return {"arm": recipe.arm, "steps": result.steps, "seconds": round(result.seconds, 1), **scores}


def _write(order: TrainingOrder, recipe: ApexRecipe, result: Learned, scores: Mapping[str, Any]) -> None:
    from PathologySegLib.apex.model_folder import write_apex

    write_apex(order.folder, recipe, result.segmenter, steps=result.steps, results=scores)


def _tried(
    recipe: ApexRecipe, result: Learned, sets: Mapping[str, list[PatientSlices]], console: Console
) -> dict[str, Any]:
    from PathologySegLib.apex.evaluation import counts_by_patient, scores_of

    classes, arm = anatomy_classes(recipe.anatomy), recipe.chosen_arm
    scores: dict[str, Any] = {}
    for name, patients in sets.items():
        counts = counts_by_patient(
            result.segmenter,
            patients,
            classes,
            anatomy_input=arm.anatomy_input,
            progress=part_of(console.progress, 0.9, 1.0),
            cancelled=console.cancelled,
        )
        scores[name] = {"patients": len(patients), **scores_of(counts)}
        console.line(f"{recipe.arm}, {name} of {len(patients)} patients: " + _words(scores_of(counts)))
    return scores


def _words(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in scores.items())
