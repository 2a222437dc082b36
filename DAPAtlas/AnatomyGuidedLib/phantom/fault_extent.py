"""What the scan cuts off, and a lung's lobe that is lost (a missing anchor must not switch rules off unsaid)."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, label_by_id, structures
from AnatomyGuidedLib.phantom.fault_canvas import Box, FaultCanvas, NotPossible, ids_table

LOBES = tuple(label.name for label in structures() if label.name.startswith("Lung "))

_AXES = ("R", "A", "S")
_AXIS_ODDS = (0.15, 0.1, 0.75)
_KEPT = (0.3, 0.8)
_UNKNOWN_SHARE = 0.25


def cropped(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """The field of view is cut along one body axis, mostly S: 30 to 80 % of it remain."""
    shape = canvas.true.shape
    long = [axis for axis in range(3) if shape[axis] > 1]
    if not canvas.labels.any() or not long:
        raise NotPossible("the fault needs a body of several slices, but the map holds none.")
    odds = np.array([_AXIS_ODDS[axis] for axis in long])
    axis = long[int(rng.choice(len(long), p=odds / odds.sum()))]
    window = _cut(canvas, axis, float(rng.uniform(*_KEPT)), float(rng.choice([0.0, 1.0, rng.random()])))
    canvas.window = window
    side = window[axis]
    return {"axis": _AXES[axis], "kept_slices": [side.start, side.stop], "of_slices": shape[axis]}


def lobe_missing(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A whole lobe carries the name of the lobe that it touches most, or is Unknown Tissue, one time in four."""
    lobes = canvas.require(LOBES, "a lobe of a lung")
    missing = lobes[int(rng.integers(len(lobes)))]
    named = _lobe_beside(canvas, missing)
    if not named or rng.random() < _UNKNOWN_SHARE:
        named = UNKNOWN_TISSUE
    canvas.rename({missing: named})
    return {"missing": missing, "named": named}


def _cut(canvas: FaultCanvas, axis: int, kept: float, place: float) -> Box:
    """A share of the volume along an axis, from its low end (`place` 0) to its high end (1), that holds some body."""
    count = canvas.true.shape[axis]
    length = min(max(round(kept * count), 1), count - 1)
    other = tuple(n for n in range(3) if n != axis)
    body = np.flatnonzero(canvas.labels.any(axis=other))
    first = min(max(round(place * (count - length)), int(body[0]) - length + 1), int(body[-1]))
    first = min(first, count - length)
    r, a, s = (
        slice(first, first + length) if n == axis else slice(0, size) for n, size in enumerate(canvas.true.shape)
    )
    return r, a, s


def _lobe_beside(canvas: FaultCanvas, lobe: str) -> str:
    """The lobe that shares most faces with this one; "" where none does."""
    box = canvas.box(lobe, margin_mm=max(canvas.grid.spacing_mm))
    labels = canvas.true[box]
    faces = np.zeros(256, dtype=np.intp)
    for axis in range(3):
        along = np.moveaxis(labels, axis, 0)
        for first, second in ((along[:-1], along[1:]), (along[1:], along[:-1])):
            faces += np.bincount(second[(first == id_of(lobe)) & (second != id_of(lobe))], minlength=256)
    faces[~ids_table(LOBES)] = 0
    return label_by_id(int(np.argmax(faces))).name if faces.any() else ""
