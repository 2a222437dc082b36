"""Surface elements of numbered voxels, in two definitions: MONAI's voxels and DeepMind's pieces between voxels.

An image of one slice is an area, not a body: the axis across it counts neither as surface nor as neighbourhood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from CCMetricsLib.components import BoolArray, FloatArray, IntArray, NumberedVoxels, Spacing
from CCMetricsLib.surface_areas import contour_lengths_mm, surface_areas_mm2

SurfaceKind = Literal["monai", "deepmind"]


@dataclass(frozen=True, eq=False)
class SurfaceElements:
    """Places on surfaces: lattice coordinates, the number of the body, how much surface, and whether it is stray.

    The coordinates of one kind of elements share one origin. `stray` marks elements of predicted lesions that touch no
    lesion of the reference.
    """

    places_ijk: IntArray
    numbers: IntArray
    weights: FloatArray
    stray: BoolArray

    def where(self, kept: BoolArray) -> SurfaceElements:
        """The kept elements."""
        return SurfaceElements(self.places_ijk[kept], self.numbers[kept], self.weights[kept], self.stray[kept])


def joined(parts: Sequence[SurfaceElements]) -> SurfaceElements:
    """All elements of the parts."""
    if not parts:
        nothing = np.zeros(0)
        return SurfaceElements(np.zeros((0, 3), np.int32), np.zeros(0, np.int32), nothing, nothing.astype(np.bool_))
    return SurfaceElements(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in SurfaceElements.__dataclass_fields__)
    )


def surface_axes(shape: tuple[int, int, int]) -> tuple[int, ...]:
    """The axes along which there can be surface: two where the image is exactly one slice, else all three.

    >>> surface_axes((5, 4, 1)), surface_axes((5, 4, 3))
    ((0, 1), (0, 1, 2))
    """
    flat = [axis for axis in range(3) if shape[axis] == 1]
    return tuple(axis for axis in range(3) if axis not in flat) if len(flat) == 1 else (0, 1, 2)


def surface_elements(
    voxels: NumberedVoxels, spacing: Spacing, kind: SurfaceKind, *, stray: BoolArray | None = None
) -> SurfaceElements:
    """The surfaces of the bodies that equal numbers form; both kinds count the image's edge as surface.

    "monai": the voxels that a binary erosion by one face neighbour removes, each with weight 1. "deepmind": the corners
    between voxels at which some are in the body and some are not, weighted with the area (in a single slice: length)
    that passes there.
    """
    stray = np.zeros(voxels.numbers.size, np.bool_) if stray is None else stray
    axes = surface_axes(voxels.shape)
    if kind == "deepmind":
        return _corners(voxels, spacing, axes, stray)
    surface = voxels.surface(axes)
    weights = np.ones(np.count_nonzero(surface))
    return SurfaceElements(voxels.voxels_ijk[surface], voxels.numbers[surface], weights, stray[surface])


def _corners(voxels: NumberedVoxels, spacing: Spacing, axes: tuple[int, ...], stray: BoolArray) -> SurfaceElements:
    """Every voxel marks its corners with the side on which it lies; equal marks of one number add up to a code."""
    offsets = np.array([np.bincount(axes, side, 3) for side in product((0, 1), repeat=len(axes))], np.int64)
    sides = (1 << np.arange(len(axes))) @ (1 - offsets[:, list(axes)]).T
    extent = np.array(voxels.shape, np.int64) + 1
    steps = np.array([1, extent[0], extent[0] * extent[1]])
    corner = (voxels.voxels_ijk @ steps + voxels.numbers.astype(np.int64) * extent.prod())[:, np.newaxis]
    marks = ((corner + offsets @ steps) << 9 | (1 << sides)) + (~stray[:, np.newaxis] << 8)
    marks = np.sort(marks, axis=None)
    starts = np.flatnonzero(np.diff(marks >> 9, prepend=-1))
    codes = np.add.reduceat(marks & 255, starts) if starts.size else starts
    kept = codes < (1 << len(offsets)) - 1
    belongs = np.bitwise_or.reduceat(marks & 256, starts)[kept] if starts.size else starts
    number, place = np.divmod(marks[starts[kept]] >> 9, extent.prod())
    places = np.stack([place % extent[0], place // extent[0] % extent[1], place // steps[2]], axis=1)
    measures = _measures(spacing, axes)[codes[kept]]
    return SurfaceElements(places.astype(np.int32), number.astype(np.int32), measures, belongs == 0)


def _measures(spacing: Spacing, axes: tuple[int, ...]) -> FloatArray:
    if len(axes) == 3:
        return surface_areas_mm2(spacing)
    return contour_lengths_mm((spacing[axes[0]], spacing[axes[1]]))
