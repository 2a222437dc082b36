"""Reading and writing images and label maps: NIfTI, NRRD and DICOM in; NIfTI and segmentations that Slicer opens out.

Every array comes as [i, j, k] with an IJK-to-RAS affine in mm, in the file's own order of voxels: nothing is reoriented
and nothing resampled, so a result written on the input's grid has the input's affine to the last digit. The packages
that read and write are imported when they are needed: Slicer installs some of them when the user first asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import full_suffix
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import scheme, to_dap
from AnatomyGuidedLib.modality import require_ct, require_suv
from AnatomyGuidedLib.segments import Segment, dap_segments, numbered_segments

__all__ = [
    "LABELMAP_FORMATS",
    "VOLUME_FORMATS",
    "Segment",
    "dap_segments",
    "names_scheme",
    "numbered_segments",
    "read_anatomy",
    "read_ct",
    "read_grid",
    "read_image",
    "read_labelmap",
    "read_pet",
    "split_scheme",
    "write_labelmap",
    "write_overlapping",
    "write_volume",
]

_NIFTI = (".nii", ".nii.gz")
_NRRD = (".nrrd", ".seg.nrrd", ".nhdr")
_DICOM = (".dcm",)
LABELMAP_FORMATS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd")
VOLUME_FORMATS = (".nii.gz", ".nii", ".nrrd")


def read_image(path: str | Path) -> Volume:
    """The image in a file or DICOM series as float32; the unit is "HU" or "SUV" where DICOM says so, else "".

    Raises:
        AnatomyGuidedError: The file is missing, truncated, not three-dimensional, without orientation, constant, or
            holds values that are no finite numbers.
    """
    path = _named(path)
    values, grid, unit = _read(path)
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as that
        values = values.astype(np.float32, copy=False)
    _require_finite(values, path.name)
    _require_varied(values, path.name)
    return Volume(values, grid, unit)


def read_grid(path: str | Path) -> Grid:
    """The grid of the image in a file or DICOM series, from headers alone: fast, and blind to damage in the voxels.

    Raises:
        AnatomyGuidedError: The file is missing, of an unknown format, not three-dimensional, or without orientation.
    """
    from AnatomyGuidedLib import dicom, nifti, nrrd_files

    path = _named(path)
    readers = {_DICOM: dicom.read_grid, _NIFTI: nifti.read_grid, _NRRD: nrrd_files.read_grid}
    return readers[_format(path)](path)


def read_ct(path: str | Path, *, force: bool = False) -> Volume:
    """A CT in HU. `force` skips the look at its histogram that tells a CT from anything else.

    Raises:
        AnatomyGuidedError: As `read_image`; or the image is no CT, with the reason.
    """
    volume = read_image(path)
    name = _named(path).name
    if volume.unit == "SUV":
        raise AnatomyGuidedError(f"{name} is a PET, but a CT was expected.")
    if not force:
        require_ct(volume.values, name)
    return Volume(volume.values, volume.grid, "HU")


def read_pet(path: str | Path) -> Volume:
    """A PET in SUVbw: converted from DICOM, or taken as SUVbw from NIfTI and NRRD when its range is an SUV's.

    Raises:
        AnatomyGuidedError: As `read_image`; or the values cannot be SUV, with the reason.
    """
    volume = read_image(path)
    name = _named(path).name
    if volume.unit == "HU":
        raise AnatomyGuidedError(f"{name} is a CT, but a PET was expected.")
    require_suv(volume.values, name)
    return Volume(volume.values, volume.grid, "SUV")


def read_labelmap(path: str | Path) -> Labelmap:
    """A label map with the values as stored, in the smallest unsigned type that holds them.

    Whole numbers stored as floating point are accepted, since many tools save masks so.

    Raises:
        AnatomyGuidedError: As `read_image`; or a value is negative or not a whole number.
    """
    path = _named(path)
    values, grid, _ = _read(path)
    return Labelmap(_as_labels(values, path.name), grid)


def read_anatomy(text: str) -> Labelmap:
    """The DAP label map that `PATH` or `PATH@SCHEME` names; a segmentation with DAP names is read by name.

    Raises:
        AnatomyGuidedError: As `read_labelmap`; or a value is not in the scheme.
        UsageError: The scheme is unknown.
    """
    from AnatomyGuidedLib import nrrd_files

    path, name = split_scheme(text)
    known = scheme(name)
    stored = read_labelmap(path)
    if name == "dap" and full_suffix(path) == ".seg.nrrd":
        stored = nrrd_files.renumbered_by_name(path, stored, {text: number for number, text in known.names.items()})
    return to_dap(stored, known)


def split_scheme(text: str) -> tuple[Path, str]:
    """The path and the scheme in `PATH[@SCHEME]`; without a scheme it is DAP's.

    >>> split_scheme("a/b.nii.gz@totalsegmentator")
    (PosixPath('a/b.nii.gz'), 'totalsegmentator')
    >>> split_scheme("me@home/b.nii.gz")[1]
    'dap'
    """
    head, at, tail = text.rpartition("@")
    if at and "/" not in tail and "\\" not in tail and "." not in tail:
        return Path(head), tail
    return Path(text), "dap"


def names_scheme(text: str) -> bool:
    """Whether `PATH[@SCHEME]` names a scheme.

    >>> names_scheme("organs.nii.gz@dap"), names_scheme("organs.nii.gz")
    (True, False)
    """
    return str(split_scheme(text)[0]) != str(Path(text))


def write_labelmap(labelmap: Labelmap, path: str | Path, segments: list[Segment] | None = None) -> None:
    """Nothing; the extension decides the format: `.nii.gz`, `.nii` or `.nrrd` hold values, `.seg.nrrd` also segments.

    Raises:
        AnatomyGuidedError: The extension is none of these, or a value of the map is no segment's.
    """
    from AnatomyGuidedLib import nifti, nrrd_files

    path, suffix = Path(path), full_suffix(path)
    labelmap = Labelmap(_as_labels(labelmap.values, path.name), labelmap.grid)
    if suffix in _NIFTI:
        nifti.write(labelmap.values, labelmap.grid, path)
    elif suffix in (".nrrd", ".seg.nrrd"):
        fields = nrrd_files.segment_fields(labelmap, segments or []) if suffix == ".seg.nrrd" else {}
        nrrd_files.write(labelmap.values, labelmap.grid, path, fields)
    else:
        raise AnatomyGuidedError(
            f"{path.name} must end in .seg.nrrd, .nii.gz, .nii or .nrrd, so that its format is known."
        )


def write_overlapping(
    masks: Sequence[npt.NDArray[np.bool_]], grid: Grid, path: str | Path, segments: Sequence[Segment]
) -> None:
    """Nothing; the `.seg.nrrd` holds each mask [i, j, k] whole as the segment of its place.

    Masks that overlap go to layers of their own, as Slicer keeps them; where none does the file is a plain label map.
    """
    from AnatomyGuidedLib import nrrd_files

    layers: list[npt.NDArray[np.uint16]] = []
    for mask, segment in zip(masks, segments, strict=True):
        free = next((layer for layer in layers if not layer[mask].any()), None)
        if free is None:
            free = np.zeros(grid.shape, np.uint16)
            layers.append(free)
        free[mask] = segment.value
    if len(layers) > 1:
        nrrd_files.write_layers([Labelmap(layer, grid) for layer in layers], Path(path), segments)
    else:
        write_labelmap(Labelmap(layers[0] if layers else np.zeros(grid.shape, np.uint8), grid), path, [*segments])


def write_volume(volume: Volume, path: str | Path) -> None:
    """Nothing; the file (`.nii.gz`, `.nii` or `.nrrd`) holds the values as float32, or int16 where all are whole HU."""
    from AnatomyGuidedLib import nifti, nrrd_files

    path, suffix = Path(path), full_suffix(path)
    values: npt.NDArray[Any] = volume.values
    if volume.unit == "HU" and np.abs(values).max() <= np.iinfo(np.int16).max:
        whole = values.astype(np.int16)
        values = whole if np.array_equal(whole, values) else values
    if suffix in _NIFTI:
        nifti.write(values, volume.grid, path)
    elif suffix == ".nrrd":
        nrrd_files.write(values, volume.grid, path)
    else:
        raise AnatomyGuidedError(f"{path.name} must end in .nii.gz, .nii or .nrrd, so that its format is known.")


def _named(path: str | Path) -> Path:
    """The path with a name for messages, also for the current folder and its parents."""
    return Path(path) if Path(path).name.strip(".") else Path(path).resolve()


def _read(path: Path) -> tuple[npt.NDArray[Any], Grid, str]:
    from AnatomyGuidedLib import dicom, nifti, nrrd_files

    kind = _format(path)
    if kind == _DICOM:
        return dicom.read(path)
    return *(nifti.read(path) if kind == _NIFTI else nrrd_files.read(path)), ""


def _format(path: Path) -> tuple[str, ...]:
    """The extensions of the format that the path has."""
    from AnatomyGuidedLib import dicom

    if not path.exists():
        raise AnatomyGuidedError(f"{path.name} does not exist; check the path.")
    suffix = full_suffix(path)
    if path.is_dir() or suffix in _DICOM or dicom.is_dicom(path):
        return _DICOM
    known = next((suffixes for suffixes in (_NIFTI, _NRRD) if suffix in suffixes), None)
    if known is None:
        raise AnatomyGuidedError(
            f"{path.name} is none of the formats that can be read: NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), DICOM."
        )
    return known


def _require_finite(values: npt.NDArray[Any], name: str) -> None:
    if np.issubdtype(values.dtype, np.integer):
        return
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise AnatomyGuidedError(
            f"{name} holds {bad} values that are NaN or infinite, but every voxel must be a finite number; "
            "export the image again."
        )


def _require_varied(values: npt.NDArray[Any], name: str) -> None:
    if float(values.min()) == float(values.max()):
        raise AnatomyGuidedError(f"{name} is constant: every voxel is {float(values.flat[0]):g}; it shows no body.")


def _as_labels(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    _require_finite(values, name)
    whole = np.issubdtype(values.dtype, np.integer) or bool(np.array_equal(values, np.rint(values)))
    if not whole:
        example = float(values[values != np.rint(values)][0])
        raise AnatomyGuidedError(
            f"{name} holds values that are not whole numbers (such as {example:g}), but a label map was expected."
        )
    low, high = int(values.min()), int(values.max())
    if low < 0:
        raise AnatomyGuidedError(f"{name} holds the negative value {low}, but labels start at 0 (background).")
    if high > np.iinfo(np.uint32).max:
        raise AnatomyGuidedError(f"{name} holds the value {high}, which is too large for a label.")
    return values.astype(np.min_scalar_type(high), copy=False)
