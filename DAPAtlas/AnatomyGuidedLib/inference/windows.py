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

NNUNET, MONAI = "nnunet", "monai"
LAYOUTS, PADDINGS = (NNUNET, MONAI), ("zero", "edge", "lowest")

_LEAST_WEIGHT = 1e-3
_SIGMA = 1 / 8  # of the window's side, as nnU-Net


@dataclass(frozen=True)
class Window:
    """A window's shape in voxels, how much of it the next one covers again, and the axes along which to mirror.

    With `dimensions` 2 the network sees slices: the window is one voxel thick along the first axis. `layout` is
    nnU-Net's (evenly spread, weights around the middle voxel) or MONAI's (steps of one length, the last one shorter,
    weights around the very middle and never below a thousandth). `even` gives all voxels of a window one weight;
    `padding`, of an image that is smaller, is "zero", "edge" or "lowest" (each channel's lowest value: air in a CT).
    """

    shape: Shape
    overlap: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    dimensions: int = 3
    layout: str = NNUNET
    even: bool = False
    padding: str = "zero"

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or not 0.0 <= self.overlap < 1.0:
            raise UsageError(
                f"A window needs sides of at least one voxel and an overlap of 0 or more and below 1, "
                f"but is {self.shape} with {self.overlap:g}."
            )
        if self.layout not in LAYOUTS or self.padding not in PADDINGS:
            raise UsageError(f"A window of the layout {self.layout!r} with the padding {self.padding!r} is unknown.")
        if self.dimensions == 2 and self.shape[0] != 1:
            raise UsageError(f"A window of a 2D network is one voxel thick, but its shape is {self.shape}.")


@dataclass(frozen=True)
class Axis:
    """One axis of an image: where windows start, the cells between all their starts and ends, the weights."""

    starts: tuple[int, ...]
    side: int
    edges: tuple[int, ...]
    profile: npt.NDArray[np.float32]  # by voxel of a window, 1 in the middle
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
    least_weight: float = 0.0

    @classmethod
    def over(cls, shape: Shape, window: Window) -> Windows:
        """The windows that cover an image of this shape evenly, from border to border."""
        i, j, k = (
            _axis(n, side, window, place) for place, (n, side) in enumerate(zip(shape, window.shape, strict=True))
        )
        return cls((i, j, k), _LEAST_WEIGHT if window.layout == MONAI and not window.even else 0.0)

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

    def weights(self, window: Index) -> npt.NDArray[np.float32]:
        """What each voxel of a window weighs; over all windows that cover a voxel this sums to 1, or to `totals`."""
        if self.least_weight:
            i, j, k = (axis.profile for axis in self.axes)
            return np.asarray(np.maximum(np.einsum("i,j,k->ijk", i, j, k), np.float32(self.least_weight)))
        i, j, k = (axis.weights[n] for axis, n in zip(self.axes, window, strict=True))
        return np.asarray(np.einsum("i,j,k->ijk", i, j, k))

    def totals(self, cell: Index) -> npt.NDArray[np.float32] | None:
        """The sum of weights over a cell; None where it is 1."""
        if not self.least_weight:
            return None
        of_window = self.weights((0, 0, 0))
        covering = [
            [n for n in range(len(axis.starts)) if c in axis.cells_of(n)]
            for axis, c in zip(self.axes, cell, strict=True)
        ]
        places = (
            tuple(axis.inside(n, c) for axis, n, c in zip(self.axes, numbers, cell, strict=True))
            for numbers in product(*covering)
        )
        return np.asarray(sum(of_window[place] for place in places))

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
    starts = (window_starts if window.layout == NNUNET else _stepped_starts)(voxels, side, window.overlap)
    edges = tuple(sorted({0, voxels, *starts, *(start + side for start in starts)}))
    is_flat = window.even or (window.dimensions == 2 and place == 0)
    profile = np.ones(side) if is_flat else _profile(side, side // 2 if window.layout == NNUNET else (side - 1) / 2)
    total = np.zeros(voxels)
    for start in starts:
        total[start : start + side] += profile
    weights = np.stack([profile / total[start : start + side] for start in starts])
    return Axis(starts, side, edges, profile.astype(np.float32), weights.astype(np.float32))


def window_starts(voxels: int, side: int, overlap: float) -> tuple[int, ...]:
    """Where windows of a side start along an axis: as few as keep the overlap, evenly spread from border to border.

    >>> window_starts(100, 64, 0.5)
    (0, 18, 36)
    """
    if voxels <= side:
        return (0,)
    number = int(np.ceil((voxels - side) / (side * (1 - overlap)))) + 1
    return tuple(int(np.round(place * (voxels - side) / (number - 1))) for place in range(number))


def _stepped_starts(voxels: int, side: int, overlap: float) -> tuple[int, ...]:
    """Where windows start that go on by one length, the last of them at the border."""
    if voxels <= side:
        return (0,)
    step = max(1, int(side * (1 - overlap)))
    return tuple(sorted({min(start, voxels - side) for start in range(0, voxels - side + step, step)}))


def _profile(side: int, middle: float) -> npt.NDArray[np.float64]:
    """A Gaussian around the middle of a side."""
    away = np.arange(side) - middle
    return np.asarray(np.exp(-0.5 * (away / max(side * _SIGMA, 1e-6)) ** 2))
