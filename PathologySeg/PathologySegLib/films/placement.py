"""Where a film's rows and columns lie in its file's grid: rows from the head on, columns to the patient's left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid


@dataclass(frozen=True)
class Placement:
    """The axes of a grid that is one slice thick along which a film's rows and columns follow each other.

    `rows_turned` and `columns_turned` say that the grid counts them from the film's bottom, or from its right.
    """

    grid: Grid
    rows: int
    columns: int
    rows_turned: bool = False
    columns_turned: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether the grid is one that programs give to a picture: an axial slice whatever it shows."""
        return self.grid.axis_codes[self.rows] in "AP"

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """The distance of rows, and that of columns."""
        return self.grid.spacing_mm[self.rows], self.grid.spacing_mm[self.columns]

    def film_of(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values [i, j, k] as rows and columns of the film."""
        return self._turned(np.moveaxis(values, (self.rows, self.columns), (0, 1))[..., 0])

    def on_grid(self, film: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A film's rows and columns as values [i, j, k]: what `film_of` turns back."""
        return np.moveaxis(self._turned(film)[..., None], (0, 1), (self.rows, self.columns))

    def _turned(self, film: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return film[:: -1 if self.rows_turned else 1, :: -1 if self.columns_turned else 1]


def placement_on(grid: Grid, name: str) -> Placement:
    """The placement on a coronal slice; an axial one, as programs give to pictures, is taken as viewers show it.

    >>> flipped = placement_on(Grid((6, 4, 1), np.diag([1.0, -1.0, 1.0, 1.0])), "film.nrrd")
    >>> flipped.film_of(np.arange(24).reshape(6, 4, 1))[0].tolist()
    [20, 16, 12, 8, 4, 0]

    Raises:
        AnatomyGuidedError: The grid is no single slice, or one from the side.
    """
    thin = [axis for axis, size in enumerate(grid.shape) if size == 1]
    if not thin:
        raise AnatomyGuidedError(
            f"{name} is a volume of {' x '.join(map(str, grid.shape))} voxels, but a chest film was expected."
        )
    codes = grid.axis_codes
    across = [axis for axis in range(3) if axis != thin[-1]]
    columns = next((axis for axis in across if codes[axis] in "LR"), None)
    if columns is None:
        raise AnatomyGuidedError(f"{name} is a slice from the side ({codes}), but a frontal chest film was expected.")
    rows = next(axis for axis in across if axis != columns)
    return Placement(grid, rows, columns, codes[rows] in "SA", codes[columns] == "R")
