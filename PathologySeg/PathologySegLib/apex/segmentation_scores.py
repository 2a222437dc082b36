"""IoU, Dice and boundary IoU of slices, pooled over all pixels (thesis, Tables 10 and 11).

Table 11's Dice is 2 IoU / (1 + IoU) to the digit, so both are of all pixels of a data set together, not means over
patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, nan

import numpy as np
import numpy.typing as npt
from scipy import ndimage

BOUNDARY_SHARE = 0.02  # of the slice's diagonal (Cheng et al. 2021, doi 10.1109/CVPR46437.2021.01508)

Mask = npt.NDArray[np.bool_]
_SQUARE = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Counts:
    """Pixels in both masks and in either, of the masks and of the bands along their boundaries."""

    shared: int = 0
    either: int = 0
    band_shared: int = 0
    band_either: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.shared + other.shared,
            self.either + other.either,
            self.band_shared + other.band_shared,
            self.band_either + other.band_either,
        )

    @property
    def iou(self) -> float:
        return self.shared / self.either if self.either else nan

    @property
    def dice(self) -> float:
        """Twice what is shared over both sizes.

        >>> Counts(shared=1, either=3).dice
        0.5
        """
        return 2 * self.shared / (self.shared + self.either) if self.either else nan

    @property
    def boundary_iou(self) -> float:
        return self.band_shared / self.band_either if self.band_either else nan

    def scores(self) -> dict[str, float]:
        """By name; undefined (nan) where neither mask has a pixel."""
        return {"iou": self.iou, "dice": self.dice, "boundary_iou": self.boundary_iou}


def counts_of(reference: Mask, prediction: Mask) -> Counts:
    """The counts of slices (slices, height, width)."""
    total = Counts()
    for wanted, found in zip(reference, prediction, strict=True):
        if not (wanted.any() or found.any()):
            continue
        bands = boundary_band(wanted), boundary_band(found)
        total += Counts(
            int((wanted & found).sum()),
            int((wanted | found).sum()),
            int((bands[0] & bands[1]).sum()),
            int((bands[0] | bands[1]).sum()),
        )
    return total


def boundary_band(mask: Mask) -> Mask:
    """The mask's pixels no farther than 2 % of the slice's diagonal from its outside, one pixel at least.

    >>> boundary_band(np.pad(np.ones((4, 4), bool), 1)).astype(int)[2].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    width = max(1, round(BOUNDARY_SHARE * hypot(*mask.shape)))
    return np.asarray(mask & ~ndimage.binary_erosion(mask, _SQUARE, iterations=width))


def pooled(counts: Sequence[Counts]) -> Counts:
    """The counts of all patients together."""
    return sum(counts, Counts())
