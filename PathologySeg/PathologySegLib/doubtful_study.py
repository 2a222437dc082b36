"""Whether a CT and a PET can be one study in SUV: sentences where that is doubtful, though nothing is impossible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume

_THINNED_MM = 8.0
_BODY_HU = -300.0
# SUVbw is about 1 on average over a body, whatever the tracer. Measured medians: two real thighs 0.6 and 0.4, made
# whole bodies 0.7; a head with a brain of SUV 8 is above 3 as a whole, so that small images are not asked.
_BODY_SUV, _WHOLE_BODY_ML = (0.1, 3.0), 10_000.0
_LIVER_SUV, _WHOLE_LIVER_ML = (0.3, 15.0), 200.0  # FDG 1.5 to 4; PSMA ligands reach 12
_TISSUE_SUV, _LEAST_SHARE = 0.3, 0.9


def doubtful_overlap(ct: Volume, pet: Volume) -> str:
    """A sentence where less than 90 % of the PET's tissue (SUV 0.3 or more) lies within the CT, else nothing.

    A PET's image is wider than a CT's, so that air does not count.
    """
    thin = _thinned(pet)
    tissue = np.argwhere(thin.values >= _TISSUE_SUV)
    if not len(tissue):
        return ""
    there = ct.grid.ijk_from_ras(thin.grid.ras_from_ijk(tissue))
    share = float(((there >= -0.5) & (there <= np.array(ct.grid.shape) - 0.5)).all(axis=1).mean())
    if share >= _LEAST_SHARE:
        return ""
    return (
        f"The CT covers {100 * share:.0f} % of the PET (of its voxels of SUV {_TISSUE_SUV:g} or more): check that both "
        "are of one examination. Beyond the CT a model sees air, and no anatomy can be predicted."
    )


def doubtful_suv(ct: Volume, pet: Volume, anatomy: Labelmap | None = None) -> str:
    """A sentence where the PET's level within the body or the liver is none of SUV, else nothing.

    Args:
        ct: HU, on any grid; it tells the body.
        pet: In what is taken for SUVbw.
        anatomy: DAP ids on any grid, given by a person; it tells the liver.
    """
    thin = _thinned(pet)
    body = thin.values[resample_volume(ct, thin.grid).values >= _BODY_HU]
    sentence = _doubt(body, "body", _BODY_SUV, _WHOLE_BODY_ML, thin.grid)
    if sentence or anatomy is None:
        return sentence
    liver = thin.values[resample_labelmap(anatomy, thin.grid).values == id_of("Liver")]
    return _doubt(liver, "liver", _LIVER_SUV, _WHOLE_LIVER_ML, thin.grid)


def _doubt(suv: npt.NDArray[np.float32], place: str, usual: tuple[float, float], whole_ml: float, grid: Grid) -> str:
    low, high = usual
    if len(suv) * grid.voxel_volume_ml < whole_ml:
        return ""
    median = float(np.median(suv))
    if low <= median <= high:
        return ""
    return (
        f"The PET's median within the {place} is {median:.2g}, but in SUVbw {low:g} to {high:g} was expected: is this "
        "SUV? Activity in kBq/ml and values scaled twice look so; check the units before you believe a number."
    )


def _thinned(pet: Volume) -> Volume:
    """Every so manieth voxel, about 8 mm apart: enough for medians and shares."""
    steps = [max(1, int(_THINNED_MM / spacing)) for spacing in pet.grid.spacing_mm]
    values = pet.values[tuple(slice(None, None, step) for step in steps)]
    return Volume(values, Grid(values.shape, pet.grid.affine @ np.diag([*steps, 1.0])), pet.unit)
