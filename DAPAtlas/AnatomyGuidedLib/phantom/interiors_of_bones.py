"""Bones in CT: a dense cortex around marrow that ages.

Trabecular bone of L1 measures 226 HU below 30 years and loses 2.5 HU a year (Jang et al. 2019, doi
10.1148/radiol.2019181648); the other vertebrae are near it. Cortices are 1 to 6 mm thick (round textbook values).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.interiors import Interior, Room
from AnatomyGuidedLib.phantom.limbs import HIP_JOINT, SHOULDER

_FATTY_MARROW_HU = -40.0
_OLDEST_LOSS_YEARS = 60


@dataclass(frozen=True)
class _Bone:
    cortex_mm: float
    cortex_hu: float
    marrow_share: float  # of the trabecular HU of L1


_BY_GROUP = {"Vertebras": _Bone(1.3, 620.0, 1.0), "Ribs": _Bone(1.3, 780.0, 0.75), "Bones": _Bone(1.8, 850.0, 0.8)}
_BY_NAME = {
    "Skull": _Bone(2.3, 1150.0, 2.4),
    "Femur": _Bone(5.5, 1250.0, 1.3),
    "Humerus": _Bone(4.0, 1150.0, 1.0),
    "Clavicula": _Bone(2.2, 1000.0, 0.9),
    "Sternum Corpus": _Bone(1.0, 420.0, 0.7),
    "Sternum Manubrium": _Bone(1.0, 450.0, 0.7),
    "Sacrum": _Bone(1.4, 600.0, 0.75),
}
_JOINTS_S = {"Femur": HIP_JOINT[2], "Humerus": SHOULDER[2]}  # far from them long bones are thick and their marrow fat
_JOINT_CORTEX_MM = 1.5


def bones(body: Body) -> Iterator[tuple[tuple[str], Interior]]:
    """The interiors of all bones of a body of this age."""
    for label in structures():
        stem = label.name.removesuffix(" Left").removesuffix(" Right")
        if label.group in _BY_GROUP and label.name != "Rib Cartilage":
            yield (label.name,), _interior(_BY_NAME.get(stem, _BY_GROUP[label.group]), body, stem)


def trabecular_hu(age_years: float) -> float:
    """The mean of L1 at an age.

    >>> trabecular_hu(25), trabecular_hu(70)
    (226.0, 126.0)
    """
    return 226.0 - 2.5 * min(max(age_years - 30.0, 0.0), _OLDEST_LOSS_YEARS)


def _interior(bone: _Bone, body: Body, stem: str) -> Interior:
    marrow = trabecular_hu(body.plan.age_years) * bone.marrow_share

    def interior(room: Room) -> None:
        marrow_hu = marrow * (1.0 + 0.18 * room.noise(7.0))
        cortex_mm: float | FloatArray = bone.cortex_mm
        if stem in _JOINTS_S:
            shaft = np.clip((np.abs(room.ras_mm(2) - _JOINTS_S[stem] * body.plan.scale[2]) - 60.0) / 40.0, 0.0, 1.0)
            marrow_hu = marrow_hu + shaft * (_FATTY_MARROW_HU - marrow_hu)
            cortex_mm = _JOINT_CORTEX_MM + shaft * (bone.cortex_mm - _JOINT_CORTEX_MM)
        cortex_hu = bone.cortex_hu * (1.0 + 0.05 * room.noise(12.0))
        room.put(marrow_hu + room.shell(cortex_mm) * (cortex_hu - marrow_hu))

    return interior
