"""Cases of a cohort's table: CT, PET and lesions of any grid, brought onto one of cubes, and kept so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import read_anatomy, read_ct, read_labelmap, read_pet
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume
from AnatomyGuidedLib.tables import read_rows

from PathologySegLib.learning.cases import Case, read_case, write_case
from PathologySegLib.learning.phantom_cases import AtlasPredictor
from PathologySegLib.petct.inputs import SPLINE_ORDER, not_below_zero

COLUMNS = ("case", "ct", "pet", "lesions")
ANATOMY = "anatomy"


class CohortCases:
    """The rows of a table `case,ct,pet,lesions[,anatomy]`, its paths relative to it; `anatomy` is LABELMAP[@SCHEME].

    A row without anatomy gets what the atlas model sees in its CT. A case is prepared once and kept in the folder.

    Raises:
        AnatomyGuidedError: The table cannot be read or lacks a column.
    """

    def __init__(self, table: Path, spacing_mm: float, folder: Path, predict: AtlasPredictor) -> None:
        self._rows = [row for _, row in read_rows(table, COLUMNS, "case")]
        self._where, self._spacing_mm, self._folder, self._predict = table.parent, spacing_mm, folder, predict
        folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._rows)

    def case(self, number: int) -> Case:
        """The case of a row.

        Raises:
            AnatomyGuidedError: One of its files cannot be read or is not what it should be.
        """
        path = self._folder / f"case_{number:04d}.npz"
        if not path.is_file():
            write_case(self._prepared(self._rows[number]), path)
        return read_case(path)

    def _prepared(self, row: dict[str, str]) -> Case:
        ct, pet = read_ct(self._where / row["ct"]), read_pet(self._where / row["pet"])
        grid = cubes_over(pet.grid, self._spacing_mm)
        hu = resample_volume(ct, grid, order=SPLINE_ORDER, outside=-1024.0).values
        suv = resample_volume(not_below_zero(pet), grid, order=SPLINE_ORDER, outside=0.0).values
        lesions = _on(read_labelmap(self._where / row["lesions"]), grid) > 0
        given = row.get(ANATOMY, "")
        ids = _on(read_anatomy(str(self._where / given)), grid) if given else self._predict(hu, self._spacing_mm)
        return Case(row["case"], self._spacing_mm, hu, suv, lesions, {"predicted": ids.astype(np.uint8)})


def cubes_over(grid: Grid, spacing_mm: float) -> Grid:
    """The grid of cubes along R, A and S that covers another one, however that lies.

    >>> cubes_over(Grid((4, 4, 2), np.diag([-3.0, 3.0, 6.0, 1.0])), 3.0).shape
    (4, 4, 4)
    """
    corners = np.array(np.meshgrid(*[(-0.5, size - 0.5) for size in grid.shape], indexing="ij")).reshape(3, -1).T
    low, high = (limit(grid.ras_from_ijk(corners), axis=0) for limit in (np.min, np.max))
    i, j, k = (max(1, round(float(length))) for length in (high - low) / spacing_mm)
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = low + spacing_mm / 2
    return Grid((i, j, k), affine)


def _on(labelmap: Labelmap, grid: Grid) -> npt.NDArray[np.integer]:
    return resample_labelmap(labelmap, grid).values
