"""The nearest of many points that have the same number, for all numbers in one query."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from CCMetricsLib.components import FloatArray, IntArray


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
