"""Organs that take up FDG in health: their uptake is taken off a reading where an anatomy label map is given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of
from scipy import ndimage

# Brain and heart feed on glucose, kidneys and bladder excrete the tracer, the gut takes it up variably
# (Shreve et al. 1999, doi 10.1148/radiographics.19.1.g99ja0761). Liver and spleen are left in, since lesions in them
# are common: their mean stays below the thresholds, but single voxels reach SUV 4 by noise, and a hot spot of suv41
# then grows over the whole organ (whole_organs.py says so).
PHYSIOLOGICAL = (
    "Brain",
    "Heart",
    "Heart Atrium Left",
    "Heart Tissue",
    "Heart Atrium Right",
    "Heart Myocardium",
    "Heart Ventricle Left",
    "Heart Ventricle Right",
    "Kidney Left",
    "Kidney Right",
    "Bladder",
    "Stomach",
    "Small Bowel",
    "Duodenum",
    "Colon",
)
SPILL_MM = 5.0  # half of a clinical scanner's blur (full width at half maximum, with reconstruction) of 8 to 12 mm
_ROUNDING_MM = 1e-3  # a voxel of 5 mm is 5.0000001 mm long where the image lies obliquely


def physiological_organs(anatomy: Labelmap) -> list[str]:
    """Which of these organs the anatomy holds, by name."""
    present = {int(value) for value in np.unique(anatomy.values)}
    return [name for name in PHYSIOLOGICAL if id_of(name) in present]


def physiological_uptake(anatomy: Labelmap) -> npt.NDArray[np.bool_]:
    """Voxels inside these organs or within 5 mm of them, where their uptake spills over; all False without them."""
    organs = np.isin(anatomy.values, [id_of(name) for name in PHYSIOLOGICAL])
    if not organs.any():
        return organs
    distance_mm = ndimage.distance_transform_edt(~organs, sampling=anatomy.grid.spacing_mm)
    return np.asarray(distance_mm <= SPILL_MM + _ROUNDING_MM)
