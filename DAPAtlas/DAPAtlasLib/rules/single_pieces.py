"""What occurs once is one piece: smaller pieces take the label around them (Algorithm 5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from AnatomyGuidedLib.labels import label_by_id, structures

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.dissolve import dissolved
from DAPAtlasLib.rules.finding import Finding, relabelled
from DAPAtlasLib.rules.pieces import Pieces

NAME = "single-piece"
_PARTS = ((0.1, 25.0), (0.3, 60.0))  # of the largest body, and how many mm apart at most: no stray, but a part
_ALIKE_HU = 60.0


def single_pieces(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:
    """Every structure that occurs once has its largest body only.

    What the edge of the image may have cut off stays, and so does a large piece close by, as of an organ that is drawn
    too thin in its middle: the finding names both, the first among its details, since that is no fault.
    """
    apart: list[IntArray] = []
    near: list[str] = []
    cut: list[str] = []
    for name, largest, body in _apart(pieces):
        is_alike = _is_alike(pieces, context, largest, body)
        if is_alike and _is_cut(pieces, largest, body):
            cut.append(name)
        elif is_alike and _is_part(pieces, largest, body):
            near.append(f"{name} is in two large pieces close to each other, which stay")
        else:
            apart.append(body)
    mended, moves = relabelled(*dissolved(pieces, apart, context.ct))
    details = {"perhaps_parted_by_the_images_edge": sorted(set(cut))} if cut else {}
    if not moves:
        reason = "No piece lies apart from its structure."
        return pieces, Finding(NAME, "nothing to do", reason, faults=tuple(near), details=details)
    names = sorted({label_by_id(move.source).name for move in moves})
    faults = (*(f"{name} has a piece apart" for name in names), *near)
    many = f" and {len(names) - 4} more" if len(names) > 4 else ""
    reason = f"Pieces apart of {', '.join(names[:4])}{many} took the label around them."
    return mended, Finding(NAME, "applied", reason, moves, faults, details)


def _apart(pieces: Pieces) -> Iterator[tuple[str, IntArray, IntArray]]:
    """The name of each structure that occurs once, its largest body, and another body of it."""
    for label in structures():
        own = np.flatnonzero(pieces.labels == label.id) if label.once else np.zeros(0, int)
        bodies = [own[pieces.bodies[own] == body] for body in np.unique(pieces.bodies[own])]
        if len(bodies) > 1:
            largest = max(bodies, key=lambda body: _size(pieces, body))
            yield from ((label.name, largest, body) for body in bodies if body is not largest)


def _size(pieces: Pieces, body: IntArray) -> int:
    return int(pieces.voxels[body].sum())


def _is_cut(pieces: Pieces, largest: IntArray, body: IntArray) -> bool:
    """Whether the field of view may have parted the two: both leave the image by one of its faces."""
    return bool(pieces.faces_reached(largest) & pieces.faces_reached(body))


def _is_part(pieces: Pieces, largest: IntArray, body: IntArray) -> bool:
    share = _size(pieces, body) / _size(pieces, largest)
    ends = [(box[..., 0].min(axis=0), box[..., 1].max(axis=0)) for box in (pieces.boxes[largest], pieces.boxes[body])]
    (low, high), (other_low, other_high) = ends
    gaps = np.maximum(np.maximum(low - other_high, other_low - high), 0) * np.array(pieces.grid.spacing_mm)
    return any(share >= least and float(np.linalg.norm(gaps)) < near_mm for least, near_mm in _PARTS)


def _is_alike(pieces: Pieces, context: Context, largest: IntArray, body: IntArray) -> bool:
    """Whether the CT, if there is one, shows in the body what the largest one has within it too."""
    usual, hu, own = (
        context.median_hu(pieces, largest),
        context.hu_range(pieces, largest),
        context.median_hu(pieces, body),
    )
    if usual is None or hu is None or own is None:
        return True
    return min(hu[0], usual - _ALIKE_HU) < own < max(hu[1], usual + _ALIKE_HU)
