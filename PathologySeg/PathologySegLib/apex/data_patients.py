"""Patients of a data set as slices: prepared once, kept as arrays on disk, and read from there piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.files import staged_folder
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from PathologySegLib.apex.phantom_cohort import PhantomCohort
from PathologySegLib.apex.slice_grid import model_grid, study_slices
from PathologySegLib.apex.slices import PatientSlices
from PathologySegLib.data_sets import PetCtCase, cases_of

Predict = Callable[[Volume], Labelmap]
_ARRAYS = ("images", "anatomy", "lesions")


def data_patients(
    source: Path,
    shape: PhantomCohort,
    folder: Path,
    predict: Predict | None,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[PatientSlices]:
    """The cases of a table or of a folder in a published layout, in the frame and spacing of the cohort's settings.

    A case with lesions but without anatomy gets the predicted one, or none where `predict` is None. The folder keeps
    what was prepared; it is not prepared again.

    Raises:
        AnatomyGuidedError: The data set or one of its files is not what it should be.
        Cancelled: The user stopped; cases that are prepared stay.
    """
    patients = []
    cases = cases_of(source)
    for place, case in enumerate(cases):
        stop_if(cancelled)
        progress(place / len(cases), f"Preparing {case.name}")
        prepared = folder / file_name(case.name)
        if not prepared.is_dir():
            _prepare(case, shape, prepared, predict)
        patients.append(_read(case, shape, prepared))
    return patients


def atlas_note(source: Path, atlas: str) -> str:
    """How many cases' anatomy an atlas model predicts; nothing where all cases have their own.

    Raises:
        AnatomyGuidedError: The data set is not what it should be.
    """
    cases = cases_of(source)
    lacking = sum(case.anatomy is None for case in cases)
    return f"{lacking} of {len(cases)} cases of {source.name} have no anatomy; {atlas} predicts it." if lacking else ""


def _prepare(case: PetCtCase, shape: PhantomCohort, folder: Path, predict: Predict | None) -> None:
    study, lesions = case.read()
    if study.anatomy is None and predict and lesions.values.any():
        study = replace(study, anatomy=predict(study.ct))
    patient = study_slices(case.name, study, model_grid(study.ct, shape.frame, shape.spacing_mm), lesions)
    with staged_folder(folder) as staged:
        for name in _ARRAYS:
            np.save(staged / f"{name}.npy", getattr(patient, name))


def _read(case: PetCtCase, shape: PhantomCohort, folder: Path) -> PatientSlices:
    """The patient, whose arrays stay on disk until a slice is asked for."""
    images, anatomy, lesions = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    side = shape.spacing_mm
    return PatientSlices(case.name, images, anatomy, lesions, (side, side, side), case.patient)
