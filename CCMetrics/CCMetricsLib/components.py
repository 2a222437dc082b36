"""Foreground as voxels with numbers: the components of a reference, found and looked up without touching background.

Voxels are rows of (i, j, k) in the order i fastest, then j, then k. Only foreground is ever held, so memory follows the
lesions and not the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csgraph

IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]
Connectivity = Literal[6, 18, 26]

_CHUNK_VOXELS = 2**20


@dataclass(frozen=True, eq=False)
class NumberedVoxels:
    """Voxels of an image in the order i fastest, then j, then k, each with a number above 0."""

    shape: tuple[int, int, int]
    voxels_ijk: IntArray
    numbers: IntArray

    def at(self, voxels_ijk: IntArray) -> IntArray:
        """The number of each voxel; 0 where it is none of these."""
        position, found = self.positions(voxels_ijk)
        return np.where(found, self.numbers[position], 0) if self.numbers.size else np.zeros(len(voxels_ijk), np.int32)

    def as_one(self) -> NumberedVoxels:
        """The same voxels as one body, of number 1."""
        one = NumberedVoxels(self.shape, self.voxels_ijk, np.ones_like(self.numbers))
        one.__dict__["keys"] = self.keys  # where the cache looks
        return one

    def positions(self, voxels_ijk: IntArray) -> tuple[IntArray, BoolArray]:
        """Where each voxel stands among these, and whether it is there at all."""
        return self._position(voxel_keys(voxels_ijk, self.shape))

    def surface(self, axes: tuple[int, ...] = (0, 1, 2)) -> BoolArray:
        """Whether each voxel has a face, along one of the axes, to anything but its own number.

        The outside of the image counts as something else.
        """
        same_faces = np.zeros(self.numbers.size, np.uint8)
        width, height = self.shape[0] + 2, self.shape[1] + 2
        steps = (1, width, width * height)
        for axis in axes:
            after, found = self._position(self.keys + steps[axis])
            joined = np.flatnonzero(found & (self.numbers[after] == self.numbers))
            same_faces[joined] += 1
            same_faces[after[joined]] += 1
        return same_faces < 2 * len(axes)

    @cached_property
    def keys(self) -> IntArray:
        """One number a voxel, ascending."""
        return voxel_keys(self.voxels_ijk, self.shape)

    def _position(self, keys: IntArray) -> tuple[IntArray, BoolArray]:
        return found_in(self.keys, keys)


@dataclass(frozen=True, eq=False)
class Components(NumberedVoxels):
    """The components of a reference: `numbers[n]` (from 1, without gaps) is the component of `voxels_ijk[n]`.

    `ids[number - 1]` is what people call the component: its number, or the value that it has in a map of instances.
    """

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


@dataclass(frozen=True, eq=False)
class Runs:
    """A mask as runs of voxels along i, from the key `firsts[n]` to the key `lasts[n]`, both ascending."""

    shape: tuple[int, int, int]
    firsts: IntArray
    lasts: IntArray

    @classmethod
    def of_keys(cls, keys: IntArray, shape: tuple[int, int, int]) -> Runs:
        """The runs of voxels whose ascending keys these are."""
        is_first = np.diff(keys, prepend=-1) != 1
        return cls(shape, keys[is_first], keys[np.append(is_first[1:], True)[: keys.size]])

    def components(self, connectivity: Connectivity) -> IntArray:
        """The number of each run's connected component, counted from 1 in the order of their first voxels."""
        pairs = [self._neighbours(*step) for step in self._steps(connectivity)]
        one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        count = self.firsts.size
        graph = coo_array((np.ones(one.size, np.uint8), (one, other)), shape=(count, count))
        _, labels = csgraph.connected_components(graph, directed=False)
        return _by_first_appearance(labels)

    def at(self, keys: IntArray) -> IntArray:
        """The run that holds each key; the keys must be of voxels of the mask."""
        return np.asarray(np.searchsorted(self.firsts, keys, side="right") - 1)

    def _steps(self, connectivity: Connectivity) -> tuple[tuple[int, int], ...]:
        """How far away, in keys, the neighbouring rows lie, and how far along i a neighbour may then be."""
        row = self.shape[0] + 2
        slice_ = row * (self.shape[1] + 2)
        if connectivity == 6:
            return (row, 0), (slice_, 0)
        diagonal = 1 if connectivity == 26 else 0
        return (row, 1), (slice_, 1), (slice_ - row, diagonal), (slice_ + row, diagonal)

    def _neighbours(self, step: int, reach: int) -> tuple[IntArray, IntArray]:
        """Pairs of runs that touch, the second one a step away."""
        begins = np.searchsorted(self.lasts, self.firsts + (step - reach), side="left")
        stops = np.searchsorted(self.firsts, self.lasts + (step + reach), side="right")
        return np.repeat(np.arange(begins.size), stops - begins), ranges(begins, stops)


def connected_components(mask: npt.NDArray[Any], *, connectivity: Connectivity = 26) -> Components:
    """The connected components of the voxels above 0, numbered by their first voxel with i running fastest.

    >>> mask = np.zeros((4, 4, 1), np.uint8)
    >>> mask[3, 0], mask[0, 1], mask[1, 2] = 1, 1, 1
    >>> connected_components(mask).numbers.tolist(), connected_components(mask, connectivity=6).numbers.tolist()
    ([1, 2, 2], [1, 2, 3])

    Raises:
        ValueError: The connectivity is none of 6, 18 and 26.
    """
    return components_of_voxels(foreground_voxels(mask), mask_shape(mask), connectivity=connectivity)


def components_of_voxels(
    voxels_ijk: IntArray, shape: tuple[int, int, int], *, connectivity: Connectivity = 26
) -> Components:
    """The same of a mask that is given as its voxels, in the order i fastest, then j, then k.

    >>> components_of_voxels(np.array([(0, 0, 0), (1, 1, 0), (3, 1, 0)]), (4, 2, 1)).numbers.tolist()
    [1, 1, 2]

    Raises:
        ValueError: The connectivity is none of 6, 18 and 26.
    """
    if connectivity not in get_args(Connectivity):
        raise ValueError(f"The connectivity must be 6, 18 or 26, but is {connectivity}.")
    runs = Runs.of_keys(voxel_keys(voxels_ijk, shape), shape)
    of_run = runs.components(connectivity)
    numbers = np.repeat(of_run, runs.lasts - runs.firsts + 1)
    return Components(shape, voxels_ijk, numbers, np.arange(1, of_run.max(initial=0) + 1))


def instance_components(values: npt.NDArray[Any]) -> Components:
    """The components of a map whose values above 0 are already lesions' numbers; `ids` holds these.

    >>> instance_components(np.array([7, 0, 3, 7]).reshape(4, 1, 1)).ids.tolist()
    [3, 7]
    """
    voxels = foreground_voxels(values)
    ids, ranks = np.unique(values[tuple(voxels.T)], return_inverse=True)
    return Components(mask_shape(values), voxels, (ranks + 1).astype(np.int32), ids.astype(np.int64))


def foreground_voxels(mask: npt.NDArray[Any]) -> IntArray:
    """The voxels above 0 as rows of (i, j, k), i running fastest."""
    return np.concatenate([np.zeros((0, 3), np.int32), *foreground_chunks(mask)])


def foreground_chunks(
    mask: npt.NDArray[Any], *, chunk_voxels: int = _CHUNK_VOXELS, chunk_slices: int = 1
) -> Iterator[IntArray]:
    """The same voxels in pieces: whole slices along k, until a piece has that many voxels and slices or more."""
    pieces: list[IntArray] = []
    held, first = 0, 0
    for k in range(mask.shape[2]):
        j, i = np.divmod(_above_0(np.ascontiguousarray(mask[:, :, k].ravel(order="F"))), mask.shape[0])
        if i.size:
            first = first if pieces else k
            pieces.append(np.stack([i, j, np.full_like(i, k)], axis=1).astype(np.int32))
            held += i.size
        if held >= chunk_voxels and k - first + 1 >= chunk_slices:
            yield np.concatenate(pieces)
            pieces, held = [], 0
    if pieces:
        yield np.concatenate(pieces)


def _above_0(values: npt.NDArray[Any]) -> IntArray:
    """Where the values are above 0. Nearly all are background, so eight bytes are looked at in one go.

    >>> _above_0(np.array([0, 3, 0, 0, 0, 700, 0, 0, 0, 1], np.uint16)).tolist()
    [1, 5, 9]
    """
    if values.dtype.kind not in "bu":
        return np.flatnonzero(values > 0)
    whole = values.size * values.itemsize // 8
    per_word = 8 // values.itemsize
    words = np.flatnonzero(values[: whole * per_word].view(np.uint64) != 0)
    candidates = (words[:, np.newaxis] * per_word + np.arange(per_word)).ravel()
    candidates = np.append(candidates, np.arange(whole * per_word, values.size))
    return np.asarray(candidates[values[candidates] > 0])


def mask_shape(mask: npt.NDArray[Any]) -> tuple[int, int, int]:
    """The array's shape, which must have three axes."""
    i, j, k = mask.shape
    return i, j, k


def voxel_keys(voxels_ijk: IntArray, shape: tuple[int, int, int]) -> IntArray:
    """One number a voxel, ascending with i fastest; a margin of one voxel keeps neighbours beyond an edge apart."""
    i, j, k = np.asarray(voxels_ijk, np.int64).T + 1
    return np.asarray((k * (shape[1] + 2) + j) * (shape[0] + 2) + i)


def found_in(keys: IntArray, wanted: IntArray) -> tuple[IntArray, BoolArray]:
    """Where each wanted key stands among ascending keys, and whether it is there at all.

    >>> [found.tolist() for found in found_in(np.array([2, 5]), np.array([5, 1, 9]))]
    [[1, 0, 1], [True, False, False]]
    """
    if not keys.size:
        return np.zeros(wanted.size, np.intp), np.zeros(wanted.size, np.bool_)
    position = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return position, keys[position] == wanted


def ranges(starts: IntArray, ends: IntArray) -> IntArray:
    """All integers from each start up to its end, one range after the other.

    >>> ranges(np.array([3, 8]), np.array([5, 11])).tolist()
    [3, 4, 8, 9, 10]
    """
    lengths = ends - starts
    shifts = np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1])[: lengths.size], lengths)
    return np.asarray(np.arange(shifts.size) + shifts)


def _by_first_appearance(labels: IntArray) -> IntArray:
    """The same labels, numbered from 1 in the order in which they appear."""
    _, first, ranks = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(first.size, np.int32)
    numbers[np.argsort(first)] = np.arange(1, first.size + 1)
    return numbers[ranks]
