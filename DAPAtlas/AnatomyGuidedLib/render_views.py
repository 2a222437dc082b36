"""What a picture shows: images with their window and colours, a plane or a side, a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import UsageError

Picture = npt.NDArray[np.uint8]  # [row, column, RGB], the first row on top

Plane = Literal["axial", "coronal", "sagittal"]
Side = Literal["anterior", "posterior", "left", "right", "superior", "inferior"]


@dataclass(frozen=True)
class ImageLayer:
    """A scalar volume node as one layer of a slice picture.

    Without `window` and `level` the node's own are taken; `colors` is the name of one of Slicer's colour nodes, such
    as "Grey", "InvertedGrey", "Iron" or "PET-Heat"; `opacity` counts for the foreground only.
    """

    node: Any
    window: float | None = None
    level: float | None = None
    colors: str = "Grey"
    opacity: float = 0.5


@dataclass(frozen=True)
class SliceView:
    """An anatomical plane through a position, by default the background's middle, in a picture of (width, height).

    Raises:
        UsageError: The plane is none of the three.
    """

    plane: Plane = "axial"
    ras_mm: tuple[float, float, float] | None = None
    size: tuple[int, int] = (512, 512)
    letters: bool = True

    def __post_init__(self) -> None:
        require_one_of(self.plane, get_args(Plane), "plane")


@dataclass(frozen=True)
class SurfaceView:
    """Surfaces seen from a side of the patient, on a grid of about `voxel_mm` (finer takes longer).

    Raises:
        UsageError: The side is none of the six.
    """

    side: Side = "anterior"
    size: tuple[int, int] = (512, 512)
    letters: bool = True
    voxel_mm: float = 2.0
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        require_one_of(self.side, get_args(Side), "side")


def require_one_of(value: str, allowed: tuple[str, ...], what: str) -> None:
    """Nothing if the value is allowed.

    >>> require_one_of("axial", get_args(Plane), "plane")

    Raises:
        UsageError: It is not.
    """
    if value not in allowed:
        raise UsageError(f"The {what} must be one of {', '.join(allowed)}, but is {value!r}.")
