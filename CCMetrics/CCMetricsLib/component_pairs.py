"""Which components of a reference and of a prediction share voxels: the table that all matching metrics count in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from CCMetricsLib.components import BoolArray, Components, Connectivity, FloatArray, IntArray, Runs, voxel_keys


@dataclass(frozen=True, eq=False)
class ComponentPairs:
    """The overlapping pairs: number `reference[n]` of the one and `prediction[n]` of the other share voxels.

    `reference_voxels[number - 1]` and `prediction_voxels[number - 1]` are the components' whole sizes.
    """

    reference_voxels: IntArray
    prediction_voxels: IntArray
    reference: IntArray
    prediction: IntArray
    shared_voxels: IntArray

    @property
    def share_of_reference(self) -> FloatArray:
        """What part of the pair's reference component the predicted one covers."""
        return np.asarray(self.shared_voxels / self.reference_voxels[self.reference - 1])

    @property
    def share_of_prediction(self) -> FloatArray:
        """What part of the pair's predicted component the reference's covers."""
        return np.asarray(self.shared_voxels / self.prediction_voxels[self.prediction - 1])

    @property
    def iou(self) -> FloatArray:
        """The pair's shared voxels over those of either."""
        either = self.reference_voxels[self.reference - 1] + self.prediction_voxels[self.prediction - 1]
        return np.asarray(self.shared_voxels / (either - self.shared_voxels))

    def untouched_reference(self) -> BoolArray:
        """Whether each component of the reference shares no voxel with the prediction."""
        return _absent(self.reference, self.reference_voxels.size)

    def untouched_prediction(self) -> BoolArray:
        """Whether each predicted component shares no voxel with the reference."""
        return _absent(self.prediction, self.prediction_voxels.size)


def component_pairs(reference: Components, prediction: Components) -> ComponentPairs:
    """The pairs of components that overlap, in the order of the reference's and then the prediction's number.

    >>> from CCMetricsLib.components import connected_components
    >>> lesions = connected_components(np.array([1, 1, 0, 1, 1]).reshape(5, 1, 1))
    >>> found = connected_components(np.array([0, 1, 1, 1, 0]).reshape(5, 1, 1))
    >>> pairs = component_pairs(lesions, found)
    >>> pairs.reference.tolist(), pairs.prediction.tolist(), pairs.iou.tolist()
    ([1, 2], [1, 1], [0.25, 0.25])
    """
    numbers = reference.at(prediction.voxels_ijk)
    shared = numbers > 0
    first, second, voxels = counted_pairs(numbers[shared], prediction.numbers[shared])
    return ComponentPairs(reference.sizes_voxels, prediction.sizes_voxels, first, second, voxels)


def counted_pairs(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Each pair of numbers that stand at the same place, once, in ascending order, and how often it does.

    >>> [column.tolist() for column in counted_pairs(np.array([2, 1, 2]), np.array([5, 7, 5]))]
    [[1, 2], [7, 5], [1, 2]]
    """
    bits = np.uint64(32)
    pairs, counts = np.unique(first.astype(np.uint64) << bits | second.astype(np.uint64), return_counts=True)
    return (pairs >> bits).astype(np.int64), (pairs & np.uint64(2**32 - 1)).astype(np.int64), counts


def components_of_voxels(
    voxels_ijk: IntArray, shape: tuple[int, int, int], *, connectivity: Connectivity
) -> Components:
    """The connected components of voxels in the order i fastest, then j, then k: a mask is read once for all of them.

    >>> diagonal = np.array([(0, 0, 0), (1, 1, 0), (2, 2, 1)])
    >>> [components_of_voxels(diagonal, (3, 3, 2), connectivity=c).numbers.tolist() for c in (6, 18, 26)]
    [[1, 2, 3], [1, 1, 2], [1, 1, 1]]
    """
    runs = Runs.of_keys(voxel_keys(voxels_ijk, shape), shape)
    of_run = runs.components(connectivity)
    numbers = np.repeat(of_run, runs.lasts - runs.firsts + 1)
    return Components(shape, voxels_ijk, numbers, np.arange(1, of_run.max(initial=0) + 1))


def _absent(numbers: IntArray, count: int) -> BoolArray:
    absent = np.ones(count, np.bool_)
    absent[numbers - 1] = False
    return absent
