"""What a training set's lesions look like in CT and PET: mean and standard deviation, as nnU-Net's fingerprint.

The thesis takes them from the foreground in E.1.2.2 and from whole data sets in E.1.2.3; here they are the
foreground's (lesion voxels), as nnU-Net does it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid


@dataclass(frozen=True)
class Fingerprint:
    """Mean and standard deviation of lesion voxels, in HU and in SUV.

    Raises:
        AnatomyGuidedError: A value is not finite, or a deviation is not above 0.
    """

    ct_mean_hu: float
    ct_deviation_hu: float
    pet_mean_suv: float
    pet_deviation_suv: float

    def __post_init__(self) -> None:
        numbers = (self.ct_mean_hu, self.ct_deviation_hu, self.pet_mean_suv, self.pet_deviation_suv)
        if not all(map(math.isfinite, numbers)) or min(self.ct_deviation_hu, self.pet_deviation_suv) <= 0:
            raise AnatomyGuidedError(
                f"A fingerprint needs finite means and deviations above 0, but came as {numbers}; are all lesions flat?"
            )


def fingerprint_of(cases: Iterable[tuple[Volume, Volume, Labelmap]]) -> Fingerprint:
    """The fingerprint of CT, PET and lesions (other than 0) of each case; only one case is held at a time.

    Raises:
        NotEvaluable: No case has a lesion.
        GridMismatch: The images of a case lie on different grids.
    """
    ct, pet = _Moments(), _Moments()
    for ct_volume, pet_volume, lesions in cases:
        for volume, name in ((ct_volume, "the CT"), (pet_volume, "the PET")):
            require_same_grid(volume.grid, lesions.grid, names=(name, "the lesions"))
        foreground = lesions.values > 0
        ct.add(ct_volume.values[foreground])
        pet.add(pet_volume.values[foreground])
    if not ct.count:
        raise NotEvaluable("the fingerprint, since no training case has a lesion.")
    return Fingerprint(*ct.mean_and_deviation(), *pet.mean_and_deviation())


@dataclass
class _Moments:
    """Count, mean and sum of squared distances from it, joined case by case (Chan et al. 1979) without cancellation."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: npt.NDArray[np.float32]) -> None:
        if not values.size:
            return
        exact = values.astype(np.float64)
        mean = float(exact.mean())
        total = self.count + exact.size
        apart = mean - self.mean
        self.squares += float(((exact - mean) ** 2).sum()) + apart**2 * self.count * exact.size / total
        self.mean += apart * exact.size / total
        self.count = total

    def mean_and_deviation(self) -> tuple[float, float]:
        return self.mean, math.sqrt(self.squares / self.count)
