"""The grid of a model's slices over a study, wherever that lies and however its axes run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume

from PathologySegLib.apex.channels import AIR_HU
from PathologySegLib.apex.slices import PatientSlices, slices_of
from PathologySegLib.petct.inputs import PetCt

_BODY_HU = -300.0


def model_grid(ct: Volume, frame: tuple[int, int], spacing_mm: float) -> Grid:
    """The grid of a model's slices: along R, A and S, around the body's middle, from the CT's lowest to its highest."""
    body = np.argwhere(ct.values > _BODY_HU)
    places = body if len(body) else np.array([[0, 0, 0], [n - 1 for n in ct.grid.shape]])
    points = ct.grid.ras_from_ijk(places)
    middle = (points.min(0) + points.max(0)) / 2
    corners = ct.grid.ras_from_ijk(np.array(list(_corners(ct.grid.shape))))
    low, high = corners[:, 2].min(), corners[:, 2].max()
    count = max(1, round((high - low) / spacing_mm) + 1)
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:2, 3] = middle[:2] - (np.array(frame) - 1) / 2 * spacing_mm
    affine[2, 3] = (low + high) / 2 - (count - 1) / 2 * spacing_mm
    return Grid((*frame, count), affine)


def study_slices(
    name: str, study: PetCt, grid: Grid, lesions: Labelmap | None = None, *, patient: str = ""
) -> PatientSlices:
    """The study's slices on such a grid, with what is known of its anatomy and lesions."""
    hu = resample_volume(study.ct, grid, order=1, outside=AIR_HU).values
    suv = resample_volume(study.pet, grid, order=1, outside=0.0).values
    none = np.zeros(grid.shape, np.uint8)
    anatomy = none if study.anatomy is None else resample_labelmap(study.anatomy, grid).values
    numbers = none if lesions is None else resample_labelmap(lesions, grid).values
    side, frame = float(grid.spacing_mm[0]), (grid.shape[0], grid.shape[1])
    return slices_of(name, hu, suv, anatomy, numbers, frame=frame, spacing_mm=(side, side, side), patient=patient)


def _corners(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return ((i, j, k) for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1))
