"""NIfTI files, with the header's faults found before the library mends them silently."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, InvalidGrid

_UNREADABLE = (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, EOFError, OSError, zlib.error)
_ALIGNED_TO_SCANNER = 1


def read(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    """The stored array (scaled where the header says so) and its grid.

    Raises:
        AnatomyGuidedError: Truncated, no NIfTI, not three-dimensional, no orientation, spacing not above 0.
    """
    try:
        with nib.openers.ImageOpener(str(path)) as stream:
            raw_header = nib.Nifti1Header.from_fileobj(stream, check=False)
        _require_spacing(raw_header, path.name)
        image = nib.load(path)
        shape = _three_axes(image.shape, path.name)
        grid = Grid(shape, _affine(image, path.name))
        return _values(image, path.name).reshape(shape), grid
    except InvalidGrid as error:
        raise AnatomyGuidedError(f"{path.name}: {error}") from error
    except AnatomyGuidedError:
        raise
    except (*_UNREADABLE, ValueError) as error:
        raise AnatomyGuidedError(
            f"{path.name} cannot be read as NIfTI: it is damaged, truncated or of another format; "
            "copy or export it again."
        ) from error


def write(values: npt.NDArray[Any], grid: Grid, path: Path) -> None:
    """Nothing; the file's affine reads back as the grid's, to the last digit where NIfTI's float32 can hold it."""
    nib.save(_image(values, grid), path)


def _image(values: npt.NDArray[Any], grid: Grid) -> nib.Nifti1Image:
    """Sform and qform, or the qform alone where only the quaternion reproduces the affine exactly."""
    image = nib.Nifti1Image(values, None)
    image.header.set_xyzt_units("mm")
    image.set_qform(grid.affine, code=_ALIGNED_TO_SCANNER)
    quaternion_is_exact = np.array_equal(image.header.get_qform(), grid.affine)
    if not (quaternion_is_exact and not np.array_equal(grid.affine.astype(np.float32), grid.affine)):
        image.set_sform(grid.affine, code=_ALIGNED_TO_SCANNER)
    return image


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
    unscaled = image.dataobj.slope == 1 and image.dataobj.inter == 0
    if unscaled and np.issubdtype(dtype, np.integer):
        return np.asarray(image.dataobj)
    return np.asarray(image.dataobj, dtype=np.float32)
