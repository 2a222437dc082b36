"""Moving values from one grid to another: one affine, one pass, no class-count copies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, Volume


def resample_volume(volume: Volume, grid: Grid, *, order: int = 1, outside: float | None = None) -> Volume:
    """The volume on another grid, by spline interpolation of the given order (1 is trilinear).

    Positions outside the input get `outside`; by default the input's minimum (air in CT, no uptake in PET). Values
    are clipped to the input's range, so that a spline's ringing never makes an SUV negative. An unchanged grid returns
    the input itself.

    >>> coarse = Volume(np.arange(8, dtype=np.float32).reshape(2, 2, 2), Grid((2, 2, 2), np.diag([2.0, 2, 2, 1])), "HU")
    >>> fine = Grid((3, 2, 2), np.diag([1.0, 2, 2, 1]))
    >>> resample_volume(coarse, fine).values[:, 0, 0].tolist()
    [0.0, 2.0, 4.0]
    """
    if grid == volume.grid:
        return volume
    low, high = float(volume.values.min()), float(volume.values.max())
    fill = low if outside is None else outside
    values = _transform(volume.values, volume.grid, grid, order=order, outside=fill, output=np.float32)
    return Volume(np.clip(values, min(low, fill), max(high, fill)), grid, volume.unit)


def resample_labelmap(labelmap: Labelmap, grid: Grid) -> Labelmap:
    """The label map on another grid: the label of the nearest voxel, 0 outside the input."""
    if grid == labelmap.grid:
        return labelmap
    dtype = labelmap.values.dtype
    return Labelmap(_transform(labelmap.values, labelmap.grid, grid, order=0, outside=0, output=dtype), grid)


def _transform(
    values: npt.NDArray[np.generic], source: Grid, target: Grid, *, order: int, outside: float, output: npt.DTypeLike
) -> npt.NDArray[np.generic]:
    source_from_target: FloatArray = np.linalg.inv(source.affine) @ target.affine
    mode = "grid-constant" if order == 0 else "nearest"
    result = ndimage.affine_transform(
        values, source_from_target, output_shape=target.shape, order=order, mode=mode, cval=outside, output=output
    )
    if mode == "nearest":
        result[~_covered(source, source_from_target, target.shape)] = outside
    return np.asarray(result)


def _covered(source: Grid, source_from_target: FloatArray, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Which target voxels lie within half a voxel of the source's voxel centres (the source's field of view)."""
    axes = [np.arange(n, dtype=np.float32) for n in shape]
    inside = np.ones(shape, dtype=bool)
    for axis, length in enumerate(source.shape):
        i, j, k = (
            (source_from_target[axis, column] * axes[column]).astype(np.float32).reshape(_along(column))
            for column in range(3)
        )
        position = i + j + k + np.float32(source_from_target[axis, 3])
        inside &= (position >= -0.501) & (position <= length - 0.499)
    return inside


def _along(axis: int) -> tuple[int, int, int]:
    shape = [1, 1, 1]
    shape[axis] = -1
    return shape[0], shape[1], shape[2]
