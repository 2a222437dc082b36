"""A CT as a finder's network sees it: axial slices with pixels of one size, cut out around the body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Volume
from scipy import ndimage

from LIMISLib.finding.intensities import Image, Intensities
from LIMISLib.planes import AXIAL, SliceView

AIR_HU = -1024.0
SOFT_HU = (-110.0, 190.0)  # a second look at soft tissue, where organs differ by little
_BODY_HU = -300.0
_SLAB_MM = 3.0  # thin slices are averaged to about this

Edges = npt.NDArray[np.float64]  # left, top, right, bottom on the last axis


@dataclass(frozen=True)
class Frame:
    """The size of a network's input and of its pixels, and how far off the slices above and below are that it sees."""

    shape: tuple[int, int] = (112, 144)
    pixel_mm: float = 3.0
    beyond_mm: float = 12.0


class Slices:
    """The axial slices of a CT with pixels of the frame's size; patient's right is left, whatever the grid's axes."""

    def __init__(self, image: Volume, frame: Frame) -> None:
        self.frame = frame
        self.view = SliceView(image.grid, AXIAL)
        self._turned = self.view.turned(image.values)
        self._kept: dict[int, Image] = {}
        voxel_mm = image.grid.spacing_mm
        self.slice_mm = voxel_mm[image.grid.axis_codes.index("S" if "S" in image.grid.axis_codes else "I")]

    def numbers(self, step_mm: float) -> list[int]:
        """Slice numbers about `step_mm` apart, the middle one of the CT among them."""
        step = self._step(step_mm)
        return list(range((self.view.count + 1) // 2 % step or min(step, self.view.count), self.view.count + 1, step))

    def stack(self, number: int, step_mm: float) -> tuple[Image, tuple[int, int]]:
        """HU of the slice, the one below and the one above (3, rows, columns), and where their top left pixel is."""
        step = self._step(step_mm)
        away = step * max(1, round(self.frame.beyond_mm / (step * self.slice_mm)))
        wanted = (number, number - away, number + away)
        parts = [self._resized(min(max(place, 1), self.view.count)) for place in wanted]
        corner = corner_around(parts[0], self.frame.shape)
        return np.stack([cut_out(part, corner, self.frame.shape) for part in parts]), corner

    def on_slice(self, edges: npt.ArrayLike, corner: tuple[int, int]) -> Edges:
        """Boxes of the network's input in pixels of the CT's slice."""
        height, width = (self.frame.pixel_mm / side for side in self.view.pixel_mm)
        row, column = corner
        shift = np.array((column, row, column, row), dtype=np.float64)
        moved = np.asarray(edges, dtype=np.float64) + shift
        return np.asarray(moved * (width, height, width, height))

    def _step(self, step_mm: float) -> int:
        return max(1, round(step_mm / self.slice_mm))

    def _resized(self, number: int) -> Image:
        if number not in self._kept:
            half = int(_SLAB_MM / self.slice_mm / 2)
            slab = self._turned[max(0, number - 1 - half) : number + half]
            self._kept[number] = resized(slab.mean(axis=0), self.view.pixel_mm, self.frame.pixel_mm)
        return self._kept[number]


def resized(hu: npt.NDArray[np.floating], pixel_mm: Sequence[float], side_mm: float) -> Image:
    """The slice with square pixels, from the same top left corner; finer pixels are averaged first.

    >>> resized(np.array([[1.0, 3.0, 5.0, 7.0]] * 4), (1.0, 1.0), 2.0).tolist()
    [[2.0, 6.0], [2.0, 6.0]]
    """
    ratios = [side_mm / pixel for pixel in pixel_mm]
    smooth = hu
    for axis, ratio in enumerate(ratios):
        if ratio > 1.5:
            size = round(ratio)
            smooth = ndimage.uniform_filter1d(smooth, size, axis=axis, mode="nearest", origin=-((size + 1) % 2))
    counts = [max(1, round(count / ratio)) for count, ratio in zip(hu.shape, ratios, strict=True)]
    shifts = [0.5 * (ratio - 1) - (0.5 if ratio > 1.5 and round(ratio) % 2 == 0 else 0.0) for ratio in ratios]
    moved = ndimage.affine_transform(smooth, ratios, offset=shifts, output_shape=counts, order=1, mode="nearest")
    return np.asarray(moved, dtype=np.float32)


def corner_around(hu: Image, shape: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the top left pixel of a cut-out around the middle of the body; of the slice if all is air.

    The middle is the median of the body's pixels: a table or an arm moves it little.
    """
    found = np.argwhere(hu > _BODY_HU)
    middle = np.median(found, axis=0) if len(found) else (np.array(hu.shape) - 1) / 2
    row, column = (round(float(m) - (size - 1) / 2) for m, size in zip(middle, shape, strict=True))
    return row, column


def cut_out(hu: Image, corner: tuple[int, int], shape: tuple[int, int], *, outside: float = AIR_HU) -> Image:
    """The part of the slice from the corner on, by default air where it reaches out of the slice.

    >>> cut_out(np.array([[1, 2], [3, 4]], np.float32), (1, -1), (1, 2)).tolist()
    [[-1024.0, 3.0]]
    """
    part = np.full(shape, outside, dtype=np.float32)
    spans = [
        (max(0, start), min(count, start + size)) for start, count, size in zip(corner, hu.shape, shape, strict=True)
    ]
    (top, bottom), (left, right) = spans
    if top < bottom and left < right:
        part[top - corner[0] : bottom - corner[0], left - corner[1] : right - corner[1]] = hu[top:bottom, left:right]
    return part


def channels(stack_hu: Image, intensities: Intensities) -> Image:
    """What the network gets (6, rows, columns): three slices, soft tissue in the first, and where each pixel is."""
    low, high = SOFT_HU
    soft = (np.clip(stack_hu[:1], low, high) - (low + high) / 2) / ((high - low) / 2)
    rows, columns = (np.linspace(-1.0, 1.0, size, dtype=np.float32) for size in stack_hu.shape[1:])
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    return np.concatenate((intensities.normalised(stack_hu), soft, places)).astype(np.float32)
