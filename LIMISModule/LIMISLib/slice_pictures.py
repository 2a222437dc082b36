"""Pictures of a step: the slice in its window, the mask's contour, the box, the clicks. They need no Slicer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.render import Picture
from scipy import ndimage

from LIMISLib.box import Box, box_around
from LIMISLib.prompt import PRESETS, Click, Window
from LIMISLib.prompt_segmenter import Mask

MASK, BEFORE, BOX = (255, 190, 60), (90, 200, 255), (120, 230, 120)
FOREGROUND, BACKGROUND, ASKED = (60, 255, 90), (255, 70, 70), (255, 255, 255)

_HEIGHT_PX = 360
_LEAST_MM = 90.0
_CONTEXT = 0.5  # of the box's size on each side


@dataclass(frozen=True)
class Marks:
    """What is drawn on a slice: the mask, another one beside it, the box, clicks, the pixel that is asked about."""

    mask: Mask
    other: Mask | None = None
    box: Box | None = None
    clicks: Sequence[Click] = ()
    asked: tuple[int, int] | None = None
    window: Window | None = None


def slice_picture(pixels_hu: npt.NDArray[np.float32], marks: Marks, pixel_mm: tuple[float, float]) -> Picture:
    """The picture [row, column, RGB]: the slice around box and masks, with square millimetres.

    >>> image, mask = np.zeros((40, 30), np.float32), np.zeros((40, 30), np.bool_)
    >>> mask[10:20, 10:20] = True
    >>> slice_picture(image, Marks(mask), (1.0, 2.0)).shape
    (360, 540, 3)
    """
    rows, columns = shown_part(marks, pixel_mm)
    scale = _HEIGHT_PX / ((rows.stop - rows.start) * pixel_mm[0])
    height, width = _HEIGHT_PX, round((columns.stop - columns.start) * pixel_mm[1] * scale)
    down = rows.start + (np.arange(height) + 0.5) / (scale * pixel_mm[0]) - 0.5
    across = columns.start + (np.arange(width) + 0.5) / (scale * pixel_mm[1]) - 0.5
    picture = _grey(pixels_hu, down, across, marks.window or PRESETS["soft_tissue"])
    for mask, colour in ((marks.other, BEFORE), (marks.mask, MASK)):
        if mask is not None:
            picture[_contour(mask, down, across)] = colour
    if marks.box is not None:
        _draw_box(picture, marks.box, down, across)
    for click in marks.clicks:
        _draw_cross(picture, (click.row, click.column), FOREGROUND if click.is_foreground else BACKGROUND, down, across)
    if marks.asked is not None:
        _draw_cross(picture, marks.asked, ASKED, down, across)
    return picture


def shown_part(marks: Marks, pixel_mm: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns around all that is drawn, with context; at least 9 cm each way, within the slice."""
    shown = marks.mask if marks.other is None else marks.mask | marks.other
    boxes = [box_around(shown)] if shown.any() else []
    boxes += [marks.box] if marks.box is not None else []
    if not boxes:
        return slice(0, shown.shape[0]), slice(0, shown.shape[1])
    top, left = (min(getattr(box, side) for box in boxes) for side in ("top", "left"))
    bottom, right = (max(getattr(box, side) for box in boxes) for side in ("bottom", "right"))
    return (
        _stretch(top, bottom, pixel_mm[0], shown.shape[0]),
        _stretch(left, right, pixel_mm[1], shown.shape[1]),
    )


def _stretch(first: float, last: float, spacing_mm: float, count: int) -> slice:
    """Pixels from `first` to `last` with context, within 0 to `count`."""
    middle, half = (first + last) / 2, max((0.5 + _CONTEXT) * (last - first), _LEAST_MM / spacing_mm / 2)
    start, stop = max(0, int(middle - half)), min(count, int(np.ceil(middle + half)))
    return slice(start, stop) if stop - start >= 2 else slice(0, count)


def _grey(
    pixels_hu: npt.NDArray[np.float32], down: npt.NDArray[np.float64], across: npt.NDArray[np.float64], window: Window
) -> Picture:
    places = np.meshgrid(down, across, indexing="ij")
    seen_hu = ndimage.map_coordinates(pixels_hu.astype(np.float64), places, order=1, mode="nearest")
    grey = np.clip((seen_hu - window.low_hu) / window.width_hu, 0, 1) * 255
    return np.repeat(grey.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def _contour(mask: Mask, down: npt.NDArray[np.float64], across: npt.NDArray[np.float64]) -> Mask:
    """The border of the mask, two picture points wide, inside of it."""
    rows, columns = (np.clip(np.rint(places), 0, n - 1).astype(np.intp)
                     for places, n in zip((down, across), mask.shape, strict=True))  # fmt: skip
    large = mask[np.ix_(rows, columns)]
    return np.asarray(large & ~ndimage.binary_erosion(large, iterations=2, border_value=1))


def _draw_box(picture: Picture, box: Box, down: npt.NDArray[np.float64], across: npt.NDArray[np.float64]) -> None:
    """Nothing; the box's edges are dashed lines in the picture, as far as they lie in it."""
    rows = np.searchsorted(down, (box.top - 0.5, box.bottom - 0.5))
    columns = np.searchsorted(across, (box.left - 0.5, box.right - 0.5))
    dashes = np.arange(max(picture.shape[:2])) % 8 < 5
    for row in rows[rows < len(down)]:
        picture[row, columns[0] : columns[1]][dashes[: columns[1] - columns[0]]] = BOX
    for column in columns[columns < len(across)]:
        picture[rows[0] : rows[1], column][dashes[: rows[1] - rows[0]]] = BOX


def _draw_cross(
    picture: Picture,
    pixel: tuple[int, int],
    colour: tuple[int, int, int],
    down: npt.NDArray[np.float64],
    across: npt.NDArray[np.float64],
) -> None:
    row, column = int(np.abs(down - pixel[0]).argmin()), int(np.abs(across - pixel[1]).argmin())
    picture[max(0, row - 6) : row + 7, column] = colour
    picture[row, max(0, column - 6) : column + 7] = colour
