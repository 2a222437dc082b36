"""NIfTI files, with the header's faults found before the library mends them silently."""

from __future__ import annotations

import gzip
import itertools
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid
from AnatomyGuidedLib.refusals import refusing

_UNREADABLE = (
    ImageFileError,
    HeaderDataError,
    WrapStructError,
    EOFError,
    OSError,
    zlib.error,
    ValueError,
)
_GZIP = b"\x1f\x8b"
_LONGEST_HEADER = 1 << 16  # with extensions
_ALIGNED_TO_SCANNER = 1
_ROUNDING = 1e-15
_LONGEST_QUATERNION = 1.0 + 2.0 * float(np.finfo(np.float32).eps)  # squared; nibabel refuses 3 digits and more


def read(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    """The stored array (scaled where the header says so) and its grid.

    Raises:
        AnatomyGuidedError: Truncated, no NIfTI, not three-dimensional, no orientation, spacing not above 0.
    """
    with refusing(path.name, _UNREADABLE, _damaged(path.name)):
        image = _image_of(_unpacked(path), path.name)
        shape = _three_axes(image.shape, path.name)
        grid = Grid(shape, _affine(image, path.name))
        return _values(image, path.name).reshape(shape), grid


def read_grid(path: Path) -> Grid:
    """The grid alone, from the header: a file that is damaged further on is not noticed.

    Raises:
        AnatomyGuidedError: As `read`, as far as the header shows it.
    """
    with refusing(path.name, _UNREADABLE, _damaged(path.name)):
        with path.open("rb") as stream:
            packed = stream.read(len(_GZIP)) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as stream:
            image = _image_of(stream.read(_LONGEST_HEADER), path.name)
        return Grid(_three_axes(image.shape, path.name), _affine(image, path.name))


def write(values: npt.NDArray[Any], grid: Grid, path: Path) -> None:
    """Nothing; the file's affine reads back as the grid's, to the last digit where NIfTI's float32 can hold it."""
    nib.save(_image(values, grid), path)


def _unpacked(path: Path) -> bytes:
    """The file's bytes; whether it is gzip is told by its content, and gzip's checksum is always compared."""
    stored = path.read_bytes()
    return gzip.decompress(stored) if stored.startswith(_GZIP) else stored


def _image_of(content: bytes, name: str) -> nib.Nifti1Image:
    kind = next(
        (kind for kind in (nib.Nifti1Image, nib.Nifti2Image) if kind.header_class.may_contain_header(content)), None
    )
    if kind is None:
        raise _damaged(name)
    _require_spacing(kind.header_class(content[: kind.header_class.sizeof_hdr], check=False), name)
    return kind.from_bytes(content)


def _damaged(name: str) -> AnatomyGuidedError:
    return AnatomyGuidedError(
        f"{name} cannot be read as NIfTI: it is damaged, truncated or of another format; copy or export it again."
    )


def _image(values: npt.NDArray[Any], grid: Grid) -> nib.Nifti1Image:
    """Sform and qform, or the qform alone where only the quaternion reproduces the affine exactly."""
    image = nib.Nifti1Image(values, None)
    image.header.set_xyzt_units("mm")
    image.set_qform(grid.affine, code=_ALIGNED_TO_SCANNER)
    sform_is_exact = np.array_equal(grid.affine.astype(np.float32), grid.affine)
    if sform_is_exact or not _found_exact_quaternion(image.header, grid.affine):
        image.set_sform(grid.affine, code=_ALIGNED_TO_SCANNER)
    return image


def _found_exact_quaternion(header: nib.Nifti1Header, affine: FloatArray) -> bool:
    """Whether the header's quaternion, or one a few last digits beside it, now gives the affine exactly.

    nibabel takes a real part below 3 float32 digits as 0, so turns near 180 degrees come back from a longer quaternion.
    """
    computed = _quaternion(affine[:3, :3] / header["pixdim"][1:4] * (1.0, 1.0, header["pixdim"][0]))
    for digits in itertools.product((0, -1, 1, -2, -3), repeat=3):
        steps = np.where(computed == 0.0, 0, digits).astype(np.int32)
        candidate = (computed.view(np.int32) + steps).view(np.float32)  # one is the next float32, away from 0
        header["quatern_b"], header["quatern_c"], header["quatern_d"] = candidate
        fits = np.square(candidate, dtype=np.float64).sum() <= _LONGEST_QUATERNION
        if fits and np.array_equal(header.get_qform(), affine):
            return True
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = computed
    return False


def _quaternion(rotation: FloatArray) -> npt.NDArray[np.float32]:
    """The imaginary parts (b, c, d) of a rotation's unit quaternion whose real part is not negative.

    Taken from the matrix's entries one by one: small parts keep their digits, and parts that are 0 stay 0.
    """
    (r00, r01, r02), (r10, r11, r12), (r20, r21, r22) = rotation
    outer_product = np.array(
        [
            [1 + r00 + r11 + r22, r21 - r12, r02 - r20, r10 - r01],
            [r21 - r12, 1 + r00 - r11 - r22, r10 + r01, r02 + r20],
            [r02 - r20, r10 + r01, 1 - r00 + r11 - r22, r21 + r12],
            [r10 - r01, r02 + r20, r21 + r12, 1 - r00 - r11 + r22],
        ]
    )
    largest = int(np.argmax(np.diag(outer_product)))
    parts = outer_product[largest] / (2.0 * np.sqrt(outer_product[largest, largest]))
    parts[np.abs(parts) < _ROUNDING] = 0.0
    return np.asarray(np.copysign(1.0, parts[0]) * parts[1:], dtype=np.float32)


def _require_spacing(header: nib.Nifti1Header, name: str) -> None:
    axes = min(max(int(header["dim"][0]), 0), 3)
    spacing = [float(value) for value in header["pixdim"][1 : axes + 1]]
    if not all(value > 0 and np.isfinite(value) for value in spacing):
        raise AnatomyGuidedError(
            f"{name} has the voxel spacing {spacing} mm in its header, but it must be above 0; export the image again."
        )


def _three_axes(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise AnatomyGuidedError(
            f"{name} has {len(shape)} axes {tuple(shape)}, but one three-dimensional image was expected; "
            "split or stack it first."
        )
    return shape[0], shape[1], shape[2]


def _affine(image: nib.Nifti1Image, name: str) -> FloatArray:
    header = image.header
    if not (header["sform_code"] or header["qform_code"]):
        raise AnatomyGuidedError(
            f"{name} says nothing about orientation (its qform and sform codes are 0), so left and right are unknown; "
            "export it again with its orientation."
        )
    unit = header.get_xyzt_units()[0]
    if unit not in ("mm", "unknown"):
        raise AnatomyGuidedError(f"{name} gives its spacing in {unit}, but mm was expected; convert it first.")
    return np.asarray(image.affine, dtype=np.float64)


def _values(image: nib.Nifti1Image, name: str) -> npt.NDArray[Any]:
    dtype = image.get_data_dtype()
    if dtype.fields is not None or np.issubdtype(dtype, np.complexfloating):
        raise AnatomyGuidedError(f"{name} holds colours or complex numbers, but one number a voxel was expected.")
    if image.dataobj.slope == 1 and image.dataobj.inter == 0:
        return np.asarray(image.dataobj)
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as that
        return np.asarray(image.dataobj, dtype=np.float32)
