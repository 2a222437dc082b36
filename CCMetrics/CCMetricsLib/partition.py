"""Which reference component every voxel belongs to: the components, and the generalized Voronoi partition they span.

The definition is Algorithm 1 of the thesis (5.1.3): a voxel belongs to the component whose nearest voxel is nearest to
it, and to the one with the smallest number where several are equally near. Arrays are [i, j, k]; voxels are rows of
(i, j, k). Only foreground is ever held, so memory follows the lesions and not the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]
Connectivity = Literal[6, 18, 26]

TIE_TOLERANCE = 1e-9  # relative: distances that are equal on paper differ by about 1e-15 in floating point

_CHUNK_VOXELS = 2**20
_TILE_VOXELS = 64


@dataclass(frozen=True, eq=False)
class Components:
    """The components of a reference, as their voxels: `numbers[n]` (from 1) is the component of `voxels_ijk[n]`.

    Voxels are in the order i fastest, then j, then k. `ids[number - 1]` is what people call the component: its number,
    or the value that it has in a map of instances.
    """

    shape: tuple[int, int, int]
    voxels_ijk: IntArray
    numbers: IntArray
    ids: IntArray

    @property
    def count(self) -> int:
        return int(self.ids.size)

    @property
    def sizes_voxels(self) -> IntArray:
        """The number of voxels of each component."""
        return np.bincount(self.numbers, minlength=self.count + 1)[1:]

    @property
    def centroids_ijk(self) -> FloatArray:
        """The mean voxel coordinates of each component, one row a component."""
        sums = [np.bincount(self.numbers, axis, self.count + 1)[1:] for axis in self.voxels_ijk.T]
        return np.stack(sums, axis=1) / self.sizes_voxels[:, np.newaxis]

    def at(self, voxels_ijk: IntArray) -> IntArray:
        """The number of the component that each voxel is part of; 0 outside all of them."""
        position, found = self._position(_keys(voxels_ijk, self.shape))
        return np.where(found, self.numbers[position], 0) if self.count else np.zeros(len(voxels_ijk), np.int32)

    def surface(self) -> BoolArray:
        """Whether each voxel has a face to anything but its own component, the outside of the image included."""
        same_faces = np.zeros(self.numbers.size, np.uint8)
        width, height = self.shape[0] + 2, self.shape[1] + 2
        for step in (1, width, width * height):
            after, found = self._position(self._sorted_keys + step)
            joined = np.flatnonzero(found & (self.numbers[after] == self.numbers))
            same_faces[joined] += 1
            same_faces[after[joined]] += 1
        return same_faces < 6

    @cached_property
    def _sorted_keys(self) -> IntArray:
        return _keys(self.voxels_ijk, self.shape)

    def _position(self, keys: IntArray) -> tuple[IntArray, BoolArray]:
        """Where each key stands among the components' voxels, and whether it is there at all."""
        if not self.numbers.size:
            return np.zeros(keys.size, np.intp), np.zeros(keys.size, np.bool_)
        position = np.minimum(np.searchsorted(self._sorted_keys, keys), self.numbers.size - 1)
        return position, self._sorted_keys[position] == keys


def connected_components(mask: npt.NDArray[Any], *, connectivity: Connectivity = 26) -> Components:
    """The connected components of the voxels above 0, numbered by their first voxel with i running fastest.

    Besides the foreground's own, it takes 5 bytes for each voxel of the foreground's bounding box.

    >>> mask = np.zeros((4, 4, 1), np.uint8)
    >>> mask[3, 0], mask[0, 1], mask[1, 2] = 1, 1, 1
    >>> connected_components(mask).numbers.tolist(), connected_components(mask, connectivity=6).numbers.tolist()
    ([1, 2, 2], [1, 2, 3])

    Raises:
        ValueError: The connectivity is none of 6, 18 and 26.
    """
    if connectivity not in get_args(Connectivity):
        raise ValueError(f"The connectivity must be 6, 18 or 26, but is {connectivity}.")
    voxels = foreground_voxels(mask)
    if not len(voxels):
        return Components(_shape(mask), voxels, np.zeros(0, np.int32), np.zeros(0, np.int64))
    low = voxels.min(axis=0)
    box = np.zeros(voxels.max(axis=0) - low + 1, np.uint8, order="F")
    box[tuple((voxels - low).T)] = 1
    numbers = _by_first_voxel(_labelled(box, connectivity)[tuple((voxels - low).T)])
    return Components(_shape(mask), voxels, numbers, np.arange(1, numbers.max() + 1))


def instance_components(values: npt.NDArray[Any]) -> Components:
    """The components of a map whose values above 0 are already lesions' numbers; `ids` holds these.

    >>> instance_components(np.array([7, 0, 3, 7]).reshape(4, 1, 1)).ids.tolist()
    [3, 7]
    """
    voxels = foreground_voxels(values)
    ids, ranks = np.unique(values[tuple(voxels.T)], return_inverse=True)
    return Components(_shape(values), voxels, (ranks + 1).astype(np.int32), ids.astype(np.int64))


def foreground_voxels(mask: npt.NDArray[Any]) -> IntArray:
    """The voxels above 0 as rows of (i, j, k), i running fastest."""
    return np.concatenate([np.zeros((0, 3), np.int32), *foreground_chunks(mask)])


def foreground_chunks(mask: npt.NDArray[Any], *, chunk_voxels: int = _CHUNK_VOXELS) -> Iterator[IntArray]:
    """The same voxels in pieces: whole slices along k, until a piece has `chunk_voxels` or more."""
    pieces, held = [], 0
    for k in range(mask.shape[2]):
        j, i = np.nonzero(mask[:, :, k].T > 0)
        if i.size:
            pieces.append(np.stack([i, j, np.full_like(i, k)], axis=1).astype(np.int32))
            held += i.size
        if held >= chunk_voxels:
            yield np.concatenate(pieces)
            pieces, held = [], 0
    if pieces:
        yield np.concatenate(pieces)


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
        order = np.argsort(components.numbers[surface], kind="stable")
        points = components.voxels_ijk[surface][order] * np.array(spacing)
        ends = np.cumsum(np.bincount(components.numbers[surface], minlength=components.count + 1))
        self._trees = [cKDTree(points[start:end]) for start, end in pairwise(ends.tolist())]

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
        farther than the nearest one. At cubes of one voxel this is the definition itself.
        """
        cubes = _Cubes.around(voxels_ijk)
        component: IntArray = np.arange(1, self.components.count + 1, dtype=np.int32)
        cube: IntArray = np.zeros(self.components.count, np.intp)
        while cubes.count:
            centres, reach = cubes.centres(self.spacing)
            distance = self._distances(component, centres, cube)
            nearest = np.full(cubes.count, np.inf)
            np.minimum.at(nearest, cube, distance)
            near = distance <= (nearest[cube] + 2 * reach) * (1 + TIE_TOLERANCE)
            cube, component = cube[near], component[near]
            winner = np.full(cubes.count, self.components.count, np.int32)
            np.minimum.at(winner, cube, component)
            decided = np.bincount(cube, minlength=cubes.count) == 1 if cubes.level else np.ones(cubes.count, np.bool_)
            cubes.settle(decided, winner)
            cubes, cube, component = cubes.split(~decided, cube, component)
        return cubes.settled

    def _distances(self, component: IntArray, centres: FloatArray, cube: IntArray) -> FloatArray:
        """The distance of each pair of a component (ascending) and a cube's centre."""
        distance = np.empty(component.size)
        ends = np.append(np.flatnonzero(np.diff(component)) + 1, component.size)
        start = 0
        for end in ends.tolist():
            tree = self._trees[int(component[start]) - 1]
            distance[start:end] = tree.query(centres[cube[start:end]])[0]
            start = end
        return distance


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
        self.settled[self.order[_runs(starts, ends)]] = np.repeat(winner[decided], ends - starts)

    def split(self, chosen: BoolArray, cube: IntArray, component: IntArray) -> tuple[_Cubes, IntArray, IntArray]:
        """The chosen cubes' parts that hold voxels, and their pairs of cube and component in the same order."""
        level = max(self.level - 1, 0)
        starts, ends = self.starts[chosen], self.ends[chosen]
        voxel = _runs(starts, ends)
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
        return parts, _runs(begins, stops), np.repeat(component[pair], stops - begins)


def _labelled(box: npt.NDArray[np.uint8], connectivity: Connectivity) -> npt.NDArray[np.uint32]:
    """cc3d's components.

    It picks its output's type by the content unless it is told. Its mode for boolean images (4.1.1) reserves too few
    labels where an image is one or three voxels thin and then fails; whole numbers are safe, and 7 times faster here.
    Slicer installs cc3d only when it is first needed, so it cannot be imported with this file.
    """
    import cc3d

    return np.asarray(cc3d.connected_components(box, connectivity=connectivity, out_dtype=np.uint32))


def _by_first_voxel(labels: npt.NDArray[np.uint32]) -> IntArray:
    """The same labels, numbered from 1 in the order in which they appear."""
    _, first, ranks = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(first.size, np.int32)
    numbers[np.argsort(first)] = np.arange(1, first.size + 1)
    return numbers[ranks]


def _shape(mask: npt.NDArray[Any]) -> tuple[int, int, int]:
    i, j, k = mask.shape
    return i, j, k


def _keys(voxels_ijk: IntArray, shape: tuple[int, int, int]) -> IntArray:
    """One number a voxel, ascending with i fastest; a margin of one voxel keeps neighbours beyond an edge apart."""
    i, j, k = np.asarray(voxels_ijk, np.int64).T + 1
    return np.asarray((k * (shape[1] + 2) + j) * (shape[0] + 2) + i)


def _runs(starts: IntArray, ends: IntArray) -> IntArray:
    """All integers from each start up to its end, one run after the other.

    >>> _runs(np.array([3, 8]), np.array([5, 11])).tolist()
    [3, 4, 8, 9, 10]
    """
    lengths = ends - starts
    shifts = np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1])[: lengths.size], lengths)
    return np.asarray(np.arange(shifts.size) + shifts)


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
