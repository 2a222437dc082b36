"""Predicted lesions that touch no lesion of the reference: false positives as a reader counts them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from CCMetricsLib.components import (
    BoolArray,
    Connectivity,
    IntArray,
    NumberedVoxels,
    Runs,
    foreground_chunks,
    mask_shape,
    voxel_keys,
)


class PredictedLesions(Protocol):
    """How predicted voxels are joined to lesions."""

    def are_stray(self, voxels_ijk: IntArray) -> BoolArray:
        """Whether each predicted voxel belongs to a lesion that touches no lesion of the reference."""


class ConnectedLesions:
    """Lesions are connected components; they are held as runs, so that a large prediction takes little memory.

    >>> row = np.array([1, 1, 0, 1]).reshape(4, 1, 1)
    >>> lesions = ConnectedLesions(row, NumberedVoxels((4, 1, 1), np.array([[0, 0, 0]]), np.ones(1, int)), 26)
    >>> lesions.are_stray(np.array([[1, 0, 0], [3, 0, 0]])).tolist()
    [False, True]
    """

    def __init__(self, prediction: npt.NDArray[Any], reference: NumberedVoxels, connectivity: Connectivity) -> None:
        shape = mask_shape(prediction)
        parts = [Runs.of_keys(voxel_keys(voxels, shape), shape) for voxels in foreground_chunks(prediction)]
        firsts, lasts = (
            np.concatenate([np.zeros(0, np.int64), *(getattr(part, name) for part in parts)])
            for name in ("firsts", "lasts")
        )
        self._runs = Runs(shape, firsts, lasts)
        lesions = self._runs.components(connectivity)
        found = _predicted(prediction, reference)
        touched = np.zeros(int(lesions.max(initial=0)) + 1, np.bool_)
        touched[lesions[self._runs.at(voxel_keys(found, shape))]] = True
        self._stray = ~touched[lesions]

    def are_stray(self, voxels_ijk: IntArray) -> BoolArray:
        """Whether each predicted voxel belongs to a lesion that touches no lesion of the reference."""
        return np.asarray(self._stray[self._runs.at(voxel_keys(voxels_ijk, self._runs.shape))])


class NumberedLesions:
    """Lesions are the prediction's values."""

    def __init__(self, prediction: npt.NDArray[Any], reference: NumberedVoxels) -> None:
        self._prediction = prediction
        self._touched = np.unique(prediction[tuple(_predicted(prediction, reference).T)])

    def are_stray(self, voxels_ijk: IntArray) -> BoolArray:
        """Whether each predicted voxel belongs to a lesion that touches no lesion of the reference."""
        return ~np.isin(self._prediction[tuple(voxels_ijk.T)], self._touched)


def _predicted(prediction: npt.NDArray[Any], reference: NumberedVoxels) -> IntArray:
    """The reference's voxels that are predicted."""
    return np.asarray(reference.voxels_ijk[prediction[tuple(reference.voxels_ijk.T)] > 0])
