"""Patients of a data set as slices: prepared once, kept as arrays on disk, and read from there piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.files import staged_folder, write_json
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from PathologySegLib.apex.phantom_cohort import PhantomCohort
from PathologySegLib.apex.slice_grid import model_grid, study_slices
from PathologySegLib.apex.slices import PatientSlices
from PathologySegLib.data_sets import PetCtCase, cases_of
from PathologySegLib.learning.fingerprints import file_stamps
from PathologySegLib.lesions_on_grid import mask_on

Predict = Callable[[Volume], Labelmap]
_ARRAYS, _STAMPS = ("images", "anatomy", "lesions"), "stamps.json"


def data_patients(
    source: Path,
    shape: PhantomCohort,
    folder: Path,
    predict: Predict | None,
    *,
    models: Mapping[str, str] = MappingProxyType({}),
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[PatientSlices]:
    """The cases of a table or of a folder in a published layout, in the frame and spacing of the cohort's settings.

    A case with lesions but without anatomy gets the predicted one, or none where `predict` is None; `models` tells by
    name which weights predict it. The folder keeps what was prepared; it is prepared again only where one of the case's
    files, or the model that predicted its anatomy, was changed.

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
        stamps = [*file_stamps(case), *([] if case.anatomy else map(str, sorted(models.items())))]
        if not prepared.is_dir() or _stamps_of(prepared, otherwise=stamps) != stamps:
            _prepare(case, shape, prepared, predict, stamps)
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


def _stamps_of(prepared: Path, *, otherwise: list[str]) -> list[str]:
    """What the arrays were made from; `otherwise` where an earlier version prepared them and did not tell."""
    file = prepared / _STAMPS
    return list(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else otherwise


def _prepare(case: PetCtCase, shape: PhantomCohort, folder: Path, predict: Predict | None, stamps: list[str]) -> None:
    study, lesions = case.read()
    if study.anatomy is None and predict and lesions.values.any():
        study = replace(study, anatomy=predict(study.ct))
    grid = model_grid(study.ct, shape.frame, shape.spacing_mm)
    patient = study_slices(case.name, study, grid, mask_on(lesions, grid))
    with staged_folder(folder) as staged:
        for name in _ARRAYS:
            np.save(staged / f"{name}.npy", getattr(patient, name))
        write_json(staged / _STAMPS, stamps)


def _read(case: PetCtCase, shape: PhantomCohort, folder: Path) -> PatientSlices:
    """The patient, whose arrays stay on disk until a slice is asked for."""
    images, anatomy, lesions = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    side = shape.spacing_mm
    return PatientSlices(case.name, images, anatomy, lesions, (side, side, side), case.patient)
