"""What the networks see of a PET/CT slice: the CT, the PET, and a third channel that is empty or holds the anatomy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HU_RANGE, SUV_RANGE = (-1000.0, 1000.0), (0.0, 20.0)
_HU_UNIT, _SUV_UNIT = 1000.0, 10.0

Floats = npt.NDArray[np.floating]


def ct_channel(hu: Floats) -> npt.NDArray[np.float16]:
    """HU from air, -1, over water, 0, to dense bone, 1."""
    return np.asarray(np.clip(hu, *HU_RANGE) / _HU_UNIT, np.float16)


def pet_channel(suv: Floats) -> npt.NDArray[np.float16]:
    """SUV 0 to 20 as 0 to 2, the same for every slice.

    The released APEx scales each slice between its own extremes, which makes a dim slice look like a hot one.
    """
    return np.asarray(np.clip(suv, *SUV_RANGE) / _SUV_UNIT, np.float16)


def anatomy_channel(classes: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.float32]:
    """The class's number as a value from 0 to 1 (thesis, 4.1.1.2: anatomical labels beside the image)."""
    return np.asarray(classes, np.float32) / np.float32(count)
