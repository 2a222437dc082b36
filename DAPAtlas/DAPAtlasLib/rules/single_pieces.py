"""What occurs once is one piece: smaller pieces take the label around them (Algorithm 5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from AnatomyGuidedLib.labels import label_by_id, structures

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding, relabelled
from DAPAtlasLib.rules.pieces import Pieces

NAME = "single-piece"
_CUT_SHARE = 0.02  # of the largest body: larger ones at the image's edge may be cut off by the field of view


def single_pieces(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:  # noqa: ARG001 - all rules look alike
    """Every structure that occurs once has its largest body only."""
    changes = {piece: pieces.surroundings(body) for body in _strays(pieces) for piece in body.tolist()}
    mended, moves = relabelled(pieces, changes)
    if not moves:
        return pieces, Finding(NAME, "nothing to do", "What occurs once is one piece.")
    names = sorted({label_by_id(move.source).name for move in moves})
    faults = tuple(f"{name} has a piece apart" for name in names)
    many = f" and {len(names) - 4} more" if len(names) > 4 else ""
    reason = f"Pieces apart of {', '.join(names[:4])}{many} took the label around them."
    return mended, Finding(NAME, "applied", reason, moves, faults)


def _strays(pieces: Pieces) -> Iterator[IntArray]:
    """All bodies of what occurs once but the largest, and but what the edge of the image cuts from it."""
    for label in structures():
        own = np.flatnonzero(pieces.labels == label.id) if label.once else np.zeros(0, int)
        if own.size < 2:
            continue
        bodies = [own[pieces.bodies[own] == body] for body in np.unique(pieces.bodies[own])]
        largest = max(bodies, key=lambda body: int(pieces.voxels[body].sum()))
        size = pieces.voxels[largest].sum()
        for body in bodies:
            is_cut = pieces.reaches_edge(body) and (
                pieces.reaches_edge(largest) or pieces.voxels[body].sum() > _CUT_SHARE * size
            )
            if body is not largest and not is_cut:
                yield body
