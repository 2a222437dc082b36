"""A chest film as people look at it, whatever file it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

from PathologySegLib.films.placement import Placement

ASSUMED = "assumed"  # that the image's left is the patient's right, as films are hung


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A frontal film (height, width) from 0 to 1, dense is light; the patient's left is on the right.

    `pixel_mm` is the distance of rows and that of columns, by `pixel_mm_from`; none where the file does not say.
    `orientation` tells how the sides are known; `view` is DICOM's ViewPosition, empty where it is not told.
    """

    image: npt.NDArray[np.float32]
    placement: Placement
    pixel_mm: tuple[float, float] | None = None
    pixel_mm_from: str = ""
    orientation: str = ASSUMED
    view: str = ""
    notes: tuple[str, ...] = ()


def lightness(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Values from 0 to 1: those of 8 bit as they are, others from the darkest to the lightest, since no window is told.

    >>> lightness(np.array([51, 255], np.uint8)).tolist(), lightness(np.array([1000, 3000, 5000], np.uint16)).tolist()
    ([0.20000000298023224, 1.0], [0.0, 0.5, 1.0])
    """
    if values.dtype == np.uint8:
        return np.asarray(values.astype(np.float32) / 255, np.float32)
    exact = values.astype(np.float64)
    low, high = float(exact.min()), float(exact.max())
    return np.asarray((exact - low) / (high - low), np.float32)


def require_content(values: npt.NDArray[np.generic], name: str) -> None:
    """Nothing if the values are numbers that differ.

    Raises:
        AnatomyGuidedError: They are not.
    """
    if not np.isfinite(values).all():
        raise AnatomyGuidedError(f"{name} holds values that are NaN or infinite; export the film again.")
    if values.min() == values.max():
        raise AnatomyGuidedError(f"{name} is constant: every pixel is {float(values.flat[0]):g}; it shows no body.")
