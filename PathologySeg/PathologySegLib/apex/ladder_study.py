"""The study `apex-ladder`: all arms of Table 10 and the rivals of Table 11 on made patients that none learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import StudyOptions, with_settings
from AnatomyGuidedLib.study_result import write_study

from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.fold_trainings import Lessons, arm_recipes, states_folder, trained_folds
from PathologySegLib.apex.folds import fold_of, with_pathology
from PathologySegLib.apex.ladder import NOT_RUN
from PathologySegLib.apex.ladder_report import COLUMNS, arm_line, arm_result, arm_row
from PathologySegLib.apex.ladder_settings import TIERS
from PathologySegLib.apex.phantom_cohort import held_out_patients, learning_patients
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmentation_scores import Counts, counts_of
from PathologySegLib.apex.slices import PatientSlices

if TYPE_CHECKING:
    from PathologySegLib.apex.learning import Learned


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What each arm reached on the held-out patients, and how it compares with the baseline on the same ones.

    Raises:
        UsageError: A cohort was given, an arm does not run here, or a setting is unknown.
        AnatomyGuidedError: torch or transformers is missing.
        Cancelled: The user stopped.
    """
    if options.cohort:
        raise UsageError("The study apex-ladder makes its own patients; call it without --cohort.")
    parameters = with_settings(TIERS[options.tier], options.settings)
    recipes = arm_recipes(parameters.recipe, parameters.arms, console)
    cohort = parameters.recipe.cohort
    patients = with_pathology(learning_patients(cohort, progress=part_of(console.progress, 0.0, 0.05)))
    held_out = held_out_patients(cohort, progress=part_of(console.progress, 0.05, 0.1))
    arms: dict[str, Any] = {}
    counts: dict[str, list[Counts]] = {}
    attention: Mapping[str, object] = {}
    states, lessons = states_folder(options, folder, parameters.recipe), _lessons()
    for place, (name, recipe) in enumerate(recipes.items()):
        told = part_of(console.progress, 0.1 + 0.9 * place / len(recipes), 0.1 + 0.9 * (place + 1) / len(recipes))
        trained = trained_folds(
            recipe, parameters.folds, patients, lessons, states / name, told, console, where=options.where
        )
        counts[name], folds = _tried(recipe, trained, patients, held_out, parameters.thresholds, console)
        arms[name] = arm_result(recipe, trained, counts[name], counts["baseline"], folds)
        console.line(arm_line(name, arms[name]))
        if name == "cross-attention":
            attention = _attention(recipe, trained[0][1], held_out, folder, folds[0]["threshold"], console)
    result = write_study(
        folder,
        "apex-ladder",
        tier=options.tier,
        parameters=asdict(parameters),
        patients={"learned_from_or_fold": len(patients), "held_out": len(held_out)},
        arms=arms,
        not_run=dict(NOT_RUN),
        attention=attention,
    )
    write_csv(folder / "ladder.csv", [arm_row(name, arm) for name, arm in arms.items()], COLUMNS)
    for name, reason in NOT_RUN.items():
        console.line(f"{name:26} not run: it {reason}")
    console.progress(1.0, "Done")
    return result


def _lessons() -> Lessons:
    try:
        from PathologySegLib.apex.learning import slice_lessons
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    return slice_lessons


def _tried(
    recipe: ApexRecipe,
    trained: Sequence[tuple[int, Learned]],
    patients: Sequence[PatientSlices],
    held_out: Sequence[PatientSlices],
    thresholds: Sequence[float],
    console: Console,
) -> tuple[list[Counts], list[dict[str, float]]]:
    """By held-out patient the counts of all folds' networks; by fold its threshold and its own patients' scores."""
    from PathologySegLib.apex.evaluation import best_threshold, counts_by_patient, lesion_chances, scores_of

    total, folds = [Counts()] * len(held_out), []
    classes, given = anatomy_classes(recipe.anatomy), recipe.chosen_arm.anatomy_input
    for fold, learned in trained:
        own = fold_of(patients, fold, recipe.folds)[1]
        chances = [lesion_chances(learned.segmenter, one, classes, anatomy_input=given) for one in own]
        threshold = best_threshold(chances, [one.lesions > 0 for one in own], thresholds)
        counts = [counts_of(one.lesions > 0, found >= threshold) for one, found in zip(own, chances, strict=True)]
        tried = counts_by_patient(
            learned.segmenter,
            held_out,
            classes,
            anatomy_input=given,
            threshold=threshold,
            cancelled=console.cancelled,
        )
        folds.append({"threshold": threshold, **scores_of(dict(enumerate(counts)))})
        total = [before + one for before, one in zip(total, tried.values(), strict=True)]
    return total, folds


def _attention(
    recipe: ApexRecipe,
    learned: Learned,
    held_out: Sequence[PatientSlices],
    folder: Path,
    threshold: float,
    console: Console,
) -> Mapping[str, object]:
    from PathologySegLib.apex.attention_files import write_attention

    found = write_attention(
        folder, learned.segmenter, held_out, anatomy_classes(recipe.anatomy), console, threshold=threshold
    )
    if found["lesions"]:
        console.line(
            f"{'attention':26} own or nearest structure in the top {found['top']} of {found['lesions']} predicted "
            f"lesions: {found['share']:.2f}, with permuted queries {found['share_permuted']:.2f}"
        )
    return found
