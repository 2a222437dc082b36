"""A rib with two names, and a rib that was overlooked, so that those above it are counted one too low (Algorithm 7)."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, NotPossible, ids_table, middle_ras, points_ras
from AnatomyGuidedLib.phantom.fault_growth import erase
from AnatomyGuidedLib.phantom.fault_series import VERTEBRAE, ribs

_BONY = ("Ribs", "Vertebras", "Bones")
_CUT_AT = (0.25, 0.75)
_CORNER = 1.75  # voxels: neighbours that share a corner are the root of three apart
_NO_RIB = "the fault needs a rib in the field of view, but the map holds none."
_BOTH_SIDES = (ribs("left"), ribs("right"))


def rib_split(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """One rib is cut across: one of its parts, a quarter to three quarters of it, carries a neighbour's name.

    Where the cut lies is measured along the rib from its end at the spine.
    """
    found = [name for side in _BOTH_SIDES for name in canvas.present(side) if len(canvas.voxels_ijk(name)) > 1]
    if not found:
        raise NotPossible(_NO_RIB)
    rib = found[int(rng.integers(len(found)))]
    neighbour = _beside(rib, rng)
    order = np.argsort(_course_mm(canvas, rib), kind="stable")
    cut = min(max(round(float(rng.uniform(*_CUT_AT)) * len(order)), 1), len(order) - 1)
    front = bool(rng.integers(2))
    places = canvas.voxels_ijk(rib)[order[cut:] if front else order[:cut]]
    canvas.labels[tuple(places.T)] = id_of(neighbour)
    part = "front" if front else "rear"
    return {"rib": rib, "named": neighbour, "part": part, "voxels": len(places)}


def rib_missing(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A rib has been overlooked: its voxels are what lies around it, and the ribs above it are counted one too low."""
    found = [name for side in _BOTH_SIDES for name in _missable(canvas, side)]
    if not found:
        raise NotPossible(_NO_RIB)
    missing = found[int(rng.integers(len(found)))]
    series = _series(missing)
    bones = [label.name for label in structures() if label.group in _BONY]
    erase(canvas, missing, never=ids_table(bones))
    above = canvas.present(series[: series.index(missing)])
    renamed = {name: series[series.index(name) + 1] for name in above}
    canvas.rename(renamed)
    return {"missing": missing, "renamed": renamed}


def _series(rib: str) -> tuple[str, ...]:
    return next(side for side in _BOTH_SIDES if rib in side)


def _beside(rib: str, rng: np.random.Generator) -> str:
    series = _series(rib)
    place = series.index(rib)
    beside = [series[other] for other in (place - 1, place + 1) if 0 <= other < len(series)]
    return beside[int(rng.integers(len(beside)))]


def _missable(canvas: FaultCanvas, series: tuple[str, ...]) -> list[str]:
    """Ribs that have another one above them; where only one is in view, that one."""
    found = canvas.present(series)
    return found[1:] or found


def _course_mm(canvas: FaultCanvas, rib: str) -> FloatArray:
    """How far each voxel of a rib lies from its end at the spine, along the rib; infinite where it is cut off."""
    spine = canvas.present(VERTEBRAE) or [name for side in _BOTH_SIDES for name in canvas.present(side)]
    aside = np.abs(points_ras(canvas, rib)[:, 0] - middle_ras(points_ras(canvas, *spine))[0])
    places = canvas.voxels_ijk(rib)
    first, second = cKDTree(places).query_pairs(_CORNER, output_type="ndarray").T
    steps = np.sqrt((((places[first] - places[second]) * np.array(canvas.grid.spacing_mm)) ** 2).sum(axis=1))
    graph = coo_array((steps, (first, second)), shape=(len(places), len(places)))
    return np.asarray(np.round(dijkstra(graph, directed=False, indices=int(np.argmin(aside))), 3))
