"""What the simple patient's structures look like: HU in a portal-venous CT, SUV in an FDG-PET one hour after injection.

HU are round textbook numbers (soft tissue 30 to 60, enhanced blood 140, fat -100, bone 250 to 700); SUV are
round numbers near those of healthy tissue in Wang et al. 2007 (doi 10.1007/s11307-006-0075-y).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.labels import labels

_AIR_HU = -1000.0

_HU_BY_GROUP = {
    "Musculature": 55.0,
    "Vertebras": 260.0,
    "Ribs": 320.0,
    "Bones": 380.0,
    "Cardiovascular": 140.0,
    "Respiratory": -820.0,
}
_HU_BY_NAME = {
    "Unknown Tissue": 30.0,
    "Fat": -100.0,
    "Abdominal Tissue": 20.0,
    "Mediastinal Tissue": -20.0,
    "Skin": 10.0,
    "Liver": 105.0,
    "Spleen": 115.0,
    "Kidney Left": 170.0,
    "Kidney Right": 170.0,
    "Bladder": 8.0,
    "Gallbladder": 12.0,
    "Stomach": 25.0,
    "Colon": -60.0,
    "Skull": 700.0,
    "Brain": 36.0,
    "Trachea": -980.0,
    "Bronchus": -950.0,
    "Nasal Cavity": -900.0,
    "Pulmonary Artery": 140.0,
    "Heart Tissue": 60.0,
    "Heart Myocardium": 105.0,
    "Femur Left": 480.0,
    "Femur Right": 480.0,
    "Breast Left": -60.0,
    "Breast Right": -60.0,
    "Rib Cartilage": 110.0,
    "Spinal Canal": 35.0,
}
_OTHER_HU = 45.0

_SUV_BY_NAME = {
    "Fat": 0.3,
    "Skin": 0.4,
    "Muscles": 0.7,
    "Liver": 2.3,
    "Spleen": 1.9,
    "Brain": 8.0,
    "Heart Myocardium": 4.5,
    "Kidney Left": 3.5,
    "Kidney Right": 3.5,
    "Bladder": 18.0,
    "Stomach": 1.8,
    "Small Bowel": 1.7,
    "Colon": 1.5,
}
_SUV_BY_GROUP = {"Respiratory": 0.5, "Cardiovascular": 1.6, "Vertebras": 1.4, "Bones": 0.9, "Ribs": 0.9}
_OTHER_SUV = 1.0


def hu_table() -> npt.NDArray[np.float32]:
    """HU by DAP id; background is air."""
    return _table(_HU_BY_NAME, _HU_BY_GROUP, other=_OTHER_HU, background=_AIR_HU)


def suv_table() -> npt.NDArray[np.float32]:
    """SUV by DAP id; background has no uptake."""
    return _table(_SUV_BY_NAME, _SUV_BY_GROUP, other=_OTHER_SUV, background=0.0)


def _table(
    by_name: dict[str, float], by_group: dict[str, float], *, other: float, background: float
) -> npt.NDArray[np.float32]:
    table = np.full(256, other, dtype=np.float32)
    for label in labels():
        table[label.id] = by_name.get(label.name, by_group.get(label.group, other))
    table[0] = background
    return table
