"""A prediction in slabs of slices, each with the slices around it, so that a prediction of any size stays in bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from CCMetricsLib.components import BoolArray, IntArray, NumberedVoxels, foreground_chunks, mask_shape

_END = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Slab:
    """Predicted voxels with their regions' numbers; those with `start_k <= k < stop_k` are the slab's own.

    The others lie in the slices around it. The slabs of a prediction share out all slices among them.
    """

    voxels: NumberedVoxels
    start_k: int
    stop_k: int

    @property
    def own(self) -> BoolArray:
        """Which of the voxels are the slab's own."""
        return self.holds(self.voxels.voxels_ijk)

    def holds(self, places_ijk: IntArray) -> BoolArray:
        """Which places lie in the slab's own slices."""
        return np.asarray((places_ijk[:, 2] >= self.start_k) & (places_ijk[:, 2] < self.stop_k))


def slabs(
    prediction: npt.NDArray[Any], number_of: Callable[[IntArray], IntArray], *, margin_slices: int
) -> Iterator[Slab]:
    """The predicted voxels slab by slab, each asked for its number once.

    >>> both = slabs(np.ones((1, 1, 3)), lambda voxels: np.ones(len(voxels), np.int32), margin_slices=1)
    >>> [(slab.start_k, len(slab.voxels.voxels_ijk)) for slab in both]
    [(0, 3)]
    """
    shape = mask_shape(prediction)
    before, current = _Piece.nothing(), _Piece.nothing()
    for voxels in foreground_chunks(prediction, chunk_slices=margin_slices):
        after = _Piece(voxels, number_of(voxels))
        if len(current.voxels_ijk):
            yield _slab(shape, before, current, after, margin_slices)
        before, current = current, after
    if len(current.voxels_ijk):
        yield _slab(shape, before, current, _Piece.nothing(), margin_slices)


@dataclass(frozen=True, eq=False)
class _Piece:
    voxels_ijk: IntArray
    numbers: IntArray

    @classmethod
    def nothing(cls) -> _Piece:
        return cls(np.zeros((0, 3), np.int32), np.zeros(0, np.int32))

    def where(self, kept: BoolArray) -> _Piece:
        return _Piece(self.voxels_ijk[kept], self.numbers[kept])


def _slab(shape: tuple[int, int, int], before: _Piece, own: _Piece, after: _Piece, margin: int) -> Slab:
    start = int(own.voxels_ijk[0, 2])
    stop = int(after.voxels_ijk[0, 2]) if len(after.voxels_ijk) else _END
    pieces = (
        before.where(before.voxels_ijk[:, 2] >= start - margin),
        own,
        after.where(after.voxels_ijk[:, 2] < min(stop, _END - margin) + margin),
    )
    voxels = np.concatenate([piece.voxels_ijk for piece in pieces])
    return Slab(NumberedVoxels(shape, voxels, np.concatenate([piece.numbers for piece in pieces])), start, stop)
