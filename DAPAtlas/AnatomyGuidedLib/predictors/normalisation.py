"""How intensities become what a network was trained on; the schemes are nnU-Net's, and E.1.2's of the thesis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CT, Z_SCORE, NONE, UNIT, RGB, PERCENTILES = "ct", "z-score", "none", "unit", "rgb", "percentiles"
SCHEMES = (CT, Z_SCORE, NONE, UNIT, RGB, PERCENTILES)

_SMALLEST_DEVIATION = 1e-8


@dataclass(frozen=True)
class Normalisation:
    """One channel's scheme.

    "ct": clip from `low` to `high`, subtract `mean`, divide by `deviation`. "percentiles": the same, `low` and `high`
    being percentiles of the image. "z-score": by the image's own mean and deviation, with `masked` those of the voxels
    within what is other than 0, with `nonzero` those of voxels that are not 0 themselves, others staying as they are.
    "unit": from 0 to 1. "rgb": divided by 255. "none". Afterwards values are spread over `scaled_to`, where that is
    given.
    """

    scheme: str = NONE
    low: float = -np.inf
    high: float = np.inf
    mean: float = 0.0
    deviation: float = 1.0
    masked: bool = False
    nonzero: bool = False
    scaled_to: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UsageError(f"The normalisation is {self.scheme!r}, but one of {', '.join(SCHEMES)} was expected.")
        if self.scheme == PERCENTILES and not 0 <= self.low < self.high <= 100:
            raise UsageError(f"Percentiles run from 0 to 100, but {self.low:g} to {self.high:g} came.")

    def applied(self, image: Image, occupied: Mask) -> Image:
        """The image as the network sees it; `occupied` is where any channel is other than 0, holes filled.

        >>> Normalisation("ct", low=-100, high=100, mean=50, deviation=50).applied(
        ...     np.array([-1000, 0, 75], np.float32), np.ones(3, bool)).tolist()
        [-3.0, -1.0, 0.5]

        Raises:
            AnatomyGuidedError: Values lie outside 0 to 255 where colours were expected.
        """
        found = self._by_scheme(image, occupied)
        if self.scaled_to is None:
            return found
        low, high = self.scaled_to
        lifted = found - found.min()
        return np.asarray(lifted * np.float32((high - low) / _divisor(float(lifted.max()))) + np.float32(low))

    def _by_scheme(self, image: Image, occupied: Mask) -> Image:
        if self.scheme in (CT, PERCENTILES):
            low, high = self._limits(image)
            return (np.clip(image, low, high) - np.float32(self.mean)) / _divisor(self.deviation)
        if self.scheme == Z_SCORE:
            return self._standardised(image, occupied)
        if self.scheme == UNIT:
            lifted = image - image.min()
            return np.asarray(lifted / _divisor(float(lifted.max())))
        if self.scheme == RGB:
            return _colours(image)
        return image

    def _limits(self, image: Image) -> tuple[float, float]:
        if self.scheme == CT:
            return self.low, self.high
        low, high = np.percentile(image, [self.low, self.high])
        return float(low), float(high)

    def _standardised(self, image: Image, occupied: Mask) -> Image:
        if not (self.masked or self.nonzero):
            return np.asarray((image - image.mean()) / _divisor(float(image.std())))
        chosen = image != 0 if self.nonzero else occupied
        own = image[chosen]
        result = image.copy()
        result[chosen] = (own - own.mean()) / _divisor(float(own.std()))
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
