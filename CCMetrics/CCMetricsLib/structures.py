"""Where in the body each lesion lies: the structure of an atlas that holds it, or the nearest one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import structures
from scipy.spatial import cKDTree

from CCMetricsLib.components import BoolArray, Components, IntArray, Spacing

_FIRST_REACH_MM = 10.0


@dataclass(frozen=True)
class Place:
    """The DAP id of a structure and the distance to it, 0 within; both are None where the atlas names none at all."""

    structure: int | None
    distance_mm: float | None


def places(components: Components, anatomy: Labelmap) -> list[Place]:
    """Each component's structure, on the same grid.

    It is the structure in which most of its voxels lie, with the smallest id among equals. A component of which no
    voxel lies in a structure gets the nearest one, and the least distance between voxel centres. Background and Unknown
    Tissue are no structures.
    """
    values = anatomy.values
    is_structure = np.zeros(max(int(values.max()), max(s.id for s in structures())) + 1, np.bool_)
    is_structure[[s.id for s in structures()]] = True
    under = values[tuple(components.voxels_ijk.T)]
    order = np.argsort(components.numbers, kind="stable")
    edges = np.searchsorted(components.numbers[order], np.arange(1, components.count + 2))
    parts = [order[start:end] for start, end in pairwise(edges.tolist())]
    return [_place(components.voxels_ijk[part], under[part], values, is_structure, anatomy) for part in parts]


def _place(
    voxels_ijk: IntArray,
    under: npt.NDArray[Any],
    values: npt.NDArray[Any],
    is_structure: BoolArray,
    anatomy: Labelmap,
) -> Place:
    named = under[is_structure[under]]
    if named.size:
        return Place(int(np.bincount(named).argmax()), 0.0)
    return _nearest(voxels_ijk, values, is_structure, anatomy.grid.spacing_mm)


def _nearest(voxels_ijk: IntArray, values: npt.NDArray[Any], is_structure: BoolArray, spacing: Spacing) -> Place:
    """Searched in boxes around the lesion that grow until none beyond the box can be nearer."""
    tree = cKDTree(voxels_ijk * np.array(spacing))
    reach_mm = _FIRST_REACH_MM
    while True:
        margin = np.ceil(reach_mm / np.array(spacing)).astype(int)
        low = np.maximum(voxels_ijk.min(axis=0) - margin, 0)
        high = np.minimum(voxels_ijk.max(axis=0) + margin + 1, values.shape)
        box = values[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))]
        is_all = box.shape == values.shape
        found = np.argwhere(is_structure[box])
        if len(found):
            ids = box[tuple(found.T)]
            distances, _ = tree.query((found + low) * np.array(spacing))
            best = np.lexsort((ids, distances))[0]
            if is_all or distances[best] <= reach_mm:
                return Place(int(ids[best]), float(distances[best]))
        if is_all:
            return Place(None, None)
        reach_mm *= 2
