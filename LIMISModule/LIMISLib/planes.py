"""Slices as the screen shows them: the plane, its slice numbers and its screen directions, all from the affine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid

_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}


@dataclass(frozen=True)
class Plane:
    """Where the slice numbers and the screen's right and down point in the patient, as letters of R L A P S I."""

    name: str
    numbers_towards: str
    right_towards: str
    down_towards: str


AXIAL = Plane("axial", numbers_towards="S", right_towards="L", down_towards="P")  # seen from the feet
CORONAL = Plane("coronal", numbers_towards="A", right_towards="L", down_towards="I")  # seen from the front
SAGITTAL = Plane("sagittal", numbers_towards="L", right_towards="P", down_towards="I")  # seen from the left
PLANES = {plane.name: plane for plane in (AXIAL, CORONAL, SAGITTAL)}  # as Slicer shows them by default


@dataclass(frozen=True)
class SliceView:
    """A grid cut along a plane: slices count from 1, pixels are [row, column] from the top left of the screen.

    On an oblique grid each of the plane's directions is that of the axis closest to it.

    >>> view = SliceView(Grid((4, 5, 6), np.diag([2.0, 3.0, 7.0, 1.0])), AXIAL)
    >>> view.count, view.shape, view.pixel_mm
    (6, (5, 4), (3.0, 2.0))
    """

    grid: Grid
    plane: Plane

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.grid.shape[self._axis(self.plane.numbers_towards)]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice."""
        shape = self.grid.shape
        return shape[self._axis(self.plane.down_towards)], shape[self._axis(self.plane.right_towards)]

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Height and width of a pixel."""
        spacing = self.grid.spacing_mm
        return spacing[self._axis(self.plane.down_towards)], spacing[self._axis(self.plane.right_towards)]

    def turned(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of an array on the grid as [slice, row, column], first slice and top left pixel first.

        >>> view = SliceView(Grid((2, 2, 1), np.eye(4)), AXIAL)  # i to the right of the patient, j to the front
        >>> view.turned(np.array([[[1], [2]], [[3], [4]]]))[0].tolist()
        [[4, 2], [3, 1]]
        """
        towards = (self.plane.numbers_towards, self.plane.down_towards, self.plane.right_towards)
        turned = values.transpose([self._axis(letter) for letter in towards])
        return turned[tuple(slice(None, None, 1 if letter in self.grid.axis_codes else -1) for letter in towards)]

    def slice_of(self, values: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
        """The [row, column] pixels of slice `number`, a view.

        Raises:
            AnatomyGuidedError: The image has no slice of that number.
        """
        return np.asarray(self.turned(values)[self._index(number)])

    def number_of(self, ijk: tuple[int, int, int]) -> int:
        """The number of the slice that a voxel of the grid lies in.

        >>> SliceView(Grid((4, 5, 6), np.eye(4)), SAGITTAL).number_of((0, 2, 3))  # i goes to the right, numbers left
        4
        """
        index = ijk[self._axis(self.plane.numbers_towards)]
        return index + 1 if self.plane.numbers_towards in self.grid.axis_codes else self.count - index

    def filled(self, mask: npt.NDArray[np.bool_], number: int) -> npt.NDArray[np.uint8]:
        """An array on the grid that is 1 where the mask is true on slice `number`, else 0.

        Raises:
            AnatomyGuidedError: The image has no slice of that number.
        """
        values = np.zeros(self.grid.shape, dtype=np.uint8)
        self.turned(values)[self._index(number)] = mask
        return values

    def slice_grid(self, number: int) -> Grid:
        """The grid of slice `number` alone.

        Raises:
            AnatomyGuidedError: The image has no slice of that number.
        """
        axis = self._axis(self.plane.numbers_towards)
        index = self._index(number)
        first_ijk = [0, 0, 0]
        first_ijk[axis] = index if self.plane.numbers_towards in self.grid.axis_codes else self.count - 1 - index
        affine = self.grid.affine.copy()
        affine[:3, 3] = self.grid.ras_from_ijk(first_ijk)
        i, j, k = (1 if known == axis else n for known, n in enumerate(self.grid.shape))
        return Grid((i, j, k), affine)

    def centre_ras(self, number: int) -> tuple[float, float, float]:
        """RAS position in mm of the middle of slice `number`.

        Raises:
            AnatomyGuidedError: The image has no slice of that number.
        """
        grid = self.slice_grid(number)
        r, a, s = (float(coordinate) for coordinate in grid.ras_from_ijk([(n - 1) / 2 for n in grid.shape]))
        return r, a, s

    def pixel_ras(self, number: int, row: int, column: int) -> tuple[float, float, float]:
        """RAS position in mm of the centre of a pixel of slice `number`.

        >>> SliceView(Grid((4, 5, 6), np.diag([2.0, 3.0, 7.0, 1.0])), AXIAL).pixel_ras(2, 0, 0)
        (6.0, 12.0, 7.0)

        Raises:
            AnatomyGuidedError: The image has no slice of that number.
        """
        towards = (self.plane.numbers_towards, self.plane.down_towards, self.plane.right_towards)
        ijk = [0, 0, 0]
        for letter, place in zip(towards, (self._index(number), row, column), strict=True):
            axis = self._axis(letter)
            ijk[axis] = place if letter in self.grid.axis_codes else self.grid.shape[axis] - 1 - place
        r, a, s = (float(coordinate) for coordinate in self.grid.ras_from_ijk(ijk))
        return r, a, s

    def screen_direction(self, towards: str) -> str:
        """The screen direction ("left", "right", "up", "down") of a patient direction, or "" if it leaves the slice.

        >>> SliceView(Grid((2, 2, 2), np.eye(4)), AXIAL).screen_direction("R")
        'left'
        """
        right, down = self.plane.right_towards, self.plane.down_towards
        return {right: "right", _OPPOSITE[right]: "left", down: "down", _OPPOSITE[down]: "up"}.get(towards, "")

    def _axis(self, towards: str) -> int:
        """The array axis that runs towards the letter, or away from it."""
        codes = self.grid.axis_codes
        return codes.index(towards) if towards in codes else codes.index(_OPPOSITE[towards])

    def _index(self, number: int) -> int:
        if not 1 <= number <= self.count:
            raise AnatomyGuidedError(
                f"The image has {self.plane.name} slices 1 to {self.count}, but slice {number} was asked for."
            )
        return number - 1
