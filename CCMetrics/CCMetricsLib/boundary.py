"""The band of voxels along a body's surface, inside of it: what boundary IoU compares (Cheng et al. 2021)."""

from __future__ import annotations

import math

import numpy as np

from CCMetricsLib.components import BoolArray, NumberedVoxels, Spacing
from CCMetricsLib.nearest import NumberedTree, reach_within
from CCMetricsLib.partition import TIE_TOLERANCE
from CCMetricsLib.surfaces import surface_axes


def boundary_band(voxels: NumberedVoxels, spacing: Spacing, width_mm: float) -> BoolArray:
    """Which voxels lie no farther than `width_mm` from a surface voxel of their own number; surface voxels always do.

    >>> voxels = np.array([(i, j, 0) for j in range(3) for i in range(5)])
    >>> block = NumberedVoxels((5, 3, 1), voxels, np.ones(15, np.int32))
    >>> boundary_band(block, (1.0, 1.0, 1.0), 0.5).reshape(3, 5)[1].tolist()
    [True, False, False, False, True]
    """
    axes = surface_axes(voxels.shape)
    band = voxels.surface(axes)
    reach = width_mm * (1 + TIE_TOLERANCE)
    if reach < min(spacing[axis] for axis in axes):
        return band
    points, inner = voxels.voxels_ijk * np.array(spacing), np.flatnonzero(~band)
    tree = NumberedTree(points[band], voxels.numbers[band], reach=reach_within(voxels.shape, spacing))
    # The search finds what is nearer than its bound, and the bound itself belongs to the band.
    near = tree.distances(points[inner], voxels.numbers[inner], within=math.nextafter(reach, math.inf))
    band[inner] = np.isfinite(near)
    return band


def slices_needed(spacing: Spacing, width_mm: float) -> int:
    """How many slices beyond its own a slab needs to know its band and its surface."""
    return math.floor(width_mm * (1 + TIE_TOLERANCE) / spacing[2]) + 1
