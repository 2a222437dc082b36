"""HU as a finder sees them: clipped at percentiles of the training images, then in deviations from their foreground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

_LOW_PERCENT, _HIGH_PERCENT = 0.5, 99.5

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Intensities:
    """Where HU are clipped, and what is then subtracted and divided by (thesis, 3.3.2.3)."""

    low_hu: float
    high_hu: float
    mean_hu: float
    deviation_hu: float

    def normalised(self, hu: npt.NDArray[np.floating]) -> Image:
        """The image in deviations from the foreground's mean, clipped.

        >>> Intensities(-100.0, 300.0, 50.0, 50.0).normalised(np.array([-1000.0, 50.0, 100.0])).tolist()
        [-3.0, 0.0, 1.0]
        """
        clipped = np.clip(hu, self.low_hu, self.high_hu)
        return np.asarray((clipped - self.mean_hu) / self.deviation_hu, dtype=np.float32)


def intensities_of(images_hu: npt.NDArray[np.floating], foreground_hu: npt.NDArray[np.floating]) -> Intensities:
    """Percentiles 0.5 and 99.5 of the images' HU; mean and deviation of the foreground's, once clipped there.

    >>> intensities_of(np.arange(1001.0), np.array([100.0, 300.0]))
    Intensities(low_hu=5.0, high_hu=995.0, mean_hu=200.0, deviation_hu=100.0)

    Raises:
        AnatomyGuidedError: There is no foreground, or all of it has one value.
    """
    if not images_hu.size or not foreground_hu.size:
        raise AnatomyGuidedError("HU cannot be normalised: the training images show none of the structures.")
    low, high = (float(np.percentile(images_hu, percent)) for percent in (_LOW_PERCENT, _HIGH_PERCENT))
    clipped = np.clip(foreground_hu, low, high)
    deviation = float(clipped.std())
    if deviation == 0.0:
        raise AnatomyGuidedError("HU cannot be normalised: all pixels of the structures have the same value.")
    return Intensities(low, high, float(clipped.mean()), deviation)
