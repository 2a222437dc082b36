"""`train apex`: from a recipe to a model folder, and how well it does on patients that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.begun_training import begin, cut_short_notes
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import CancelCheck, Progress, part_of
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.data_patients import atlas_note, data_patients
from PathologySegLib.apex.film_sets import films_of
from PathologySegLib.apex.folds import fold_of, with_pathology
from PathologySegLib.apex.held_apart import require_apart, same_names_note
from PathologySegLib.apex.paxray import film_classes
from PathologySegLib.apex.phantom_cohort import held_out_patients, learning_patients
from PathologySegLib.apex.phantom_films import held_out_films, learning_films
from PathologySegLib.apex.recipe import XRAY, ApexRecipe
from PathologySegLib.apex.slices import PatientSlices
from PathologySegLib.learning.fingerprints import model_checksums
from PathologySegLib.model_lesions import predicted_anatomy

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Source

    from PathologySegLib.apex.learning import Learned
    from PathologySegLib.apex.segmenter import Classes, Segmenter

STATE_FOLDER, PREPARED = "training", "prepared"


@dataclass(frozen=True)
class Domain:
    """What a domain has to learn from in folds and to try (patients, or bodies with their films), and how."""

    cases: Callable[[Progress, CancelCheck], Sequence[Any]]
    held_out: Callable[[Progress, CancelCheck], Sequence[Any]]
    lessons: Callable[[ApexRecipe, Sequence[Any]], tuple[Source, Classes]]
    scores: Callable[[Segmenter, Sequence[Any], CancelCheck], Mapping[str, float]]
    images: Callable[[Sequence[Any]], Iterable[tuple[str, Any]]]
    noun: str
    whose: Callable[[Any], object] = id
    notes: Sequence[str] = ()


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The training's steps and time, and the scores of the fold and of the held-out test; the folder is a model.

    Raises:
        UsageError: A setting is unknown or none that can be trained with, the folder's training has others, or somebody
            is both learned from and held out.
        AnatomyGuidedError: torch or transformers is missing, or the backbone's weights do not fit.
        Cancelled: The user stopped; the state is kept, and the folder is a model of what was learned so far.
    """
    recipe = with_settings(ApexRecipe(), order.settings)
    try:
        from AnatomyGuidedLib.learning.together import first_goes_ahead, own_share

        from PathologySegLib.apex.learning import learn_from

        domain = _films(recipe, order) if recipe.domain == XRAY else _slices(recipe, order)
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    is_first = own_share().is_first
    with first_goes_ahead(own_share()):
        if is_first:
            begin(order.folder, recipe, resume=order.resume)
            for note in domain.notes:
                console.note(note)
        cases = domain.cases(part_of(console.progress, 0.0, 0.08), console.cancelled)
        held_out = domain.held_out(part_of(console.progress, 0.08, 0.1), console.cancelled)
        if is_first:
            require_apart(domain.images(cases), domain.images(held_out), cancelled=console.cancelled)
    alike = same_names_note(*({domain.whose(one) for one in side} for side in (cases, held_out))) if recipe.data else ""
    if alike and is_first:
        console.note(alike)
    learned, tried = fold_of(cases, recipe.fold, recipe.folds, whose=domain.whose)
    result = learn_from(
        recipe,
        *domain.lessons(recipe, learned),
        order.folder / STATE_FOLDER,
        where=order.where,
        device=chosen_device(order.device),
        progress=part_of(console.progress, 0.1, 0.95),
        cancelled=console.cancelled,
    )
    if not is_first:
        return {}
    _write(order, recipe, result, {}, domain.notes)
    if not result.is_complete:
        raise Cancelled(f"Stopped after {result.steps} steps.")
    scores: dict[str, Any] = {}
    for name, cases in ((name, cases) for name, cases in (("fold", tried), ("test", held_out)) if cases):
        found = domain.scores(result.segmenter, cases, console.cancelled)
        scores[name] = {domain.noun: len(cases), **found}
        console.line(f"{recipe.arm}, {name} of {len(cases)} {domain.noun}: {_words(found)}")
    _write(order, recipe, result, scores, domain.notes)
    return {"arm": recipe.arm, "steps": result.steps, "seconds": round(result.seconds, 1), **scores}


def _slices(recipe: ApexRecipe, order: TrainingOrder) -> Domain:
    from PathologySegLib.apex.evaluation import counts_by_patient, scores_of
    from PathologySegLib.apex.learning import slice_lessons

    def scores(segmenter: Segmenter, patients: Sequence[Any], cancelled: CancelCheck) -> Mapping[str, float]:
        anatomy_input, classes = recipe.chosen_arm.anatomy_input, anatomy_classes(recipe.anatomy)
        return scores_of(
            counts_by_patient(segmenter, patients, classes, anatomy_input=anatomy_input, cancelled=cancelled)
        )

    return Domain(
        lambda told, stop: with_pathology(
            _data(recipe, "data", order, told, stop)
            if recipe.data
            else learning_patients(recipe.cohort, progress=told, cancelled=stop)
        ),
        lambda told, stop: with_pathology(
            _data(recipe, "test_data", order, told, stop)
            if recipe.data
            else held_out_patients(recipe.cohort, progress=told, cancelled=stop)
        ),
        slice_lessons,
        scores,
        lambda patients: ((one.name, one.images) for one in patients),
        "patients",
        lambda patient: patient.whose,
        _atlas_notes(recipe, order),
    )


def _data(
    recipe: ApexRecipe, setting: str, order: TrainingOrder, progress: Progress, cancelled: CancelCheck
) -> list[PatientSlices]:
    """The patients of the data set that a setting names; none where it names none."""
    source = getattr(recipe, setting)
    if not source:
        return []

    arm = recipe.chosen_arm

    def predict(ct: Volume) -> Labelmap:
        rules = not arm.anatomy_input  # in prediction it is shown the model's own labels
        return predicted_anatomy(ct, recipe.atlas, rules=rules, device=order.device, cancelled=cancelled)

    return data_patients(
        order.where / source,
        recipe.cohort,
        order.folder / PREPARED / setting,
        predict if arm.needs_anatomy else None,
        models=model_checksums([recipe.atlas]) if arm.needs_anatomy else {},
        progress=progress,
        cancelled=cancelled,
    )


def _atlas_notes(recipe: ApexRecipe, order: TrainingOrder) -> list[str]:
    """On whose anatomy an atlas model predicts, of PET/CT that the arm learns from or is tried on."""
    if not recipe.chosen_arm.needs_anatomy:
        return []
    sources = [order.where / source for source in (recipe.data, recipe.test_data) if source]
    return [note for source in sources if (note := atlas_note(source, recipe.atlas))]


def _films(recipe: ApexRecipe, order: TrainingOrder) -> Domain:
    from PathologySegLib.apex.film_learning import film_lessons, film_scores

    names = film_classes(recipe.film_anatomy)

    def lessons(recipe: ApexRecipe, bodies: Sequence[Any]) -> tuple[Source, Classes]:
        return film_lessons(recipe, [film for films in bodies for film in films])

    def scores(segmenter: Segmenter, bodies: Sequence[Any], cancelled: CancelCheck) -> Mapping[str, float]:  # noqa: ARG001
        return film_scores(segmenter, [film for films in bodies for film in films])

    def given(source: str, needs_anatomy: bool) -> Sequence[Any]:
        return films_of(order.where / source, names, recipe.films.pixels, needs_anatomy=needs_anatomy) if source else []

    return Domain(
        lambda told, stop: (
            given(recipe.data, recipe.chosen_arm.learns_anatomy)
            if recipe.data
            else learning_films(recipe.films, names, progress=told, cancelled=stop)
        ),
        lambda told, stop: (
            given(recipe.test_data, False)
            if recipe.data
            else held_out_films(recipe.films, names, progress=told, cancelled=stop)
        ),
        lessons,
        scores,
        lambda bodies: ((film.name, film.image) for films in bodies for film in films),
        "bodies",
    )


def _write(
    order: TrainingOrder, recipe: ApexRecipe, result: Learned, scores: Mapping[str, Any], notes: Sequence[str]
) -> None:
    from PathologySegLib.apex.model_folder import write_apex

    of = recipe.training.steps + (recipe.anatomy_training.steps if recipe.chosen_arm.pretrained else 0)
    cut_short = cut_short_notes(order.folder.name, result.steps, of)
    write_apex(order.folder, recipe, result.segmenter, steps=result.steps, results=scores, notes=(*notes, *cut_short))


def _words(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in scores.items())
