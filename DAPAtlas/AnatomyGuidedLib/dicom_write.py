"""A made patient's PET/CT as DICOM: one study, one frame of reference, a CT in HU and a PET in Bq/ml, one file a slice.

Slices are the stored array's [i, j] planes, so rows run along i, columns along j and the stack along k, whatever the
orientation. The same images and patient give the same bytes, unique identifiers included.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.dicom_write_study import BODY_PARTS, Injection, PatientDetails, Study, activity_per_suv
from AnatomyGuidedLib.dicom_write_tags import (
    INTERCEPT_HU,
    Header,
    ct_header,
    decimal,
    pet_header,
    place_slice,
)
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import cannot_write
from AnatomyGuidedLib.grid import Grid, Volume, require_same_grid
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

__all__ = ["BODY_PARTS", "PatientDetails", "write_pet_ct"]

Slice = npt.NDArray[np.float32]  # [row, column]
Stored = tuple[npt.NDArray[Any], float]  # 16 bits a pixel, and the slope that gives them their unit

_HIGHEST_STORED = 65535
_FAINTEST = 1e-6  # of the volume's maximum: a slice below that is stored in steps of this
_LOWEST_HU, _HIGHEST_HU = -32768, 32767 + INTERCEPT_HU  # int16, also above the intercept
_SHEAR_TOLERANCE = 1e-5  # cosine between two axes: 0.006 mm over 600 mm; headers in float32 stay below 1e-6
_SLAB = 16  # slices that are transposed together: one at a time would fetch the whole volume for each
_PROGRESS_EVERY = 32


def write_pet_ct(
    folder: Path,
    ct: Volume,
    pet: Volume,
    *,
    patient: PatientDetails,
    body_part: str = BODY_PARTS[0],
    rng: np.random.Generator | None = None,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> None:
    """Nothing; `folder/ct` and `folder/pet` hold the slices (`0001.dcm`, ...) of a CT and a PET of one patient.

    HU are rounded to whole numbers. SUV becomes activity at the start of the scan, in 65535 steps of each slice's own
    maximum. With `rng` the dose and the time since the injection vary as they do in practice; without, they are
    3.5 MBq/kg and 60 min. `body_part` is one of `BODY_PARTS`.

    Raises:
        AnatomyGuidedError: The images are no HU and SUV on one grid of perpendicular axes, hold NaN, infinity, an SUV
            below 0 or no activity; a folder already holds files, or cannot be written to.
        Cancelled: `cancelled` said so; what was written until then is the caller's to remove.
    """
    _require_images(ct, pet)
    injection = Injection.of(patient, rng)
    said = (patient, injection, body_part, ct.grid.shape, ct.grid.affine.tolist())
    study = Study(patient, injection, ct.grid, body_part, _fingerprint(said, ct, pet))
    series = (
        _Series("ct", ct_header(study), ct.values, _stored_hu),
        _Series("pet", pet_header(study), pet.values, _stored_activity(pet, activity_per_suv(study))),
    )
    for one in series:
        _make_empty(folder / one.name)
    for number, one in enumerate(series):
        _write_series(folder, one, study, part_of(progress, number / 2, (number + 1) / 2), cancelled)


@dataclass(frozen=True)
class _Series:
    name: str
    header: Header
    values: npt.NDArray[np.float32]
    stored: Callable[[Slice], Stored]


def _write_series(folder: Path, series: _Series, study: Study, progress: Progress, cancelled: CancelCheck) -> None:
    count = study.grid.shape[2]
    for k, values in enumerate(_slices(series.values)):
        stop_if(cancelled)
        pixels, slope = series.stored(values)
        place_slice(series.header, study, k)
        _put_pixels(series.header, pixels, slope)
        _name_slice(series.header, study.uid(f"{series.name}/{k}"))
        _save(series.header, folder / series.name / f"{k + 1:04d}.dcm")
        if (k + 1) % _PROGRESS_EVERY == 0 or k + 1 == count:
            progress((k + 1) / count, f"Writing the {series.name.upper()} as DICOM")


def _stored_hu(values: Slice) -> Stored:
    """Whole HU above the intercept, as int16, with a slope of 1."""
    return (np.rint(values.clip(_LOWEST_HU, _HIGHEST_HU)) - INTERCEPT_HU).astype("<i2"), 1.0


def _stored_activity(pet: Volume, bq_ml_per_suv: float) -> Callable[[Slice], Stored]:
    """How a slice of SUV becomes uint16 steps, and the step in Bq/ml.

    An empty slice needs a slope too, and no whole number: readers that decide by the first slice's (ITK's) would cut
    all others to whole Bq/ml.
    """
    faintest = float(pet.values.max()) * _FAINTEST

    def stored(values: Slice) -> Stored:
        slope = float(decimal(max(float(values.max()), faintest) * bq_ml_per_suv / _HIGHEST_STORED))
        return np.rint(values.astype(np.float64) * (bq_ml_per_suv / slope)).astype("<u2"), slope

    return stored


def _slices(values: npt.NDArray[np.float32]) -> Iterator[Slice]:
    """The [row, column] planes along k."""
    for start in range(0, values.shape[2], _SLAB):
        yield from np.ascontiguousarray(values[:, :, start : start + _SLAB].T)


def _put_pixels(header: Header, pixels: npt.NDArray[Any], slope: float) -> None:
    header.RescaleSlope = decimal(slope)
    header.add_new("PixelData", "OW", pixels.tobytes())


def _name_slice(header: Header, uid: str) -> None:
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid


def _save(header: Header, path: Path) -> None:
    try:
        header.save_as(path, enforce_file_format=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = next(folder.iterdir(), None)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if held:
        raise AnatomyGuidedError(
            f"The folder {folder.name} already holds files (such as {held.name}), but slices of two patients must not "
            "mix; choose an empty folder."
        )


def _fingerprint(said: object, ct: Volume, pet: Volume) -> str:
    """What tells this study from any other: identifiers made from it never stand for two different images."""
    digest = hashlib.blake2b(repr(said).encode())
    for volume in (ct, pet):
        for values in _slices(volume.values):
            digest.update(values.data)
    return digest.hexdigest()


def _require_images(ct: Volume, pet: Volume) -> None:
    for name, volume, unit in (("CT", ct, "HU"), ("PET", pet, "SUV")):
        if volume.unit != unit:
            raise AnatomyGuidedError(
                f"The {name} must be in {unit}, but its unit is {volume.unit or 'unknown'}; convert it first."
            )
        if not np.isfinite([volume.values.min(), volume.values.max()]).all():
            raise AnatomyGuidedError(f"The {name} holds NaN or infinite values, which DICOM cannot store; remove them.")
    require_same_grid(ct.grid, pet.grid, names=("the CT", "the PET"))
    _require_perpendicular(ct.grid)
    low, high = float(pet.values.min()), float(pet.values.max())
    if low < 0 or high == 0:
        raise AnatomyGuidedError(
            f"The PET's SUV must be 0 or more and not 0 everywhere, but run from {low:g} to {high:g}; correct them."
        )


def _require_perpendicular(grid: Grid) -> None:
    shear = float(np.abs(grid.directions.T @ grid.directions - np.eye(3)).max())
    if shear > _SHEAR_TOLERANCE:
        raise AnatomyGuidedError(
            f"The images' axes must be perpendicular to be stored as DICOM slices, but are sheared by "
            f"{np.degrees(np.arcsin(shear)):.3f} degrees; resample them onto perpendicular axes."
        )
