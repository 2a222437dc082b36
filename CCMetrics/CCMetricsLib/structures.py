"""Where in the body each lesion lies: the structure of an atlas that holds it, or the nearest one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from AnatomyGuidedLib.labels import structures
from scipy.spatial import cKDTree

from CCMetricsLib.components import BoolArray, Components, IntArray

_FIRST_REACH_MM = 10.0


@dataclass(frozen=True)
class Place:
    """The DAP id of a structure and the distance to it, 0 within; both are None where the atlas names none at all."""

    structure: int | None
    distance_mm: float | None


def places(components: Components, grid: Grid, anatomy: Labelmap) -> list[Place]:
    """Each component's structure; the components' voxels are those of `grid`, the anatomy may lie on any grid.

    It is the structure in which most of its voxels lie, with the smallest id among equals; a voxel lies in what the
    nearest voxel of the anatomy names, and in nothing outside of the anatomy's image. A component of which no voxel
    lies in a structure gets the nearest one, and the least distance between voxel centres. Background and Unknown
    Tissue are no structures.
    """
    is_structure = np.zeros(max(int(anatomy.values.max()), max(s.id for s in structures())) + 1, np.bool_)
    is_structure[[s.id for s in structures()]] = True
    places_ras = grid.ras_from_ijk(components.voxels_ijk)
    order = np.argsort(components.numbers, kind="stable")
    edges = np.searchsorted(components.numbers[order], np.arange(1, components.count + 2))
    return [_place(places_ras[order[start:end]], anatomy, is_structure) for start, end in pairwise(edges.tolist())]


def _place(places_ras: FloatArray, anatomy: Labelmap, is_structure: BoolArray) -> Place:
    voxels = np.rint(anatomy.grid.ijk_from_ras(places_ras)).astype(int)
    inside = voxels[((voxels >= 0) & (voxels < anatomy.grid.shape)).all(axis=1)]
    under = anatomy.values[tuple(inside.T)]
    named = under[is_structure[under]]
    if named.size:
        return Place(int(np.bincount(named).argmax()), 0.0)
    return _nearest(places_ras, voxels, anatomy, is_structure)


def _nearest(places_ras: FloatArray, voxels: IntArray, anatomy: Labelmap, is_structure: BoolArray) -> Place:
    """Searched in boxes around the lesion that grow until none beyond the box can be nearer."""
    tree = cKDTree(places_ras)
    shape, spacing_mm = np.array(anatomy.grid.shape), np.array(anatomy.grid.spacing_mm)
    reach_mm = _FIRST_REACH_MM
    while True:
        margin = np.ceil(reach_mm / spacing_mm).astype(int) + 1
        low = np.clip(voxels.min(axis=0) - margin, 0, shape)
        high = np.clip(voxels.max(axis=0) + margin + 1, 0, shape)
        box = anatomy.values[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))]
        is_all = box.shape == anatomy.values.shape
        found = np.argwhere(is_structure[box])
        if len(found):
            ids = box[tuple(found.T)]
            distances, _ = tree.query(anatomy.grid.ras_from_ijk(found + low))
            distances = np.round(distances, 9)  # equal distances differ by rounding in an oblique frame
            best = np.lexsort((ids, distances))[0]
            if is_all or distances[best] <= reach_mm:
                return Place(int(ids[best]), float(distances[best]))
        if is_all:
            return Place(None, None)
        reach_mm *= 2
