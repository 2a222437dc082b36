"""Made files for tests: grids in any orientation, and NIfTI, NRRD and DICOM with the faults that real ones have."""

from __future__ import annotations

import gzip
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import numpy.typing as npt
import pydicom
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

Array = npt.NDArray[np.generic]
Matrix = npt.NDArray[np.float64]

SHAPE = (4, 5, 6)
SPACING_MM = (0.75, 1.5, 3.0)
ORIGIN_RAS = (-101.25, 30.5, 12.75)
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
PET_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.128"
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def turned(about_s_degrees: float, about_r_degrees: float) -> Matrix:
    """A rotation about the superior axis after one about the right axis."""
    s, r = np.radians([about_s_degrees, about_r_degrees])
    about_s = np.array([[np.cos(s), -np.sin(s), 0], [np.sin(s), np.cos(s), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(r), -np.sin(r)], [0, np.sin(r), np.cos(r)]])
    return about_s @ about_r


def affine_of(
    directions: npt.ArrayLike, spacing: Sequence[float] = SPACING_MM, origin: Sequence[float] = ORIGIN_RAS
) -> Matrix:
    """The IJK-to-RAS matrix of unit directions (one a column), spacing and the first voxel's position."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions, dtype=float) @ np.diag(spacing)
    affine[:3, 3] = origin
    return affine


SIGNED_PERMUTATIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]
OBLIQUE = affine_of(turned(20, -35) @ np.diag([-1.0, 1.0, -1.0]))
GRIDS = {
    "RAS": Grid(SHAPE, affine_of(np.eye(3))),
    "LPS": Grid(SHAPE, affine_of(np.diag([-1.0, -1.0, 1.0]))),
    "permuted": Grid(SHAPE, affine_of(np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]))),
    "oblique": Grid(SHAPE, OBLIQUE),
}


def numbered(shape: tuple[int, ...] = SHAPE, dtype: npt.DTypeLike = np.int16) -> Array:
    """Another value in each voxel, so that a swapped or flipped axis shows."""
    return np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)


def ct_values(shape: tuple[int, ...] = (16, 14, 12), seed: int = 0) -> npt.NDArray[np.int16]:
    """HU of a box of soft tissue, fat on one of its sides, in air."""
    rng = np.random.default_rng(seed)
    values = np.full(shape, -1000.0)
    values[3:13, 3:11, :] = 50.0
    values[3:5, 3:11, :] = -100.0
    return np.asarray(np.rint(values + rng.normal(0, 8, shape)), dtype=np.int16)


def write_nifti(
    path: Path, values: Array, affine: Matrix | None = OBLIQUE, header: Mapping[str, object] | None = None
) -> Path:
    """The path; header fields are written as given, without mending."""
    nibabel.save(nibabel.Nifti1Image(values, affine, dtype=values.dtype), path)
    _overwrite(path, header or {})
    return path


def _overwrite(path: Path, fields: Mapping[str, object]) -> None:
    """Nothing; nibabel mends or refuses faulty fields on saving, so they are put into the file afterwards."""
    packed = path.suffix == ".gz"
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    header = nibabel.Nifti1Header(bytes(content[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    content[:348] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))


def write_nrrd(path: Path, values: Array, affine: Matrix = OBLIQUE, **fields: object) -> Path:
    """The path; a field given as None is left out."""
    lps = LPS @ affine
    header: dict[str, object] = {
        "space": "left-posterior-superior",
        "space directions": lps[:3, :3].T,
        "space origin": lps[:3, 3],
        "kinds": ["domain"] * 3,
        "encoding": "gzip",
    }
    header.update({name.replace("_", " ") if name[0].islower() else name: value for name, value in fields.items()})
    nrrd.write(str(path), values, {name: value for name, value in header.items() if value is not None}, index_order="F")
    return path


def refusal(call: Callable[[], object], kind: type[Exception] = AnatomyGuidedError) -> str:
    """The sentence that a call fails with."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("the call was not refused")


def dicom_slices(
    values: Array,
    *,
    row: Sequence[float] = (1, 0, 0),
    column: Sequence[float] = (0, 1, 0),
    first_lps: Sequence[float] = (-100.0, -80.0, 50.0),
    spacing_mm: Sequence[float] = SPACING_MM,
    slopes: Sequence[float] | None = None,
    intercept: float = -1024.0,
    modality: str = "CT",
    **tags: object,
) -> list[FileDataset]:
    """One data set a slice of stored numbers [i, j, k]; k runs along row x column; a tag given as None is left out."""
    normal = np.cross(row, column)
    series_uid = generate_uid()
    slices = []
    for k in range(values.shape[2]):
        position = np.asarray(first_lps) + normal * spacing_mm[2] * k
        header = _empty_dicom(PET_IMAGE_STORAGE if modality == "PT" else CT_IMAGE_STORAGE)
        header.SeriesInstanceUID, header.SeriesNumber, header.Modality = series_uid, 3, modality
        header.ImageOrientationPatient = [*row, *column]
        header.ImagePositionPatient = [round(float(x), 6) for x in position]
        header.PixelSpacing = [spacing_mm[1], spacing_mm[0]]
        header.SliceThickness, header.InstanceNumber = spacing_mm[2], k + 1
        header.RescaleSlope, header.RescaleIntercept = slopes[k] if slopes is not None else 1, intercept
        _put_pixels(header, np.ascontiguousarray(values[:, :, k].T))
        for name, value in tags.items():
            _put(header, name, value)
        slices.append(header)
    return slices


def pet_tags(**changed: object) -> dict[str, object]:
    """Tags of a PET whose SUV can be computed: 70 kg, 350 MBq, half-life 6000 s, one hour before the series."""
    return {
        "modality": "PT",
        "intercept": 0.0,
        "Units": "BQML",
        "DecayCorrection": "START",
        "PatientWeight": 70,
        "SeriesDate": "20240102",
        "SeriesTime": "110000",
        "AcquisitionDate": "20240102",
        "AcquisitionTime": "110000",
        "RadionuclideTotalDose": 350e6,
        "RadionuclideHalfLife": 6000,
        "RadiopharmaceuticalStartTime": "100000",
        **changed,
    }


def save_dicom(folder: Path, slices: Sequence[Dataset], *, names: Sequence[str] | None = None) -> Path:
    """The folder, one file a data set."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, header in enumerate(slices):
        header.save_as(folder / (names[number] if names else f"slice_{number:03d}.dcm"), enforce_file_format=True)
    return folder


def _empty_dicom(storage: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    header.SOPClassUID, header.SOPInstanceUID = storage, meta.MediaStorageSOPInstanceUID
    header.StudyInstanceUID, header.FrameOfReferenceUID = generate_uid(), generate_uid()
    header.PatientName, header.PatientID = "Secret^Person", "4711"
    return header


def _put_pixels(header: FileDataset, stored: Array) -> None:
    header.Rows, header.Columns = stored.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    header.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()


_TRACER_TAGS = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)


def _put(header: FileDataset, name: str, value: object) -> None:
    if name in _TRACER_TAGS:
        if "RadiopharmaceuticalInformationSequence" not in header:
            header.RadiopharmaceuticalInformationSequence = [Dataset()]
        header = header.RadiopharmaceuticalInformationSequence[0]
    if value is None:
        if name in header:
            delattr(header, name)
    elif isinstance(value, bytes) and name != "PixelData":  # as broken software writes it
        keyword = pydicom.datadict.tag_for_keyword(name)
        header[keyword] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(keyword), pydicom.datadict.dictionary_VR(keyword), len(value), value, 0, False, True
        )
    else:
        setattr(header, name, value)


def run_python(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    """A finished process of this Python with this process's import path; the words are its arguments."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **options.pop("env", {})}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120, **options)


def everything_in(folder: Path) -> set[str]:
    """Files and folders below a folder, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
