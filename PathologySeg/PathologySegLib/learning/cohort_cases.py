"""Cases of a data set: CT, PET and lesions of any grid, brought onto one of cubes, and kept so."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume

from PathologySegLib.data_sets import PetCtCase, cases_of
from PathologySegLib.learning.cases import Case, read_case, write_case
from PathologySegLib.learning.fingerprints import file_stamps, model_checksums
from PathologySegLib.learning.phantom_cases import AtlasPredictor
from PathologySegLib.lesions_on_grid import mask_on
from PathologySegLib.petct.inputs import SPLINE_ORDER, not_below_zero


class CohortCases:
    """The cases of a table or folder that `cases_of` reads, by name.

    A lesion that is smaller than a cube has those that it lies in. A case without anatomy gets what the atlas model
    sees in its CT. A case is prepared once and kept in the folder, and anew where one of its files or the model was
    changed.

    Raises:
        AnatomyGuidedError: The data set cannot be read, names a case twice, or lacks a file.
    """

    def __init__(self, source: Path, spacing_mm: float, folder: Path, predict: AtlasPredictor, atlas: str) -> None:
        self._cases = cases_of(source, needs_patient=False)
        self._spacing_mm, self._folder, self._predict = spacing_mm, folder, predict
        self._models = model_checksums([atlas])
        folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._cases)

    def case(self, number: int) -> Case:
        """The case of this number.

        Raises:
            AnatomyGuidedError: One of its files cannot be read or is not what it should be.
        """
        case = self._cases[number]
        path = self._folder / f"case_{self._digest(case)}.npz"
        if not path.is_file():
            write_case(self._prepared(case), path)
        return replace(read_case(path), name=case.name, patient=case.patient)

    def _prepared(self, case: PetCtCase) -> Case:
        images = case.images()
        grid = cubes_over(images.pet.grid, self._spacing_mm)
        hu = resample_volume(images.ct, grid, order=SPLINE_ORDER, outside=-1024.0).values
        suv = resample_volume(not_below_zero(images.pet), grid, order=SPLINE_ORDER, outside=0.0).values
        ids = self._predict(hu, self._spacing_mm) if images.anatomy is None else _on(images.anatomy, grid)
        lesions = mask_on(images.lesions, grid).values > 0
        return Case(case.name, self._spacing_mm, hu, suv, lesions, {"predicted": ids.astype(np.uint8)})

    def _digest(self, case: PetCtCase) -> str:
        """Another one for other or changed files, for another model, or for cubes of another size."""
        models = self._models if case.anatomy is None else {}
        told = repr((replace(case, facts={}), self._spacing_mm, file_stamps(case), models))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


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
