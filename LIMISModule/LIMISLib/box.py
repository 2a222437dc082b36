"""The box that prompts a segmenter: its edges in pixels of one slice, as the screen shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

SIDES = ("left", "right", "top", "bottom")


@dataclass(frozen=True)
class Box:
    """Edges in pixels from the top left corner of the slice; the pixel in that corner spans 0 to 1 both ways.

    A box that exists has an area. It may reach out of the slice.

    >>> Box(2, 2, 5, 4).moved(1, 0).grown(left=1, right=1, top=1, bottom=1)
    Box(left=2, top=1, right=7, bottom=5)

    Raises:
        AnatomyGuidedError: The edges leave less than one pixel of width or height.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (self.width >= 1 and self.height >= 1):
            raise AnatomyGuidedError(
                f"The box would be {max(self.width, 0):.3g} x {max(self.height, 0):.3g} pixels, but it needs at least "
                "one pixel each way; change it by less."
            )

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def moved(self, columns: float, rows: float) -> Box:
        """The box that lies `columns` pixels further to the right and `rows` further down."""
        return Box(self.left + columns, self.top + rows, self.right + columns, self.bottom + rows)

    def grown(self, *, left: float = 0, right: float = 0, top: float = 0, bottom: float = 0) -> Box:
        """The box with its edges moved outwards by this many pixels, inwards where negative."""
        return replace(
            self, left=self.left - left, right=self.right + right, top=self.top - top, bottom=self.bottom + bottom
        )

    def pixels(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """The rows and columns of a slice of this shape whose centres lie within the box.

        >>> Box(0.4, -3, 2.6, 9).pixels((4, 4))
        (slice(0, 4, None), slice(0, 3, None))

        Raises:
            AnatomyGuidedError: There are none: the box lies outside the image.
        """
        rows = slice(max(0, _first(self.top)), min(shape[0], _first(self.bottom)))
        columns = slice(max(0, _first(self.left)), min(shape[1], _first(self.right)))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            raise AnatomyGuidedError("The box would lie outside the image; move it by less, or the other way.")
        return rows, columns


def box_around(mask: npt.NDArray[np.bool_]) -> Box:
    """The smallest box around a mask that is not empty.

    >>> box_around(np.array([[False, False], [False, True]]))
    Box(left=1, top=1, right=2, bottom=2)
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _first(edge: float) -> int:
    """The first pixel whose centre lies at or beyond the edge."""
    return int(np.ceil(edge - 0.5))
