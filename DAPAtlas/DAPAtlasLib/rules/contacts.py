"""Which pieces of a label map touch, and how many voxel faces their common border has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer[Any]]

_SLAB_SLICES = 16
_STEPS = tuple((i, j, k) for i, j, k in product((-1, 0, 1), repeat=3) if (i, j, k) > (0, 0, 0))


@dataclass(frozen=True, eq=False)
class Contacts:
    """Pairs of pieces that touch, `first < second`; `faces` is 0 where they share but edges or corners."""

    first: IntArray
    second: IntArray
    faces: IntArray


def contacts(pieces: npt.NDArray[np.unsignedinteger[Any]], count: int) -> Contacts:
    """Every pair of touching numbers from 0 to `count`, looked up slab by slab.

    >>> found = contacts(np.array([1, 1, 0, 2, 3], np.uint16).reshape(5, 1, 1), 3)
    >>> list(zip(found.first.tolist(), found.second.tolist(), found.faces.tolist()))
    [(0, 1, 1), (0, 2, 1), (2, 3, 1)]
    """
    codes: list[IntArray] = []
    faces: list[IntArray] = []
    for start in range(0, pieces.shape[2], _SLAB_SLICES):
        slab = pieces[:, :, start : start + _SLAB_SLICES + 1]
        for step in _STEPS:
            found, counts = np.unique(_pairs(slab, step, count), return_counts=True)
            codes.append(found)
            faces.append(counts if sum(map(abs, step)) == 1 else np.zeros_like(counts))
    if not codes:
        nothing = np.zeros(0, np.int64)
        return Contacts(nothing, nothing, nothing)
    pairs, place = np.unique(np.concatenate(codes), return_inverse=True)
    total = np.bincount(place, np.concatenate(faces), pairs.size).astype(np.int64)
    return Contacts(pairs // (count + 1), pairs % (count + 1), total)


def _pairs(slab: npt.NDArray[Any], step: tuple[int, int, int], count: int) -> IntArray:
    """The codes of unlike neighbours one step apart; a slab's first slice belongs to the slab before it.

    Slabs overlap in one slice, so that steps along k cross from one to the next; steps within a slice are counted in
    all but the last slice of a slab that has a successor.
    """
    here, there = (tuple(_side(d * sign, n) for d, n in zip(step, slab.shape, strict=True)) for sign in (1, -1))
    one, other = slab[here], slab[there]
    if step[2] == 0 and slab.shape[2] == _SLAB_SLICES + 1:
        one, other = one[:, :, :-1], other[:, :, :-1]
    differs = one != other
    a, b = one[differs].astype(np.int64), other[differs].astype(np.int64)
    return np.asarray(np.minimum(a, b) * (count + 1) + np.maximum(a, b))


def _side(step: int, size: int) -> slice:
    return slice(max(-step, 0), size - max(step, 0))
