"""Which reference component every voxel belongs to: the generalized Voronoi partition that components span.

The definition is Algorithm 1 of the thesis (5.1.3): a voxel belongs to the component whose nearest voxel is nearest to
it, and to the one with the smallest number where several are equally near. Arrays are [i, j, k]; voxels are rows of
(i, j, k).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from CCMetricsLib.components import (
    BoolArray,
    Components,
    Connectivity,
    FloatArray,
    IntArray,
    Spacing,
    connected_components,
    foreground_chunks,
    foreground_voxels,
    instance_components,
    ranges,
)
from CCMetricsLib.nearest import NumberedTree, reach_within

__all__ = [
    "TIE_TOLERANCE",
    "Components",
    "Connectivity",
    "Partition",
    "Spacing",
    "connected_components",
    "foreground_chunks",
    "foreground_voxels",
    "instance_components",
]

TIE_TOLERANCE = 1e-9  # relative: distances that are equal on paper differ by about 1e-15 in floating point

_TILE_VOXELS = 64
_SEARCHED_LEVEL = 2


class Partition:
    """The generalized Voronoi partition that components span; distances are in units of `spacing`.

    A spacing in mm gives the partition in millimetres, (1, 1, 1) the thesis's in voxels. Distances that agree to
    `TIE_TOLERANCE` are equal.

    >>> ends = instance_components(np.array([2, 0, 0, 0, 1]).reshape(5, 1, 1))
    >>> Partition(ends, (1.0, 1.0, 1.0)).dense().ravel().tolist()
    [2, 2, 1, 1, 1]

    Raises:
        ValueError: The spacing is not three finite numbers above 0.
    """

    def __init__(self, components: Components, spacing: Spacing) -> None:
        if len(spacing) != 3 or not all(np.isfinite(spacing)) or min(spacing) <= 0:
            raise ValueError(f"The spacing must be three finite numbers above 0, but is {spacing}.")
        self.components = components
        self.spacing = spacing
        # The voxel of a component that is nearest to an outside voxel has a face towards it: inner voxels never count.
        surface = components.surface()
        points, numbers = components.voxels_ijk[surface] * np.array(spacing), components.numbers[surface]
        self._tree = NumberedTree(points, numbers, reach=reach_within(components.shape, spacing))
        self._all = cKDTree(points, balanced_tree=False)
        self._boxes = np.full((components.count, 3), np.inf), np.full((components.count, 3), -np.inf)
        np.minimum.at(self._boxes[0], numbers - 1, points)
        np.maximum.at(self._boxes[1], numbers - 1, points)

    def region_of(self, voxels_ijk: IntArray) -> IntArray:
        """The number of the component whose region each voxel lies in; 0 where there are no components at all."""
        regions = self.components.at(voxels_ijk)
        outside = np.flatnonzero(regions == 0)
        if self.components.count and outside.size:
            regions[outside] = self._nearest(np.asarray(voxels_ijk)[outside])
        return regions

    def dense(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """The region's id at every voxel of the image, for display; the same as `region_of`, tile by tile."""
        components = self.components
        ids = np.concatenate([[0], components.ids])
        regions = np.zeros(components.shape, np.min_scalar_type(int(ids.max())), order="F")
        for corner in product(*(range(0, size, _TILE_VOXELS) for size in components.shape)):
            tile = regions[tuple(slice(start, start + _TILE_VOXELS) for start in corner)]
            voxels = np.indices(tile.shape, np.int32).reshape(3, -1).T + np.array(corner, np.int32)
            tile[...] = ids[self.region_of(voxels)].reshape(tile.shape)
        return regions

    def _nearest(self, voxels_ijk: IntArray) -> IntArray:
        """Branch and bound over an octree of the voxels: cubes in which one component is nearest are not entered.

        A component can only be nearest, or tie, inside a cube if at its centre it is no more than the cube's diagonal
        farther than the nearest one. At cubes of one voxel this is the definition itself. What a component's bounding
        box rules out needs no search; in large cubes a search would rule out hardly more.
        """
        cubes = _Cubes.around(voxels_ijk)
        component: IntArray = np.arange(1, self.components.count + 1, dtype=np.int32)
        cube: IntArray = np.zeros(self.components.count, np.intp)
        while cubes.count:
            centres, reach = cubes.centres(self.spacing)
            bound = (self._all.query(centres)[0] + 2 * reach) * (1 + TIE_TOLERANCE)
            near = self._box_distances(centres[cube], component) <= bound[cube]
            cube, component = cube[near], component[near]
            if cubes.level <= _SEARCHED_LEVEL:
                contested = np.bincount(cube, minlength=cubes.count)[cube] > 1
                near = ~contested
                distance = self._tree.distances(centres[cube[contested]], component[contested])
                near[contested] = distance <= bound[cube[contested]]
                cube, component = cube[near], component[near]
            winner = np.full(cubes.count, self.components.count, np.int32)
            np.minimum.at(winner, cube, component)
            decided = np.bincount(cube, minlength=cubes.count) == 1 if cubes.level else np.ones(cubes.count, np.bool_)
            cubes.settle(decided, winner)
            cubes, cube, component = cubes.split(~decided, cube, component)
        return cubes.settled

    def _box_distances(self, points: FloatArray, component: IntArray) -> FloatArray:
        """How far each point lies from the bounding box of its component at least."""
        low, high = (corner[component - 1] for corner in self._boxes)
        return np.asarray(np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=1))


@dataclass(frozen=True, eq=False)
class _Cubes:
    """Cubes of `2**level` voxels that hold the voxels still to settle; in Z-order a cube is a run of voxels."""

    voxels_ijk: IntArray
    order: IntArray
    codes: npt.NDArray[np.uint64]
    settled: IntArray
    level: int
    starts: IntArray
    ends: IntArray

    @classmethod
    def around(cls, voxels_ijk: IntArray) -> _Cubes:
        """One cube around all of the voxels."""
        codes = _z_order(voxels_ijk)
        order = np.argsort(codes)
        level = -(-int(codes.max()).bit_length() // 3)
        settled = np.zeros(len(voxels_ijk), np.int32)
        return cls(voxels_ijk, order, codes[order], settled, level, np.array([0]), np.array([len(voxels_ijk)]))

    @property
    def count(self) -> int:
        return int(self.starts.size)

    def centres(self, spacing: Spacing) -> tuple[FloatArray, float]:
        """The cubes' centres, and how far a voxel's centre can lie from its cube's."""
        corners = (self.voxels_ijk[self.order[self.starts]] >> self.level) << self.level
        half = (2**self.level - 1) / 2
        return (corners + half) * np.array(spacing), float(np.linalg.norm(half * np.array(spacing)))

    def settle(self, decided: BoolArray, winner: IntArray) -> None:
        """Nothing; the voxels of the decided cubes have their component."""
        starts, ends = self.starts[decided], self.ends[decided]
        self.settled[self.order[ranges(starts, ends)]] = np.repeat(winner[decided], ends - starts)

    def split(self, chosen: BoolArray, cube: IntArray, component: IntArray) -> tuple[_Cubes, IntArray, IntArray]:
        """The chosen cubes' parts that hold voxels, and their pairs of cube and component in the same order."""
        level = max(self.level - 1, 0)
        starts, ends = self.starts[chosen], self.ends[chosen]
        voxel = ranges(starts, ends)
        part = self.codes[voxel] >> np.uint64(3 * level)
        is_first = np.append(True, part[1:] != part[:-1])[: voxel.size]
        first = np.flatnonzero(is_first)
        part_ends = voxel[np.append(first[1:], voxel.size)[: first.size] - 1] + 1
        parent = np.repeat(np.arange(starts.size), ends - starts)[first]
        parts_before = np.searchsorted(parent, np.arange(starts.size + 1))
        pair = chosen[cube]
        parent_of_pair = (np.cumsum(chosen) - 1)[cube[pair]]
        begins, stops = parts_before[parent_of_pair], parts_before[parent_of_pair + 1]
        parts = _Cubes(self.voxels_ijk, self.order, self.codes, self.settled, level, voxel[first], part_ends)
        return parts, ranges(begins, stops), np.repeat(component[pair], stops - begins)


def _z_order(voxels_ijk: IntArray) -> npt.NDArray[np.uint64]:
    """The bits of i, j and k interleaved, so that the voxels of any aligned cube of 2**n have consecutive codes."""
    i, j, k = (_spread(axis.astype(np.uint64)) for axis in voxels_ijk.T)
    return np.asarray(i | j << np.uint64(1) | k << np.uint64(2))


def _spread(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """21 bits with two zeros between any two: halves move apart, then quarters, down to single bits."""
    steps = (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    )
    for shift, kept in steps:
        bits = (bits | bits << np.uint64(shift)) & np.uint64(kept)
    return bits
