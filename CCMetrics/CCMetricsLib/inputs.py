"""Label maps of a scene brought onto one grid without resampling: a segmentation holds only the box that it fills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, GridMismatch, Labelmap, Volume

_SAME_VOXEL = 1e-3  # voxels; matrices that went through a scene differ by rounding
_EXACT_IN_FLOAT32 = 2**24


def covering_grid(grids: Sequence[Grid]) -> Grid:
    """The smallest grid that holds every voxel of all grids, which are parts of one lattice.

    >>> shifted = np.eye(4)
    >>> shifted[:3, 3] = (4, 0, -1)
    >>> covering_grid([Grid((2, 2, 2), np.eye(4)), Grid((1, 1, 1), shifted)]).shape
    (5, 2, 3)

    Raises:
        AnatomyGuidedError: There is no grid.
        GridMismatch: Voxels of one lie between voxels of another.
    """
    if not grids:
        raise AnatomyGuidedError("The reference and the prediction are both empty, so there is nothing to compare.")
    starts = np.array([_first_voxel(grid, grids[0]) for grid in grids])
    low = starts.min(axis=0)
    i, j, k = (int(size) for size in (starts + [grid.shape for grid in grids]).max(axis=0) - low)
    affine = np.array(grids[0].affine)
    affine[:3, 3] = grids[0].ras_from_ijk(low)
    return Grid((i, j, k), affine)


def placed(labelmap: Labelmap, grid: Grid) -> Labelmap:
    """The same labels on a grid that covers the label map's own; 0 around them.

    Raises:
        GridMismatch: Voxels of the two do not coincide, or the label map reaches beyond the grid.
    """
    start = _first_voxel(labelmap.grid, grid).astype(int)
    stop = start + labelmap.values.shape
    if start.min() < 0 or (stop > grid.shape).any():
        raise GridMismatch(f"A label map of shape {labelmap.grid.shape} reaches beyond a grid of shape {grid.shape}.")
    values = np.zeros(grid.shape, labelmap.values.dtype, order="F")
    values[tuple(slice(first, last) for first, last in zip(start, stop, strict=True))] = labelmap.values
    return Labelmap(values, grid)


def labelmap_from_volume(volume: Volume, name: str) -> Labelmap:
    """The volume's values as labels.

    Raises:
        AnatomyGuidedError: A value is negative, no whole number, or too large to be exact as float32.
    """
    values = volume.values
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > _EXACT_IN_FLOAT32 or not np.array_equal(values, np.rint(values)):
        raise AnatomyGuidedError(
            f"{name} must hold whole numbers from 0 to {_EXACT_IN_FLOAT32}, but holds values from {low:g} to {high:g}; "
            "choose a segmentation or a label map."
        )
    return Labelmap(values.astype(np.min_scalar_type(int(high))), volume.grid)


def _first_voxel(grid: Grid, lattice: Grid) -> FloatArray:
    """Where the grid's first voxel lies among the lattice's, in whole voxels."""
    corners = np.array([(0, 0, 0), *np.diag(grid.shape)])
    found = lattice.ijk_from_ras(grid.ras_from_ijk(corners))
    start = np.rint(found[0])
    if np.abs(found - start - corners).max() > _SAME_VOXEL:
        raise GridMismatch(
            "The reference and the prediction must have their voxels in the same places, but do not "
            f"({lattice.axis_codes} with {_rounded(lattice)} mm and {grid.axis_codes} with {_rounded(grid)} mm); "
            "resample one onto the other."
        )
    return np.asarray(start)


def _rounded(grid: Grid) -> tuple[float, ...]:
    return tuple(round(spacing, 4) for spacing in grid.spacing_mm)
