"""The study `apex-ladder`: all arms of Table 10 and the rivals of Table 11 on made patients that none learned from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import write_csv, write_json
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import Progress, part_of
from AnatomyGuidedLib.study_options import StudyOptions, with_settings

from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.folds import fold_of, with_pathology
from PathologySegLib.apex.intervals import SCORES, differences, score_intervals
from PathologySegLib.apex.ladder import ARMS, LADDER, NOT_RUN
from PathologySegLib.apex.phantom_cohort import PhantomCohort, held_out_patients, learning_patients
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmentation_scores import Counts
from PathologySegLib.apex.shape import Shape
from PathologySegLib.apex.slices import PatientSlices

if TYPE_CHECKING:
    from PathologySegLib.apex.learning import Learned

_SMALL = Shape(
    stem=2,
    embedding=16,
    features=(16, 32, 64, 96),
    depths=(1, 1, 1, 1),
    block="basic",
    hidden=32,
    heads=4,
    queries=32,
    layers=3,
    pixel_layers=1,
    feedforward=64,
    pixel_feedforward=64,
)
_STEPS = TrainingSettings(steps=300, batch=6, learning_rate=2e-3, warm_up_steps=20, averaging=0.97)


@dataclass(frozen=True)
class LadderParameters:
    """The arms, what they have in common (a recipe), and the folds that are trained, each arm once a fold.

    `states` is a folder that keeps the trainings, so that a study that was stopped goes on; without it they are lost.
    """

    arms: tuple[str, ...] = tuple(ARMS)
    folds: tuple[int, ...] = (0,)
    states: str = ""
    recipe: ApexRecipe = field(default_factory=ApexRecipe)


CI = LadderParameters(
    recipe=ApexRecipe(
        anatomy="merged",
        shape=_SMALL,
        cohort=PhantomCohort(20, 12, 10.0, (48, 32)),
        training=_STEPS,
        anatomy_training=_STEPS,
    )
)
CPU = LadderParameters(
    folds=(0, 1, 2, 3, 4),
    recipe=ApexRecipe(
        anatomy="merged",
        shape=replace(_SMALL, hidden=64, queries=40, pixel_layers=2, feedforward=128, pixel_feedforward=128),
        cohort=PhantomCohort(60, 30, 6.0, (80, 64)),
        training=replace(_STEPS, steps=3000, batch=8),
        anatomy_training=replace(_STEPS, steps=3000, batch=8),
    ),
)
GPU = LadderParameters(
    folds=(0, 1, 2, 3, 4),
    recipe=ApexRecipe(
        cohort=PhantomCohort(185, 125, 4.0, (128, 96)),
        shape=Shape(stem=2),
        training=TrainingSettings(steps=30_000, batch=16, learning_rate=1e-4),
        anatomy_training=TrainingSettings(steps=30_000, batch=16, learning_rate=1e-4),
    ),
)
TIERS: Mapping[str, LadderParameters] = {"ci": CI, "cpu": CPU, "gpu": GPU}


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
    recipes = {name: replace(parameters.recipe, arm=name) for name in dict.fromkeys(("baseline", *parameters.arms))}
    cohort = parameters.recipe.cohort
    patients = with_pathology(learning_patients(cohort, progress=part_of(console.progress, 0.0, 0.05)))
    held_out = held_out_patients(cohort, progress=part_of(console.progress, 0.05, 0.1))
    arms: dict[str, Any] = {}
    counts: dict[str, list[Counts]] = {}
    attention: Mapping[str, object] = {}
    with tempfile.TemporaryDirectory() as scratch:
        states = Path(parameters.states or scratch)
        for place, (name, recipe) in enumerate(recipes.items()):
            told = part_of(console.progress, 0.1 + 0.9 * place / len(recipes), 0.1 + 0.9 * (place + 1) / len(recipes))
            trained = _trained(recipe, parameters.folds, patients, states / name, told, console)
            counts[name], folds = _tried(recipe, trained, patients, held_out, console)
            arms[name] = _arm(recipe, trained, counts[name], counts["baseline"], folds)
            console.line(_line(name, arms[name]))
            if name == "cross-attention":
                attention = _attention(recipe, trained[0][1], held_out, folder, console)
    result = {
        "format": "anatomyguided-study",
        "version": 1,
        "software_version": __version__,
        "study": "apex-ladder",
        "tier": options.tier,
        "parameters": asdict(parameters),
        "patients": {"learned_from_or_fold": len(patients), "held_out": len(held_out)},
        "arms": arms,
        "not_run": dict(NOT_RUN),
        "attention": attention,
    }
    write_csv(folder / "ladder.csv", [_row(name, arm) for name, arm in arms.items()], _COLUMNS)
    write_json(folder / "study.json", result)
    for name, reason in NOT_RUN.items():
        console.line(f"{name:26} not run: it {reason}")
    console.progress(1.0, "Done")
    return result


def _trained(
    recipe: ApexRecipe,
    folds: Sequence[int],
    patients: Sequence[PatientSlices],
    states: Path,
    progress: Progress,
    console: Console,
) -> list[tuple[int, Learned]]:
    """The arm trained once a fold, on the patients of the other folds."""
    try:
        from PathologySegLib.apex.learning import learn
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    trained = []
    for place, fold in enumerate(folds):
        learned_from, _ = fold_of(patients, fold, recipe.folds)
        told = part_of(progress, place / len(folds), (place + 1) / len(folds))
        learned = learn(recipe, learned_from, states / f"fold_{fold}", progress=told, cancelled=console.cancelled)
        if not learned.is_complete:
            raise Cancelled("Stopped; with the setting states the study goes on from the last step.")
        trained.append((fold, learned))
    return trained


def _tried(
    recipe: ApexRecipe,
    trained: Sequence[tuple[int, Learned]],
    patients: Sequence[PatientSlices],
    held_out: Sequence[PatientSlices],
    console: Console,
) -> tuple[list[Counts], list[dict[str, float]]]:
    """By held-out patient the counts of all folds' networks together; by fold the scores of its own patients."""
    from PathologySegLib.apex.evaluation import counts_by_patient, scores_of

    total, folds = [Counts()] * len(held_out), []
    classes, anatomy_input = anatomy_classes(recipe.anatomy), recipe.chosen_arm.anatomy_input
    for fold, learned in trained:
        own = [
            counts_by_patient(
                learned.segmenter, chosen, classes, anatomy_input=anatomy_input, cancelled=console.cancelled
            )
            for chosen in (fold_of(patients, fold, recipe.folds)[1], held_out)
        ]
        folds.append(scores_of(own[0]))
        total = [before + one for before, one in zip(total, own[1].values(), strict=True)]
    return total, folds


def _arm(
    recipe: ApexRecipe,
    trained: Sequence[tuple[int, Learned]],
    counts: Sequence[Counts],
    baseline: Sequence[Counts],
    folds: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    arm, network = recipe.chosen_arm, trained[0][1].segmenter.network
    gain = differences(counts, baseline)
    return {
        "title": arm.title,
        "oracle": arm.anatomy_input,
        "in_table_10": recipe.arm in LADDER,
        **score_intervals(counts),
        "vs_baseline": gain,
        "beats_baseline": gain["iou"]["low"] > 0,
        "folds": {
            name: {"mean": round(float(np.mean(values)), 4), "deviation": round(float(np.std(values)), 4)}
            for name, values in ((name, [fold[name] for fold in folds]) for name in SCORES)
        },
        "weights": sum(value.numel() for value in network.parameters()),
        "steps": trained[0][1].steps,
        "seconds": round(sum(learned.seconds for _, learned in trained), 1),
    }


def _attention(
    recipe: ApexRecipe, learned: Learned, held_out: Sequence[PatientSlices], folder: Path, console: Console
) -> Mapping[str, object]:
    from PathologySegLib.apex.attention_files import write_attention

    found = write_attention(folder, learned.segmenter, held_out, anatomy_classes(recipe.anatomy), console)
    if found["lesions"]:
        console.line(
            f"{'attention':26} own or nearest structure in the top {found['top']} of {found['lesions']} predicted "
            f"lesions: {found['share']:.2f}, with permuted queries {found['share_permuted']:.2f}"
        )
    return found


_COLUMNS = ("arm", "title", "oracle", *(f"{s}{end}" for s in SCORES for end in ("", "_low", "_high", "_gain",
            "_gain_low", "_gain_high")), "steps", "seconds", "weights")  # fmt: skip


def _row(name: str, arm: Mapping[str, Any]) -> dict[str, object]:
    row: dict[str, object] = {
        "arm": name,
        **{key: arm[key] for key in ("title", "oracle", "steps", "seconds", "weights")},
    }
    for score in SCORES:
        own, gain = arm[score], arm["vs_baseline"][score]
        row |= {score: own["mean"], f"{score}_low": own["low"], f"{score}_high": own["high"]}
        row |= {f"{score}_gain": gain["mean"], f"{score}_gain_low": gain["low"], f"{score}_gain_high": gain["high"]}
    return row


def _line(name: str, arm: Mapping[str, Any]) -> str:
    words = [f"{score.replace('_', ' ')} {arm[score]['mean']:.3f}" for score in SCORES]
    gain = arm["vs_baseline"]["iou"]
    against = "" if name == "baseline" else f", {gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}] IoU"
    return f"{name:26} {', '.join(words)}{against}{' (true anatomy)' if arm['oracle'] else ''}"
