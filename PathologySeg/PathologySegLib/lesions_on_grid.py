"""Numbered lesions on another grid, such as the CT's, whose slices may be thicker than a lesion is."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.resample import resample_labelmap


def lesions_on(lesions: Labelmap, grid: Grid) -> Labelmap:
    """The lesions of the nearest voxels; one between the grid's voxels has those that its own voxels' centres lie in.

    A lesion outside the grid has no voxel there, nor has one whose voxels are all another's.

    >>> lesions = Labelmap(np.array([1, 0, 2, 0, 0, 0], np.uint8).reshape(1, 1, 6), Grid((1, 1, 6), np.eye(4)))
    >>> lesions_on(lesions, Grid((1, 1, 2), np.diag([1.0, 1.0, 3.0, 1.0]))).values.tolist()
    [[[1, 2]]]
    """
    found = resample_labelmap(lesions, grid)
    lost = np.setdiff1d(lesions.values, found.values)
    if not lost.size:
        return found
    values = found.values.copy()
    places = np.argwhere(np.isin(lesions.values, lost))
    numbers = lesions.values[tuple(places.T)]
    nearest = np.rint(grid.ijk_from_ras(lesions.grid.ras_from_ijk(places))).astype(np.intp)
    inside = ((nearest >= 0) & (nearest < grid.shape)).all(axis=1)
    where, numbers = tuple(nearest[inside].T), numbers[inside]
    is_free = values[where] == 0
    values[tuple(axis[is_free] for axis in where)] = numbers[is_free]
    return Labelmap(values, grid)


def mask_on(lesions: Labelmap, grid: Grid) -> Labelmap:
    """The lesions as 1, each connected component by itself brought onto the grid, so that small ones stay.

    >>> mask = Labelmap(np.array([0, 0, 0, 1, 0, 1], np.uint8).reshape(1, 1, 6), Grid((1, 1, 6), np.eye(4)))
    >>> mask_on(mask, Grid((1, 1, 2), np.diag([1.0, 1.0, 3.0, 1.0]))).values.tolist()
    [[[0, 1]]]
    """
    numbers = connected_components(lesions.values > 0).astype(np.uint32)
    found = lesions_on(Labelmap(numbers, lesions.grid), grid)
    return Labelmap((found.values > 0).astype(np.uint8), grid)
