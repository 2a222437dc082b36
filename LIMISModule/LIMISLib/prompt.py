"""What a segmenter is told besides the image: a box, clicks, and the window of HU that matters."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from LIMISLib.box import Box


@dataclass(frozen=True)
class Click:
    """A pixel [row, column] that is in the structure, or that is not."""

    row: int
    column: int
    is_foreground: bool


@dataclass(frozen=True)
class Window:
    """The HU in the middle of the window, and how many it spans.

    >>> Window(40, 400).low_hu, Window(40, 400).high_hu
    (-160.0, 240.0)
    """

    level_hu: float
    width_hu: float

    @property
    def low_hu(self) -> float:
        return self.level_hu - self.width_hu / 2

    @property
    def high_hu(self) -> float:
        return self.level_hu + self.width_hu / 2


PRESETS = {
    "lung": Window(-600, 1500),
    "bone": Window(400, 1800),
    "liver": Window(60, 160),
    "soft_tissue": Window(40, 400),
    "brain": Window(40, 80),
    "mediastinum": Window(50, 350),
    "abdomen": Window(60, 400),
    "spine": Window(50, 250),
    "angio": Window(300, 600),
}  # what reading rooms use


@dataclass(frozen=True)
class Prompt:
    """A box, clicks in the order in which they were made, and the window; none is all HU.

    `before` are probabilities of an earlier mask, of the slice's shape, for segmenters that take a mask.
    """

    box: Box
    clicks: tuple[Click, ...] = ()
    window: Window | None = None
    before: npt.NDArray[np.float32] | None = field(default=None, compare=False)
