"""How far two surfaces lie apart, for every pair of bodies with the same number at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from CCMetricsLib.components import BoolArray, FloatArray, IntArray, Spacing
from CCMetricsLib.nearest import NearestOfAll, NumberedTree, Places, reach_within
from CCMetricsLib.partition import TIE_TOLERANCE
from CCMetricsLib.surfaces import SurfaceElements, SurfaceKind

_PERCENT = 95


@dataclass(frozen=True, eq=False)
class Directed:
    """From each element of one surface to the nearest one of the other, ordered by number, distance and weight."""

    numbers: IntArray
    distances_mm: FloatArray
    weights: FloatArray
    stray: BoolArray

    @classmethod
    def ordered(cls, origin: SurfaceElements, distances_mm: FloatArray) -> Directed:
        """The elements of one surface with their distances from the other."""
        order = np.lexsort((origin.weights, distances_mm, origin.numbers))
        return cls(origin.numbers[order], distances_mm[order], origin.weights[order], origin.stray[order])

    def sums(self, values: FloatArray, count: int) -> FloatArray:
        """The sum of the values for each number from 1 to `count`."""
        return np.asarray(np.bincount(self.numbers, values, count + 1)[1:], np.float64)

    def edges(self, count: int) -> IntArray:
        """Where the elements of the numbers from 1 to `count` begin, and where the last ones end."""
        return np.asarray(np.searchsorted(self.numbers, np.arange(1, count + 2)))


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Both directions for the bodies 1 to `count`; every method gives one value a body.

    A distance is infinite where one of the two surfaces is not there. `found` is what a search among all elements
    gave, from the reference's and from the prediction's; bodies that are parts of others have none of their own.
    """

    reference: Directed
    prediction: Directed
    count: int
    kind: SurfaceKind
    found: tuple[NearestOfAll, NearestOfAll] | None = None

    @classmethod
    def between(
        cls,
        reference: SurfaceElements,
        prediction: SurfaceElements,
        *,
        shape: tuple[int, int, int],
        spacing: Spacing,
        count: int,
        kind: SurfaceKind,
        longest_mm: float = np.inf,
        whole: SurfaceDistances | None = None,
    ) -> SurfaceDistances:
        """The distances from the reference's surfaces to the prediction's and back, in an image of this shape.

        `whole` holds those of the same voxels as one body: most of what is asked is answered by them. Distances end at
        `longest_mm`.
        """
        there, back = (Places.on(shape, side.places_ijk, side.numbers) for side in (reference, prediction))
        ways, reach = ((there, back), (back, there)), reach_within(shape, spacing)
        found = None
        if whole and whole.found:
            known = zip(whole.found, ways, strict=True)
            distances = [one.within_numbers(*way, spacing, reach=reach) for one, way in known]
        elif count == 1:
            found = NearestOfAll.between(*ways[0], spacing), NearestOfAll.between(*ways[1], spacing)
            distances = [one.distances for one in found]
        else:
            distances = [_searched(*way, spacing, reach) for way in ways]
        ahead, behind = (np.where(np.isinf(mm), mm, np.minimum(mm, longest_mm)) for mm in distances)
        return cls(Directed.ordered(reference, ahead), Directed.ordered(prediction, behind), count, kind, found)

    def hd_mm(self) -> FloatArray:
        """The Hausdorff distance: the farthest that an element of either surface lies from the other."""
        return self._larger(_farthest)

    def hd95_mm(self) -> FloatArray:
        """The larger of both directions' 95th percentiles.

        MONAI interpolates linearly between elements; DeepMind takes the first element at which 95 % of the area lie.
        """
        return self._larger(_percentile_by_area if self.kind == "deepmind" else _linear_percentile)

    def assd_mm(self) -> FloatArray:
        """The mean distance of all elements of both surfaces, weighted with their areas in DeepMind's kind."""
        found = sum(
            side.sums(np.where(np.isinf(side.distances_mm), 0, side.weights * side.distances_mm), self.count)
            for side in (self.reference, self.prediction)
        )
        return np.where(self._both, found / self._weights(), np.inf)

    def nsd(self, tolerance_mm: float) -> FloatArray:
        """The part of both surfaces that lies within the tolerance of the other (thesis, equation 17); 0 to 1."""
        reach = tolerance_mm * (1 + TIE_TOLERANCE)
        near = sum(
            side.sums(side.weights * (side.distances_mm <= reach), self.count)
            for side in (self.reference, self.prediction)
        )
        return np.asarray(near / self._weights())

    def farthest_is_stray(self) -> BoolArray:
        """Whether the Hausdorff distance is that of a predicted lesion which touches no lesion of the reference."""
        stray = self.prediction.stray & np.isfinite(self.prediction.distances_mm)
        farthest = np.full(self.count + 1, -np.inf)
        np.maximum.at(farthest, self.prediction.numbers[stray], self.prediction.distances_mm[stray])
        return np.asarray(farthest[1:] >= self.hd_mm() * (1 - TIE_TOLERANCE))

    @property
    def _both(self) -> BoolArray:
        """Which bodies have both surfaces."""
        reference, prediction = (np.diff(side.edges(self.count)) for side in (self.reference, self.prediction))
        return np.asarray((reference > 0) & (prediction > 0))

    def _weights(self) -> FloatArray:
        """All surface of each body; 1 where it has none, so that it can be a divisor."""
        total = sum(side.sums(side.weights, self.count) for side in (self.reference, self.prediction))
        return np.where(total == 0, 1, total)

    def _larger(self, of_one: Callable[[Directed, int], FloatArray]) -> FloatArray:
        """The larger value of the two directions; infinite where there is but one surface."""
        values = [of_one(side, self.count) for side in (self.reference, self.prediction)]
        return np.where(self._both, np.maximum(*values), np.inf)


def _searched(origin: Places, target: Places, spacing: Spacing, reach: float) -> FloatArray:
    """From each place to the nearest target with its number."""
    tree = NumberedTree(target.ijk * np.array(spacing), target.numbers, reach=reach)
    return tree.distances(origin.ijk * np.array(spacing), origin.numbers)


def _farthest(side: Directed, count: int) -> FloatArray:
    edges = side.edges(count)
    return np.append(side.distances_mm, np.nan)[np.maximum(edges[1:] - 1, 0)]


def _linear_percentile(side: Directed, count: int) -> FloatArray:
    """Interpolated between the two distances around the place 0.95 (n - 1) of n."""
    edges = side.edges(count)
    place = np.maximum(np.diff(edges) - 1, 0) * _PERCENT / 100
    below = np.floor(place).astype(np.intp)
    distances = np.append(side.distances_mm, [np.nan] * 2)
    lower = distances[edges[:-1] + below]
    upper = distances[edges[:-1] + np.ceil(place).astype(np.intp)]
    with np.errstate(invalid="ignore"):  # from infinity to infinity
        return np.asarray(lower + (upper - lower) * (place - below))


def _percentile_by_area(side: Directed, count: int) -> FloatArray:
    """The first distance up to which 95 % of the area lie."""
    return np.array([_up_to_area(side, start, end) for start, end in pairwise(side.edges(count).tolist())])


def _up_to_area(side: Directed, start: int, end: int) -> float:
    if start == end:
        return np.nan
    areas = np.cumsum(side.weights[start:end]) / np.sum(side.weights[start:end])
    place = min(int(np.searchsorted(areas, _PERCENT / 100)), end - start - 1)
    return float(side.distances_mm[start + place])
