"""What the networks see of a PET/CT slice: the CT, the PET, and a third channel that is empty or holds the anatomy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from PathologySegLib.petct.presets import APEX

AIR_HU = APEX.ct.low


def ct_channel(hu: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """HU as the preset `apex` scales them: air is 0, water one half, dense bone 1."""
    return APEX.ct.applied(hu.astype(np.float32), np.ones(hu.shape, dtype=np.bool_)).astype(np.float32)


def pet_channel(suv: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """SUV as the preset `apex` scales them: 0 to 20 as 0 to 1, the same for every slice."""
    return APEX.pet.applied(suv.astype(np.float32), np.ones(suv.shape, dtype=np.bool_)).astype(np.float32)


def anatomy_channel(classes: npt.NDArray[np.integer[Any]], count: int) -> npt.NDArray[np.float32]:
    """The class's number as a value from 0 to 1 (thesis, 4.1.1.2: anatomical labels beside the image)."""
    return np.asarray(classes, np.float32) / np.float32(count)
