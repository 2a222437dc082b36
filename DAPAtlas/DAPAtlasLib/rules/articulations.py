"""Which vertebra each rib hangs on."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import ids_where

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.pieces import BoolArray, Pieces


def rib_labels(side: str = "") -> IntArray:
    """The ids of ribs, of one side if it is named."""
    return np.array(ids_where(lambda label: label.anatomical_rib is not None and side in ("", label.side)))


def host_of(pieces: Pieces, rib: IntArray, vertebrae: list[IntArray]) -> int | None:
    """The place in `vertebrae`, pieces each, of the one that shares most of its border with the rib; None: none."""
    shared = shared_borders(pieces, rib, vertebrae)
    return int(np.argmax(shared)) if shared.size and shared.max() > 0 else None


def shared_borders(pieces: Pieces, rib: IntArray, vertebrae: list[IntArray]) -> FloatArray:
    """How many faces a rib shares with each vertebra."""
    inside = _mask(pieces, rib)
    first, second, faces = pieces.contacts.first, pieces.contacts.second, pieces.contacts.faces
    beside = inside[first] | inside[second]
    first, second, faces = first[beside], second[beside], faces[beside]
    return np.array([_shared(inside, _mask(pieces, vertebra), first, second, faces) for vertebra in vertebrae])


def in_order(scores: FloatArray) -> list[int | None]:
    """For each rib from above a vertebra of its own, ever lower ones, such that the scores' sum is greatest.

    A rib whose scores are all 0 has none. Rows are ribs, columns vertebrae.

    >>> in_order(np.array([[0.6, 0.4, 0.0], [0.0, 0.0, 0.0], [0.7, 0.6, 0.0]]))
    [0, None, 1]
    """
    rows = np.flatnonzero(scores.max(axis=1, initial=0.0) > 0)
    best = np.zeros(scores.shape[1] + 1)
    ways: list[list[list[tuple[int, int]]]] = [[[] for _ in best]]
    for row in rows.tolist():
        new, way = best.copy(), [list(found) for found in ways[-1]]
        for column in range(scores.shape[1]):
            taken = best[column] + scores[row, column] if scores[row, column] > 0 else -1.0
            if taken > new[column + 1]:
                new[column + 1], way[column + 1] = taken, [*ways[-1][column], (row, column)]
            if new[column] > new[column + 1]:
                new[column + 1], way[column + 1] = new[column], list(way[column])
        best, ways = new, [*ways, way]
    chosen = dict(ways[-1][-1])
    return [chosen.get(row) for row in range(len(scores))]


def _mask(pieces: Pieces, chosen: IntArray) -> BoolArray:
    mask = np.zeros(pieces.labels.size, np.bool_)
    mask[chosen] = True
    return mask


def _shared(one: BoolArray, other: BoolArray, first: IntArray, second: IntArray, faces: IntArray) -> float:
    """Faces between both; touching at an edge or corner counts a little."""
    between = (one[first] & other[second]) | (other[first] & one[second])
    return float(np.maximum(faces[between], 0.25).sum())
