"""The nearest of many points that have the same number, for all numbers in one query or from what is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from CCMetricsLib.components import BoolArray, FloatArray, IntArray, Spacing, found_in, voxel_keys


class NumberedTree:
    """A k-d tree over points with numbers; the number is a coordinate of its own, in which others are out of reach.

    `reach` is more than any distance that will be asked for, as the image's diagonal is.

    >>> tree = NumberedTree(np.array([[0.0, 0, 0], [5, 0, 0]]), np.array([1, 2]), reach=10.0)
    >>> tree.distances(np.array([[4.0, 0, 0], [4, 0, 0], [4, 0, 0]]), np.array([1, 2, 3])).tolist()
    [4.0, 1.0, inf]
    """

    def __init__(self, points: FloatArray, numbers: IntArray, *, reach: float) -> None:
        self._reach = reach
        self._tree = cKDTree(self._apart(points, numbers), balanced_tree=False)

    def distances(self, points: FloatArray, numbers: IntArray, *, within: float = np.inf) -> FloatArray:
        """From each point to the nearest one with its number; infinite where none is nearer than `within`."""
        bound = min(within, self._reach)
        return np.asarray(self._tree.query(self._apart(points, numbers), distance_upper_bound=bound)[0])

    def _apart(self, points: FloatArray, numbers: IntArray) -> FloatArray:
        return np.column_stack([points, numbers * (2 * self._reach)])


def reach_within(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> float:
    """More than any distance in an image, a few voxels around it included."""
    return float(np.linalg.norm((np.array(shape) + 16) * spacing))


@dataclass(frozen=True, eq=False)
class Places:
    """Places on the lattice of an image, each with a number; a place may have several numbers."""

    ijk: IntArray
    numbers: IntArray
    keys: IntArray

    @classmethod
    def on(cls, shape: tuple[int, int, int], ijk: IntArray, numbers: IntArray) -> Places:
        """The places on an image of this shape."""
        return cls(ijk, numbers, voxel_keys(ijk, shape))

    def where(self, kept: BoolArray) -> Places:
        """The kept places."""
        return Places(self.ijk[kept], self.numbers[kept], self.keys[kept])


@dataclass(frozen=True, eq=False)
class NearestOfAll:
    """From each place to the nearest of others, whatever their numbers; `keys` and `target_keys` ascend.

    Where the nearest one has the number that is asked for, no other one of that number is nearer: what was found for
    bodies as a whole answers most of what is asked about their parts.
    """

    keys: IntArray
    distances: FloatArray
    nearest_keys: IntArray
    target_keys: IntArray

    @classmethod
    def between(cls, origin: Places, target: Places, spacing: Spacing) -> NearestOfAll:
        """Distances are infinite where there is no target."""
        if not target.keys.size:
            return cls(origin.keys, np.full(origin.keys.size, np.inf), np.full(origin.keys.size, -1), target.keys)
        tree = cKDTree(target.ijk * np.array(spacing), balanced_tree=False)
        distances, nearest = tree.query(origin.ijk * np.array(spacing))
        return cls(origin.keys, distances, target.keys[nearest], target.keys)

    def within_numbers(self, origin: Places, target: Places, spacing: Spacing, *, reach: float) -> FloatArray:
        """From each place to the nearest target with its number, as `NumberedTree` finds them.

        The targets hold all of those that were searched, and more where a body is cut: its number is searched anew.
        """
        distances, known = self._known(origin, target)
        rest = np.flatnonzero(~known)
        there = target.where(np.isin(target.numbers, origin.numbers[rest]))
        if there.keys.size:
            tree = NumberedTree(there.ijk * np.array(spacing), there.numbers, reach=reach)
            distances[rest] = tree.distances(origin.ijk[rest] * np.array(spacing), origin.numbers[rest])
        return distances

    def _known(self, origin: Places, target: Places) -> tuple[FloatArray, BoolArray]:
        """The distances that this search answers, infinite elsewhere, and where it does."""
        position, known = found_in(self.keys, origin.keys)
        cut = np.unique(target.numbers[~found_in(self.target_keys, target.keys)[1]])
        known &= ~np.isin(origin.numbers, cut)
        count = max(int(places.numbers.max(initial=0)) for places in (origin, target)) + 1
        nearest = self.nearest_keys[position[known]] * count + origin.numbers[known]
        known[known] = found_in(np.sort(target.keys * count + target.numbers), nearest)[1]
        distances = np.full(known.size, np.inf)
        distances[known] = self.distances[position[known]]
        return distances, known
