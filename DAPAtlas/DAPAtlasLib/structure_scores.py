"""Dice and mean surface distance of every structure of a label map at once (thesis, Table 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap, require_same_grid
from CCMetricsLib.components import NumberedVoxels
from CCMetricsLib.surface_distances import SurfaceDistances
from CCMetricsLib.surfaces import surface_elements


@dataclass(frozen=True)
class StructureScore:
    """One structure: its Dice; its mean surface distance in mm, None where the prediction lacks it."""

    label: int
    reference_ml: float
    prediction_ml: float
    dice: float
    distance_mm: float | None


def structure_scores(reference: Labelmap, prediction: Labelmap, labels: Sequence[int]) -> list[StructureScore]:
    """The scores of those of the labels that the reference has, in their order.

    The mean surface distance is that of all surface voxels of both, to the nearest one of the other.

    >>> from AnatomyGuidedLib.grid import Grid
    >>> grid = Grid((4, 1, 1), np.eye(4))
    >>> one = Labelmap(np.array([5, 5, 0, 0], np.uint8).reshape(4, 1, 1), grid)
    >>> two = Labelmap(np.array([0, 5, 5, 0], np.uint8).reshape(4, 1, 1), grid)
    >>> score = structure_scores(one, two, (5, 6))[0]
    >>> score.dice, score.distance_mm
    (0.5, 0.5)

    Raises:
        GridMismatch: The two do not lie on one grid.
    """
    require_same_grid(reference.grid, prediction.grid, names=("the reference", "the prediction"))
    counts = np.bincount(reference.values.ravel(), minlength=256)
    present = [label for label in labels if counts[label]]
    predicted = np.bincount(prediction.values.ravel(), minlength=256)
    shared = np.bincount(reference.values[reference.values == prediction.values], minlength=256)
    distances = _distances_mm(reference, prediction, present)
    ml = reference.grid.voxel_volume_ml
    return [
        StructureScore(
            label,
            float(counts[label] * ml),
            float(predicted[label] * ml),
            float(2 * shared[label] / (counts[label] + predicted[label])),
            float(distance) if np.isfinite(distance) else None,
        )
        for label, distance in zip(present, distances, strict=True)
    ]


def structure_ious(first: Labelmap, second: Labelmap) -> dict[int, float]:
    """By label that either map has, the voxels that both give it over those that one of them does.

    Raises:
        GridMismatch: The two do not lie on one grid.
    """
    require_same_grid(first.grid, second.grid, names=("the first label map", "the second"))
    one, two = (np.bincount(labelmap.values.ravel(), minlength=256) for labelmap in (first, second))
    both = np.bincount(first.values[first.values == second.values], minlength=256)
    labels = [label for label in np.flatnonzero(one + two).tolist() if label]
    return {label: float(both[label] / (one[label] + two[label] - both[label])) for label in labels}


def _distances_mm(reference: Labelmap, prediction: Labelmap, labels: Sequence[int]) -> npt.NDArray[np.float64]:
    spacing = reference.grid.spacing_mm
    surfaces = [surface_elements(_numbered(one, labels), spacing, "monai") for one in (reference, prediction)]
    if not all(surface.numbers.size for surface in surfaces):
        return np.full(len(labels), np.inf)
    shape = reference.grid.shape
    found = SurfaceDistances.between(*surfaces, shape=shape, spacing=spacing, count=len(labels), kind="monai")
    return np.asarray(found.assd_mm(), np.float64)


def _numbered(labelmap: Labelmap, labels: Sequence[int]) -> NumberedVoxels:
    """The voxels of the labels, numbered by the labels' places from 1."""
    number_of = np.zeros(256, np.int32)
    number_of[list(labels)] = np.arange(1, len(labels) + 1)
    numbers = number_of[labelmap.values.transpose()]  # i then runs fastest
    k, j, i = np.nonzero(numbers)
    places = np.stack((i, j, k), axis=1).astype(np.int32)
    return NumberedVoxels(labelmap.grid.shape, places, numbers[k, j, i])
