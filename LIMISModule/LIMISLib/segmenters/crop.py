"""The square around a box that a network looks at, and the way there and back (thesis 3.3.3.2: box plus margin)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray
from scipy import ndimage

from LIMISLib.box import Box

Pixels = npt.NDArray[np.float32]

MARGIN_SHARE = 0.15  # of the box's longer side, on each side of it


@dataclass(frozen=True)
class Crop:
    """A square of `side` x `side` cells of `step_mm`, whose corner lies at (top_mm, left_mm) of the slice.

    Cells are square in mm whatever the slice's pixels are, so that shapes keep their aspect. It may reach out of the
    slice.
    """

    top_mm: float
    left_mm: float
    step_mm: float
    side: int
    pixel_mm: tuple[float, float]

    def cell(self, row: float, column: float) -> tuple[float, float]:
        """Where a point of the slice lies, in cells from the crop's corner.

        >>> crop_around(Box(10, 20, 30, 40), pixel_mm=(1.0, 1.0), side=10, margin_share=0.0).cell(30, 20)
        (5.0, 5.0)
        """
        height_mm, width_mm = self.pixel_mm
        return (row * height_mm - self.top_mm) / self.step_mm, (column * width_mm - self.left_mm) / self.step_mm

    def sampled(self, pixels: Pixels, *, outside: float = 0.0) -> Pixels:
        """The slice's values at the cells' centres: linear, smoothed first where cells are coarser than pixels."""
        sigmas = [0.5 * max(0.0, self.step_mm / spacing - 1.0) for spacing in self.pixel_mm]
        rows, columns = self._reach(pixels.shape, margin=3)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return np.full((self.side, self.side), outside, np.float32)
        near = pixels[rows, columns].astype(np.float32)
        near = ndimage.gaussian_filter(near, sigmas, mode="nearest") if max(sigmas) else near
        at = [places - part.start for places, part in zip(self._pixels_of_cells(), (rows, columns), strict=True)]
        found = ndimage.map_coordinates(near, np.meshgrid(*at, indexing="ij"), order=1, mode="nearest")
        found[~self._on_slice(pixels.shape)] = outside
        return np.asarray(found, np.float32)

    def laid_back(self, values: Pixels, shape: tuple[int, int], inside: tuple[slice, slice]) -> Pixels:
        """An array of the slice's shape that holds the crop's values at the pixels `inside`, and 0 elsewhere."""
        found = np.zeros(shape, np.float32)
        corners = (self.top_mm, self.left_mm)
        at = [
            ((np.arange(part.start, part.stop) + 0.5) * spacing - corner) / self.step_mm - 0.5
            for part, spacing, corner in zip(inside, self.pixel_mm, corners, strict=True)
        ]
        found[inside] = ndimage.map_coordinates(values, np.meshgrid(*at, indexing="ij"), order=1, mode="nearest")
        return found

    def box_cells(self, box: Box) -> tuple[slice, slice]:
        """The rows and columns of cells that a box covers, as ScribblePrompt counts them: edges rounded down."""
        (top, left), (bottom, right) = self.cell(box.top, box.left), self.cell(box.bottom, box.right)
        edges = [int(np.clip(np.floor(edge), 0, self.side)) for edge in (top, bottom, left, right)]
        return slice(edges[0], edges[1]), slice(edges[2], edges[3])

    def box_of(self, cells: Box) -> Box:
        """The box on the slice of a box in cells.

        >>> crop_around(Box(10, 20, 30, 40), pixel_mm=(1.0, 1.0), side=10, margin_share=0.0).box_of(Box(0, 0, 5, 10))
        Box(left=10.0, top=20.0, right=20.0, bottom=40.0)
        """
        height_mm, width_mm = self.pixel_mm
        left, right = ((self.left_mm + cell * self.step_mm) / width_mm for cell in (cells.left, cells.right))
        top, bottom = ((self.top_mm + cell * self.step_mm) / height_mm for cell in (cells.top, cells.bottom))
        return Box(left, top, right, bottom)

    def _pixels_of_cells(self) -> tuple[FloatArray, FloatArray]:
        """By axis, the slice's pixel coordinates (0 is the middle of the first pixel) of the cells' centres."""
        centres = (np.arange(self.side) + 0.5) * self.step_mm
        height_mm, width_mm = self.pixel_mm
        rows, columns = (self.top_mm + centres) / height_mm - 0.5, (self.left_mm + centres) / width_mm - 0.5
        return np.asarray(rows, np.float64), np.asarray(columns, np.float64)

    def _on_slice(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        down, across = (
            (places >= -0.5) & (places <= size - 0.5)
            for places, size in zip(self._pixels_of_cells(), shape, strict=True)
        )
        return np.asarray(down[:, None] & across[None, :])

    def _reach(self, shape: tuple[int, ...], *, margin: int) -> tuple[slice, slice]:
        """The slice's rows and columns under the crop, with a margin of cells."""
        parts = []
        for places, size in zip(self._pixels_of_cells(), shape, strict=True):
            more = margin * max(1.0, float(places[1] - places[0]))
            parts.append(slice(max(0, int(places[0] - more)), min(size, int(places[-1] + more) + 2)))
        return parts[0], parts[1]


def crop_around(box: Box, *, pixel_mm: tuple[float, float], side: int, margin_share: float = MARGIN_SHARE) -> Crop:
    """The square around the box's centre that holds the box and a margin."""
    height_mm, width_mm = pixel_mm
    down_mm, across_mm = box.height * height_mm, box.width * width_mm
    reach_mm = max(down_mm, across_mm) * (1 + 2 * margin_share)
    centre_mm = (box.top * height_mm + down_mm / 2, box.left * width_mm + across_mm / 2)
    return Crop(centre_mm[0] - reach_mm / 2, centre_mm[1] - reach_mm / 2, reach_mm / side, side, pixel_mm)
