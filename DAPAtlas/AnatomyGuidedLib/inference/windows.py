"""Where sliding windows lie on an image, what each of them weighs, and into which cells their borders cut it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import UsageError

Shape = tuple[int, int, int]
Index = tuple[int, int, int]
Box = tuple[slice, slice, slice]

_SIGMA = 1 / 8  # of the window's side, as nnU-Net


@dataclass(frozen=True)
class Window:
    """A window's shape in voxels, how much of it the next one covers again, and the axes along which to mirror.

    With `dimensions` 2 the network sees slices: the window is one voxel thick along the first axis.
    """

    shape: Shape
    overlap: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    dimensions: int = 3

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or not 0.0 <= self.overlap < 1.0:
            raise UsageError(
                f"A window needs sides of at least one voxel and an overlap of 0 or more and below 1, "
                f"but is {self.shape} with {self.overlap:g}."
            )
        if self.dimensions == 2 and self.shape[0] != 1:
            raise UsageError(f"A window of a 2D network is one voxel thick, but its shape is {self.shape}.")


@dataclass(frozen=True)
class Axis:
    """One axis of an image: where windows start, the cells between all their starts and ends, the weights."""

    starts: tuple[int, ...]
    side: int
    edges: tuple[int, ...]
    weights: npt.NDArray[np.float32]  # by window and voxel of it; those of all windows over a voxel sum to 1

    def cells_of(self, window: int) -> range:
        """The cells that a window covers."""
        first = self.edges.index(self.starts[window])
        return range(first, self.edges.index(self.starts[window] + self.side))

    def is_last(self, window: int, cell: int) -> bool:
        """Whether no later window covers the cell."""
        return window + 1 == len(self.starts) or self.starts[window + 1] >= self.edges[cell + 1]

    def inside(self, window: int, cell: int) -> slice:
        """The cell's place within the window."""
        start = self.starts[window]
        return slice(self.edges[cell] - start, self.edges[cell + 1] - start)

    def cell(self, cell: int) -> slice:
        """The cell's place in the image."""
        return slice(self.edges[cell], self.edges[cell + 1])


@dataclass(frozen=True)
class Windows:
    """All windows over an image; it must be at least as large as one."""

    axes: tuple[Axis, Axis, Axis]

    @classmethod
    def over(cls, shape: Shape, window: Window) -> Windows:
        """The windows that cover an image of this shape evenly, from border to border."""
        i, j, k = (
            _axis(n, side, window, place) for place, (n, side) in enumerate(zip(shape, window.shape, strict=True))
        )
        return cls((i, j, k))

    def __len__(self) -> int:
        return int(np.prod([len(axis.starts) for axis in self.axes]))

    def most_unfinished(self) -> int:
        """Voxels that windows have seen and later ones will see again, at most: a layer of windows."""
        slowest = self._order()[0]
        return int(np.prod([a.side if place == slowest else a.edges[-1] for place, a in enumerate(self.axes)]))

    def _order(self) -> list[int]:
        return sorted(range(3), key=lambda axis: -len(self.axes[axis].starts))

    def in_order(self) -> Iterator[Index]:
        """Every window's number along i, j and k; the axis with the most windows is the slowest.

        Whatever the order of axes, a cell is complete no sooner than all cells before it along each axis.
        """
        order = self._order()
        for numbers in product(*(range(len(self.axes[axis].starts)) for axis in order)):
            placed = dict(zip(order, numbers, strict=True))
            yield placed[0], placed[1], placed[2]

    def box(self, window: Index) -> Box:
        """The window's place in the image."""
        i, j, k = (slice(axis.starts[n], axis.starts[n] + axis.side) for axis, n in zip(self.axes, window, strict=True))
        return i, j, k

    def cells_of(self, window: Index) -> Iterator[Index]:
        """The cells that a window covers, as numbers along i, j and k."""
        i, j, k = (axis.cells_of(n) for axis, n in zip(self.axes, window, strict=True))
        return product(i, j, k)

    def completes(self, window: Index, cell: Index) -> bool:
        """Whether the window is the last one over the cell."""
        return all(axis.is_last(n, c) for axis, n, c in zip(self.axes, window, cell, strict=True))


def _axis(voxels: int, side: int, window: Window, place: int) -> Axis:
    starts = window_starts(voxels, side, window.overlap)
    edges = tuple(sorted({0, voxels, *starts, *(start + side for start in starts)}))
    profile = np.ones(side) if window.dimensions == 2 and place == 0 else _profile(side)
    total = np.zeros(voxels)
    for start in starts:
        total[start : start + side] += profile
    weights = np.stack([profile / total[start : start + side] for start in starts])
    return Axis(starts, side, edges, weights.astype(np.float32))


def window_starts(voxels: int, side: int, overlap: float) -> tuple[int, ...]:
    """Where windows of a side start along an axis: as few as keep the overlap, evenly spread from border to border.

    >>> window_starts(100, 64, 0.5)
    (0, 18, 36)
    """
    if voxels <= side:
        return (0,)
    number = int(np.ceil((voxels - side) / (side * (1 - overlap)))) + 1
    return tuple(int(np.round(place * (voxels - side) / (number - 1))) for place in range(number))


def _profile(side: int) -> npt.NDArray[np.float64]:
    """A Gaussian around the middle voxel of a side, the same for one voxel more or less."""
    away = np.arange(side) - side // 2
    return np.asarray(np.exp(-0.5 * (away / max(side * _SIGMA, 1e-6)) ** 2))
