"""DICOM series: one CT in HU or one PET in SUVbw out of a folder or one of its files, or a plain refusal.

Geometry comes from the slices' own positions, never from their file names or numbers; pixels are decoded by
SimpleITK (GDCM), which also reads the compressed transfer syntaxes.
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.uid import UID

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, InvalidGrid
from AnatomyGuidedLib.suv import suv_factor
from AnatomyGuidedLib.suv_private import PRIVATE_TAGS

Header = Any  # pydicom.Dataset; pydicom has no types for the attributes of a data set

_MAGIC_OFFSET = 128
_RELATIVE_GAP_TOLERANCE = 0.02
_GAP_TOLERANCE_MM = 0.01
_ORIENTATION_TOLERANCE = 1e-4
_UNIT_TOLERANCE = 1e-3  # of a direction's length and angle; tools write as few as four decimals
_PLACED_BY = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2, "Rows": 1, "Columns": 1}
_DICOMDIR = "Media Storage Directory Storage"
_OTHER_TAGS = (
    "SeriesInstanceUID",
    "SeriesNumber",
    "Modality",
    "SpacingBetweenSlices",
    "SliceThickness",
    "RescaleSlope",
    "Units",
    "DecayCorrection",
    "PatientWeight",
    "RadiopharmaceuticalInformationSequence",
    "SeriesDate",
    "SeriesTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "TimezoneOffsetFromUTC",
    "SeriesType",
    "NumberOfTimeSlots",
    "NumberOfTimeSlices",
    "CorrectedImage",
    "SUVType",
    "FrameReferenceTime",
    "ActualFrameDuration",
)
_SIZE = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames")

UNREADABLE = (
    pydicom.errors.InvalidDicomError,
    pydicom.errors.BytesLengthException,
    NotImplementedError,
    AttributeError,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    struct.error,
)


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        stream.seek(_MAGIC_OFFSET)
        return stream.read(4) == b"DICM"


def read(path: Path) -> tuple[npt.NDArray[np.float32], Grid, str]:
    """Values (HU or SUVbw), grid and unit of the series in a folder, or of the series that one file belongs to.

    Raises:
        AnatomyGuidedError: No DICOM image there; several series (they are listed); a slice is missing, doubled or
            unreadable; the series is neither CT nor PET; the PET's units or decay correction are not handled.
    """
    headers = _series(path)
    headers = _sorted_slices(headers)
    grid = _grid(headers)
    modality = str(headers[0].get("Modality") or "absent")
    if modality not in ("CT", "PT"):
        raise AnatomyGuidedError(f"{path.name} is a DICOM series of modality {modality}, but CT or PT was expected.")
    unit, factor = ("HU", 1.0) if modality == "CT" else ("SUV", suv_factor(headers))
    values = np.stack([_pixels(header, grid) for header in headers], axis=-1)
    values *= np.float32(factor)
    return values, grid, unit


def read_grid(path: Path) -> Grid:
    """The grid alone of the series in a folder, or of the series that one file belongs to: no pixel is decoded.

    Raises:
        AnatomyGuidedError: As `read`, as far as the headers show it.
    """
    return _grid(_sorted_slices(_series(path)))


def read_suv_factor(files: Sequence[Path]) -> float:
    """What the rescaled values of a PET's slices, given by their files, are multiplied with to give SUVbw.

    Raises:
        AnatomyGuidedError: A file is missing or damaged, is no PET, or SUV cannot be computed.
    """
    headers = [_header(file) for file in files]
    other = sorted({str(header.get("Modality") or "absent") for header in headers} - {"PT"})
    if other:
        raise AnatomyGuidedError(f"A DICOM series of modality {other[0]} came, but a PET (PT) was expected.")
    return suv_factor(headers)


def _series(path: Path) -> list[Header]:
    folder = path if path.is_dir() else path.parent
    found: dict[str, list[Header]] = defaultdict(list)
    for file in sorted(folder.rglob("*") if path.is_dir() else folder.iterdir()):
        if is_dicom(file) or (file.is_file() and file.suffix.lower() == ".dcm"):
            header = _header(file)
            if _is_image(header):
                found[str(header.get("SeriesInstanceUID", ""))].append(header)
    if path.is_file():
        wanted = str(_header(path).get("SeriesInstanceUID", ""))
        found = defaultdict(list, {uid: headers for uid, headers in found.items() if uid == wanted})
    if not found:
        raise AnatomyGuidedError(
            f"{path.name} holds no DICOM image; give a folder with one series, or one of its files."
        )
    if len(found) > 1:
        listed = "; ".join(sorted(_described(headers) for headers in found.values()))
        raise AnatomyGuidedError(
            f"{path.name} holds {len(found)} DICOM series, but one was expected: {listed}. "
            "Give one file of the series that you want."
        )
    return next(iter(found.values()))


def _header(file: Path) -> Header:
    """The tags that are used, and no others: no name of a patient gets further than this."""
    try:
        header = pydicom.dcmread(
            file, stop_before_pixels=True, specific_tags=[*_PLACED_BY, *_OTHER_TAGS, *PRIVATE_TAGS]
        )
        _ = [*header.file_meta, *header.iterall()]  # pydicom reads values when asked for: a damaged one shows here
    except UNREADABLE as error:
        raise _damaged(file.name) from error
    return header


def _is_image(header: Header) -> bool:
    """Whether it holds pixels; a structure set, a report or a dose's plan does not.

    Raises:
        AnatomyGuidedError: It ends before it says what it is or how large its image is; pydicom reads that silently.
    """
    if "Rows" in header:
        return True
    kind = UID(str(header.file_meta.get("MediaStorageSOPClassUID", ""))).name
    if "Image Storage" in kind or ("SeriesInstanceUID" not in header and kind != _DICOMDIR):
        raise _damaged(_name(header))
    return False


def _damaged(name: str) -> AnatomyGuidedError:
    return AnatomyGuidedError(f"{name} cannot be read as DICOM: it is damaged or truncated; export it again.")


def _described(headers: Sequence[Header]) -> str:
    first = headers[0]
    example = Path(str(first.filename)).name
    kind, number = first.get("Modality", "?"), first.get("SeriesNumber", "?")
    return f"{kind} series {number}, {len(headers)} images, such as {example}"


def _sorted_slices(headers: list[Header]) -> list[Header]:
    for header in headers:
        _require_placed(header)
    first = headers[0]
    for header in headers:
        _require_alike(first, header)
    normal = _normal(first)
    return sorted(headers, key=lambda header: float(_position(header) @ normal))


def _numbers(value: object) -> FloatArray:
    """A tag's numbers, none where it is absent, empty or holds words."""
    try:
        return np.atleast_1d(np.asarray([] if value is None else value, dtype=np.float64))
    except (ValueError, TypeError):
        return np.zeros(0)


def _require_placed(header: Header) -> None:
    for needed, count in _PLACED_BY.items():
        values = _numbers(header.get(needed))
        if values.size != count or not np.isfinite(values).all():
            raise AnatomyGuidedError(
                f"{_name(header)} has no valid {needed}: only slices with a position in the patient can be read "
                "(no scout, no enhanced multi-frame file)."
            )
    axes = np.array(_axes(header))
    if np.abs(axes @ axes.T - np.eye(2)).max() > _UNIT_TOLERANCE:
        raise AnatomyGuidedError(
            f"{_name(header)} has an ImageOrientationPatient that is no pair of perpendicular unit vectors; "
            "export the series again."
        )


def _require_alike(first: Header, other: Header) -> None:
    turned = np.abs(np.subtract(first.ImageOrientationPatient, other.ImageOrientationPatient, dtype=float)).max()
    same = (first.Rows, first.Columns) == (other.Rows, other.Columns) and turned < _ORIENTATION_TOLERANCE
    if not same or [*first.PixelSpacing] != [*other.PixelSpacing]:
        raise AnatomyGuidedError(
            f"{_name(other)} differs from {_name(first)} in size, orientation or pixel spacing, "
            "but all slices of a series must be alike; export the series again."
        )


def _grid(headers: Sequence[Header]) -> Grid:
    first = headers[0]
    row, column = _axes(first)
    positions = np.array([_position(header) for header in headers])
    affine_lps = np.eye(4)
    affine_lps[:3, 0] = row * float(first.PixelSpacing[1])
    affine_lps[:3, 1] = column * float(first.PixelSpacing[0])
    affine_lps[:3, 2] = _slice_step(positions, first)
    affine_lps[:3, 3] = positions[0]
    try:
        return Grid((int(first.Columns), int(first.Rows), len(headers)), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_lps)
    except InvalidGrid as error:
        raise AnatomyGuidedError(f"The DICOM series of {_name(first)}: {error}") from error


def _slice_step(positions: FloatArray, first: Header) -> FloatArray:
    if len(positions) == 1:
        thickness = float(first.get("SpacingBetweenSlices", 0) or first.get("SliceThickness", 0) or 0)
        return np.asarray(_normal(first) * thickness)
    gaps = np.diff(positions @ _normal(first))
    step = float(np.median(gaps))
    if gaps.min() < _GAP_TOLERANCE_MM:
        raise AnatomyGuidedError(
            f"The DICOM series of {_name(first)} has two slices at one position (several phases or a doubled file?); "
            "export one phase alone."
        )
    tolerance_mm = max(_GAP_TOLERANCE_MM, _RELATIVE_GAP_TOLERANCE * step)
    if np.abs(gaps - step).max() > tolerance_mm:
        raise AnatomyGuidedError(
            f"The DICOM series of {_name(first)} has gaps between slices from {gaps.min():.3g} to {gaps.max():.3g} mm, "
            "but they must be equal: a slice is missing or the thickness varies; export the whole series again."
        )
    steps = np.diff(positions, axis=0)
    sideways_mm = float(np.abs(steps - np.median(steps, axis=0)).max())
    if sideways_mm > tolerance_mm:
        raise AnatomyGuidedError(
            f"The DICOM series of {_name(first)} has slices that lie up to {sideways_mm:.3g} mm sideways of their "
            "neighbours, but all must lie on one line; export the series again."
        )
    return np.asarray((positions[-1] - positions[0]) / (len(positions) - 1))


def _pixels(header: Header, grid: Grid) -> npt.NDArray[np.float32]:
    import SimpleITK

    require_all_pixels(Path(str(header.filename)))
    try:
        image = SimpleITK.ReadImage(str(header.filename))
    except RuntimeError as error:
        raise AnatomyGuidedError(
            f"{_name(header)}: its pixels cannot be decoded (truncated or damaged file)."
        ) from error
    values = SimpleITK.GetArrayFromImage(image).reshape(-1, image.GetHeight(), image.GetWidth())
    if values.shape != (1, grid.shape[1], grid.shape[0]):
        raise AnatomyGuidedError(f"{_name(header)} holds {values.shape[0]} frames, but one slice a file was expected.")
    return np.asarray(values[0].T, dtype=np.float32)


def require_all_pixels(file: Path) -> None:
    """Nothing if uncompressed pixels fill the image: SimpleITK's decoder fills up with what happens to be in memory.

    Raises:
        AnatomyGuidedError: Some are missing, or the file cannot be read.
    """
    try:
        stored = pydicom.dcmread(file, specific_tags=["PixelData", *_SIZE])
        if stored.file_meta.TransferSyntaxUID.is_compressed:
            return
        expected = math.prod(int(stored.get(name) or 1) for name in _SIZE) // 8
        missing = len(stored.get("PixelData") or b"") < expected
    except UNREADABLE as error:
        raise _damaged(file.name) from error
    if missing:
        raise AnatomyGuidedError(f"{file.name} lacks a part of its pixels (truncated or damaged); export it again.")


def _axes(header: Header) -> tuple[FloatArray, FloatArray]:
    orientation = np.array([float(value) for value in header.ImageOrientationPatient])
    return orientation[:3], orientation[3:]


def _normal(header: Header) -> FloatArray:
    row, column = _axes(header)
    return np.asarray(np.cross(row, column))


def _position(header: Header) -> FloatArray:
    return np.array([float(value) for value in header.ImagePositionPatient])


def _name(header: Header) -> str:
    return Path(str(header.filename)).name
