"""A data set built: CTs selected, labelled side by side, filtered; what was taken, what was not, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.cohort import Case, read_result, run_cohort
from AnatomyGuidedLib.cohort_case import result_path
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_grid
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

from DAPAtlasLib.dataset import places
from DAPAtlasLib.dataset.case import WORK, cases
from DAPAtlasLib.dataset.patients import Study
from DAPAtlasLib.dataset.selection import commonest_mm, slice_thickness_mm, why_not_thickness
from DAPAtlasLib.dataset.settings import DatasetSettings


@dataclass(frozen=True)
class Resources:
    """Where the cases run, as `run_cohort` describes it."""

    workers: int | None = None
    scheduler: str | None = None
    resume: bool = False


@dataclass(frozen=True)
class Taken:
    """A study of the data set, and what its worker told of the label map."""

    study: Study
    thickness_mm: float
    told: Mapping[str, object]
    was_kept: bool


@dataclass(frozen=True)
class LeftOut:
    """A study that is not in the data set, and why; `has_failed` if its files could not be worked on at all."""

    study: Study
    reason: str
    has_failed: bool = False


@dataclass(frozen=True)
class Dataset:
    """What was taken and what was not, each in the order of the cohort; the thickness of slices is that of all."""

    taken: tuple[Taken, ...]
    left_out: tuple[LeftOut, ...]
    thickness_mm: float | None


def build_dataset(
    studies: Sequence[Study],
    settings: DatasetSettings,
    folder: Path,
    resources: Resources | None = None,
    *,
    progress: Progress = no_progress,
    note: Callable[[str], None] = lambda _: None,
    cancelled: CancelCheck = never_cancelled,
) -> Dataset:
    """The data set; its label maps, statistics and reports lie in the folder, and those of cases left out do not.

    Raises:
        Cancelled: The user stopped the work; finished cases stay on disk.
        AnatomyGuidedError: A label map would take the place of an input, or as `run_cohort`.
        UsageError: As `run_cohort`.
    """
    resources = resources or Resources()
    if folder.exists() and not folder.is_dir():
        raise AnatomyGuidedError(f"{folder.name} is a file, but a folder's name was expected as output.")
    _require_no_input_replaced(studies, folder)
    thicknesses, left_out = _surveyed(studies, part_of(progress, 0.0, 0.1), cancelled)
    wanted = _wanted_mm(list(thicknesses.values()), settings)
    fitting = []
    for study in studies:
        if study.name in thicknesses:
            reason = why_not_thickness(thicknesses[study.name], wanted or 0.0, settings.selection)
            if reason:
                left_out.append(LeftOut(study, reason))
            else:
                fitting.append(study)
    by_name = {study.name: study for study in studies}
    to_run = cases(fitting, settings, folder)
    _forget_lost(to_run, folder)
    try:
        run = run_cohort(
            to_run,
            WORK,
            folder / places.RESULTS,
            workers=resources.workers,
            scheduler=resources.scheduler,
            resume=resources.resume,
            progress=part_of(progress, 0.1, 1.0),
            note=note,
            cancelled=cancelled,
        )
    finally:
        _remove_leftovers(folder)
    taken = []
    for done in run.done:
        study, told = by_name[done.case.name], read_result(done.path)
        if told["reason"]:
            left_out.append(LeftOut(study, str(told["reason"])))
        else:
            taken.append(Taken(study, thicknesses[study.name], told, done.was_kept))
    left_out += [LeftOut(by_name[failed.case.name], failed.reason, has_failed=True) for failed in run.failed]
    _remove_files([one.study for one in left_out], folder)
    order = {study.name: place for place, study in enumerate(studies)}
    return Dataset(tuple(taken), tuple(sorted(left_out, key=lambda one: order[one.study.name])), wanted)


def _surveyed(
    studies: Sequence[Study], progress: Progress, cancelled: CancelCheck
) -> tuple[dict[str, float], list[LeftOut]]:
    """The thickness of slices by study, from headers alone, and the studies whose headers cannot be read."""
    thicknesses: dict[str, float] = {}
    failed = []
    for number, study in enumerate(studies):
        stop_if(cancelled)
        progress(number / len(studies), f"Looking at {study.name}")
        try:
            thicknesses[study.name] = slice_thickness_mm(read_grid(study.ct))
        except AnatomyGuidedError as error:
            failed.append(LeftOut(study, str(error), has_failed=True))
    return thicknesses, failed


def _wanted_mm(thicknesses_mm: Sequence[float], settings: DatasetSettings) -> float | None:
    return settings.selection.slice_thickness_mm or (commonest_mm(thicknesses_mm) if thicknesses_mm else None)


def _forget_lost(to_run: Sequence[Case], folder: Path) -> None:
    """Nothing; a result of an earlier run whose label map is gone does not count as finished."""
    for case in to_run:
        path = result_path(folder / places.RESULTS, case)
        are_there = all(file.is_file() for file in places.files_of(folder, case.name))
        with suppress(AnatomyGuidedError):
            if path.is_file() and not read_result(path)["reason"] and not are_there:
                path.unlink()


def _remove_files(studies: Sequence[Study], folder: Path) -> None:
    """Nothing; what an earlier run with other settings had written for these is gone."""
    for study in studies:
        for path in places.files_of(folder, study.name):
            path.unlink(missing_ok=True)


def _remove_leftovers(folder: Path) -> None:
    """Nothing; half-written files of workers that were killed are gone."""
    for name in (places.LABELS, places.STATISTICS, places.REPORTS):
        for leftover in (folder / name).glob(".*.part.*"):
            leftover.unlink(missing_ok=True)


def _require_no_input_replaced(studies: Sequence[Study], folder: Path) -> None:
    targets = {path.resolve() for study in studies for path in places.files_of(folder, study.name)}
    for study in studies:
        for path in study.inputs():
            if path.resolve() in targets:
                raise AnatomyGuidedError(
                    f"{path.name} is an input and would be replaced by a label map; choose another output folder."
                )
