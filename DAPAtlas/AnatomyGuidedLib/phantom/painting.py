"""From solids to voxels: each structure is painted in its own box, and a rank decides who keeps a shared voxel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.shapes import Axes, Shape

_NEVER = -1
_BLOCK_VOXELS = 400_000  # a field of this size and its temporaries stay in the processor's cache


@dataclass(frozen=True)
class Part:
    """A solid of one structure.

    It takes voxels whose rank lies from `above` to its own `rank`; so the order of painting decides between equals
    only. `only` narrows this to named structures.
    """

    name: str
    shape: Shape
    rank: int
    above: int = 0
    only: tuple[str, ...] = ()


class Canvas:
    """Labels under construction, [i, j, k] along R, A and S, with each label's rank (that of its first part)."""

    def __init__(self, axes: Axes, *, without: Set[str] = frozenset()) -> None:
        self.axes = axes
        self._without = without
        self.labels = np.zeros([len(axis) for axis in axes], dtype=np.uint8)
        self._rank = np.full(256, _NEVER, dtype=np.int16)
        self._rank[0] = 0

    def paint(self, parts: Iterable[Part]) -> None:
        """The parts' voxels are theirs, as far as ranks let them; what this body is `without` is left out."""
        for part in parts:
            if part.name in self._without:
                continue
            box = self._box(part.shape.bounds())
            for block in _blocks(box):
                r, a, s = (axis[side] for axis, side in zip(self.axes, block, strict=True))
                mask = part.shape.distance((r, a, s)) < 0
                mask &= self._open_to(part)[self.labels[block]]
                self.labels[block][mask] = id_of(part.name)
            if self._rank[id_of(part.name)] == _NEVER:
                self._rank[id_of(part.name)] = part.rank

    def mask(self, *names: str) -> npt.NDArray[np.bool_]:
        """Voxels of any of these structures."""
        wanted = np.zeros(256, dtype=np.bool_)
        wanted[[id_of(name) for name in names]] = True
        return np.asarray(wanted[self.labels])

    def _open_to(self, part: Part) -> npt.NDArray[np.bool_]:
        taken = (self._rank >= part.above) & (self._rank <= part.rank)
        if part.only:
            named = np.zeros(256, dtype=np.bool_)
            named[[id_of(name) for name in part.only]] = True
            taken &= named
        return np.asarray(taken)

    def _box(self, bounds: tuple[FloatArray, FloatArray]) -> tuple[slice, ...]:
        low, high = bounds
        ends = [
            np.searchsorted(axis, np.array([low[n] - 1.0, high[n] + 1.0], dtype=np.float32))
            for n, axis in enumerate(self.axes)
        ]
        return tuple(slice(int(first), int(last)) for first, last in ends)


def _blocks(box: tuple[slice, ...]) -> Iterator[tuple[slice, ...]]:
    """The box in slabs along the first axis; none where it is empty."""
    r, a, s = box
    plane = (a.stop - a.start) * (s.stop - s.start)
    if plane > 0:
        step = max(1, _BLOCK_VOXELS // plane)
        for first in range(r.start, r.stop, step):
            yield slice(first, min(first + step, r.stop)), a, s
