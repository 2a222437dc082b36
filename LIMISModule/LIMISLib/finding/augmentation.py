"""Turns, shifts and scales of training slices, each on its own with a probability (thesis, 3.3.2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import FloatArray


@dataclass(frozen=True)
class Augmentation:
    """The thesis's ranges: up to 10.3 degrees, 10 pixels and a tenth of the size, each in 10 % of the slices."""

    probability: float = 0.1
    turn_degrees: float = 10.3
    shift_px: float = 10.0
    scale: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise UsageError(f"The setting probability must be 0 to 1, but is {self.probability:g}.")
        if not 0.0 <= self.scale < 1.0:
            raise UsageError(f"The setting scale must be 0 or more and below 1, but is {self.scale:g}.")

    def drawn(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """A matrix and a shift (rows, columns; in pixels) from places in the new slice, about its middle, to the old.

        >>> matrix, shift = Augmentation(probability=0.0).drawn(np.random.default_rng(0))
        >>> matrix.tolist(), shift.tolist()
        ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
        """
        turns, shifts, scales = rng.random(3) < self.probability
        angle = radians(rng.uniform(-self.turn_degrees, self.turn_degrees)) if turns else 0.0
        shift = rng.uniform(-self.shift_px, self.shift_px, 2) if shifts else np.zeros(2)
        factor = rng.uniform(1 - self.scale, 1 + self.scale) if scales else 1.0
        turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        return turn / factor + 0.0, shift  # no -0.0
