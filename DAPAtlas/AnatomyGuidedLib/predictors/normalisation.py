"""How intensities become what a network was trained on; the schemes are nnU-Net's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CT, Z_SCORE, NONE, UNIT, RGB = "ct", "z-score", "none", "unit", "rgb"
SCHEMES = (CT, Z_SCORE, NONE, UNIT, RGB)

_SMALLEST_DEVIATION = 1e-8


@dataclass(frozen=True)
class Normalisation:
    """One channel's scheme.

    "ct": clip from `low` to `high`, subtract `mean`, divide by `deviation`. "z-score": by the image's own mean and
    deviation, with `masked` those of its voxels other than 0, others staying 0. "unit": from 0 to 1. "rgb": divided
    by 255. "none".
    """

    scheme: str = NONE
    low: float = -np.inf
    high: float = np.inf
    mean: float = 0.0
    deviation: float = 1.0
    masked: bool = False

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UsageError(f"The normalisation is {self.scheme!r}, but one of {', '.join(SCHEMES)} was expected.")

    def applied(self, image: Image, occupied: Mask) -> Image:
        """The image as the network sees it; `occupied` is where any channel is other than 0, holes filled.

        >>> Normalisation("ct", low=-100, high=100, mean=50, deviation=50).applied(
        ...     np.array([-1000, 0, 75], np.float32), np.ones(3, bool)).tolist()
        [-3.0, -1.0, 0.5]

        Raises:
            AnatomyGuidedError: Values lie outside 0 to 255 where colours were expected.
        """
        if self.scheme == CT:
            return (np.clip(image, self.low, self.high) - np.float32(self.mean)) / _divisor(self.deviation)
        if self.scheme == Z_SCORE:
            return self._standardised(image, occupied)
        if self.scheme == UNIT:
            lifted = image - image.min()
            return np.asarray(lifted / _divisor(float(lifted.max())))
        if self.scheme == RGB:
            return _colours(image)
        return image

    def _standardised(self, image: Image, occupied: Mask) -> Image:
        if not self.masked:
            return np.asarray((image - image.mean()) / _divisor(float(image.std())))
        own = image[occupied]
        result = image.copy()
        result[occupied] = (own - own.mean()) / _divisor(float(own.std()))
        return result


def _divisor(value: float) -> np.float32:
    return np.float32(max(value, _SMALLEST_DEVIATION))


def _colours(image: Image) -> Image:
    if image.min() < 0 or image.max() > 255:
        raise AnatomyGuidedError(
            f"The model takes colours from 0 to 255, but the image holds {image.min():g} to {image.max():g}; "
            "choose a model for this kind of image."
        )
    return image / np.float32(255.0)
