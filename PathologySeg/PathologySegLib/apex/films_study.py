"""The study `apex-films`: Table 12's methods that run here on made chest films of bodies that none learned from."""

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

from PathologySegLib.apex.film import Film
from PathologySegLib.apex.films_report import TABLE, FilmScores, arm_line, arm_result, table_rows
from PathologySegLib.apex.films_settings import TIERS
from PathologySegLib.apex.fold_trainings import arm_recipes, states_folder, trained_folds
from PathologySegLib.apex.folds import fold_of
from PathologySegLib.apex.ladder import NOT_RUN
from PathologySegLib.apex.paxray import film_classes
from PathologySegLib.apex.phantom_films import held_out_films, learning_films
from PathologySegLib.apex.recipe import ApexRecipe

if TYPE_CHECKING:
    from PathologySegLib.apex.learning import Learned

Bodies = Sequence[Sequence[Film]]


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What each arm reached on the held-out bodies' films, and how it compares with the baseline on the same ones.

    Raises:
        UsageError: A cohort was given, an arm does not run here or finds no instances, or a setting is unknown.
        AnatomyGuidedError: torch, transformers or pycocotools is missing.
        Cancelled: The user stopped.
    """
    if options.cohort:
        raise UsageError("The study apex-films makes its own films; call it without --cohort.")
    try:
        from PathologySegLib.apex.film_learning import film_lessons
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    parameters = with_settings(TIERS[options.tier], options.settings)
    recipes = arm_recipes(parameters.recipe, parameters.arms, console)
    cohort, names = parameters.recipe.films, film_classes(parameters.recipe.film_anatomy)
    stop = console.cancelled
    bodies = learning_films(cohort, names, progress=part_of(console.progress, 0.0, 0.05), cancelled=stop)
    held_out = held_out_films(cohort, names, progress=part_of(console.progress, 0.05, 0.1), cancelled=stop)
    arms: dict[str, Any] = {}
    scores: dict[str, FilmScores] = {}
    states = states_folder(options, folder, parameters.recipe)
    for place, (name, recipe) in enumerate(recipes.items()):
        told = part_of(console.progress, 0.1 + 0.9 * place / len(recipes), 0.1 + 0.9 * (place + 1) / len(recipes))
        trained = trained_folds(
            recipe, parameters.folds, bodies, lambda own, some: film_lessons(own, _flat(some)), states / name, told,
            console, where=options.where,
        )  # fmt: skip
        scores[name], folds = _tried(recipe, trained, bodies, held_out)
        arms[name] = arm_result(recipe, trained, scores[name], scores["baseline"], folds)
        console.line(arm_line(name, arms[name]))
    result = write_study(
        folder,
        "apex-films",
        tier=options.tier,
        parameters=asdict(parameters),
        bodies={"learned_from_or_fold": len(bodies), "held_out": len(held_out)},
        films={"learned_from_or_fold": len(_flat(bodies)), "held_out": len(_flat(held_out))},
        arms=arms,
        not_run=dict(NOT_RUN),
    )
    rows = table_rows(arms)
    write_csv(folder / TABLE, rows, tuple(rows[0]))
    for name, reason in NOT_RUN.items():
        console.line(f"{name:26} not run: it {reason}")
    console.progress(1.0, "Done")
    return result


def _tried(
    recipe: ApexRecipe, trained: Sequence[tuple[int, Learned]], bodies: Bodies, held_out: Bodies
) -> tuple[FilmScores, list[float]]:
    """Held-out APs, as means over the folds' networks; by fold the mAP of its own bodies."""
    from PathologySegLib.apex.drawn_precision import drawn_precisions, matches_of
    from PathologySegLib.apex.film_learning import CATEGORY_COUNT, film_scores, films_instances

    drawn, folds = [], []
    for fold, learned in trained:
        folds.append(film_scores(learned.segmenter, _flat(fold_of(bodies, fold, recipe.folds)[1]))["map"])
        films = _flat(held_out)
        found = films_instances(learned.segmenter, films)
        matches = matches_of([film.findings for film in films], found, CATEGORY_COUNT)
        drawn.append(drawn_precisions(matches, [len(own) for own in held_out]))
    return FilmScores.of(drawn), folds


def _flat(bodies: Bodies) -> list[Film]:
    return [film for films in bodies for film in films]
