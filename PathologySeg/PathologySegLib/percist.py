"""PERCIST's threshold from the liver: 1.5 x mean + 2 x SD in a sphere of 3 cm in the right lobe.

Wahl et al. 2009, doi 10.2967/jnumed.108.057307. PERCIST is defined on SUL (lean body mass); here it is taken on SUVbw,
as height is not in the image, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import NotEvaluable
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.labels import id_of
from scipy import ndimage

_RADIUS_MM = 15.0


@dataclass(frozen=True)
class LiverReference:
    """The sphere in the liver and what the PET shows in it."""

    center_ras: tuple[float, float, float]
    mean_suv: float
    sd_suv: float

    @property
    def threshold_suv(self) -> float:
        return 1.5 * self.mean_suv + 2.0 * self.sd_suv


def liver_reference(pet: Volume, anatomy: Labelmap | None) -> LiverReference:
    """The liver's uptake in the sphere around the deepest point of its right half (the patient's right).

    Raises:
        NotEvaluable: No anatomy was given, it has no liver, or the sphere does not fit into the liver.
    """
    if anatomy is None:
        raise NotEvaluable(
            "no liver, since no anatomy label map was given; give one (--anatomy), or have it predicted "
            "(--anatomy-model dap-demo)."
        )
    require_same_grid(anatomy.grid, pet.grid, names=("the anatomy", "the PET"))
    liver = anatomy.values == id_of("Liver")
    if not liver.any():
        raise NotEvaluable("no liver in the anatomy label map within the PET's field of view.")
    right_half = _right_half(liver, pet)
    center = _deepest(right_half, pet)
    sphere = _sphere(center, pet)
    if not right_half[sphere].all():
        raise NotEvaluable("no liver sphere: no ball of 3 cm fits into the right half of the liver.")
    inside = pet.values[sphere].astype(np.float64)
    r, a, s = (float(value) for value in pet.grid.ras_from_ijk(center))
    return LiverReference((r, a, s), float(inside.mean()), float(inside.std()))


def _right_half(liver: npt.NDArray[np.bool_], pet: Volume) -> npt.NDArray[np.bool_]:
    """The half of the liver's voxels on the patient's right."""
    voxels = np.argwhere(liver)
    rightward = pet.grid.ras_from_ijk(voxels)[:, 0]
    half = np.zeros_like(liver)
    half[tuple(voxels[rightward >= np.median(rightward)].T)] = True
    return half


def _deepest(mask: npt.NDArray[np.bool_], pet: Volume) -> tuple[int, int, int]:
    depth_mm = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=pet.grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    i, j, k = np.unravel_index(int(np.argmax(depth_mm)), mask.shape)
    return int(i), int(j), int(k)


def _sphere(center: tuple[int, int, int], pet: Volume) -> tuple[npt.NDArray[np.intp], ...]:
    reach = [int(_RADIUS_MM / side) for side in pet.grid.spacing_mm]
    offsets = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    near = offsets[((offsets * pet.grid.spacing_mm) ** 2).sum(axis=1) <= _RADIUS_MM**2]
    voxels = near + np.array(center)
    if (voxels < 0).any() or (voxels >= pet.grid.shape).any():
        raise NotEvaluable("no liver sphere: the deepest point of the liver lies too close to the image's border.")
    return tuple(voxels.T)
