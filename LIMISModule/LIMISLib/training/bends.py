"""How a slice is bent: turned, scaled, sheared, and moved here and there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from scipy import ndimage

from LIMISLib.segmenters.crop import Crop

_COARSE = 5  # points along a side of the random displacement


@dataclass(frozen=True)
class BendSettings:
    """How far: displacement in mm, turns in radians, scale as the logarithm of a factor."""

    shift_mm: float = 6.0
    turn: float = 0.25
    scale: float = 0.2


@dataclass(frozen=True, eq=False)
class Bend:
    """A map from the bent slice to the slice as it was, about the middle of a crop and as large as it.

    `matrix` acts on mm from the middle, `moved_mm` (2, 5, 5) is what is added over the crop.
    """

    matrix: FloatArray
    moved_mm: FloatArray
    middle_mm: FloatArray
    reach_mm: float

    def pixels_of(self, crop: Crop) -> FloatArray:
        """(2, side, side): pixel coordinates in the slice as it was of the cells of a crop of the bent one."""
        centres = (np.arange(crop.side) + 0.5) * crop.step_mm
        at = np.stack(np.meshgrid(crop.top_mm + centres, crop.left_mm + centres, indexing="ij"))
        middle = self.middle_mm[:, None, None]
        places = ((at - middle) / self.reach_mm + 0.5) * (_COARSE - 1)
        moved = np.stack([ndimage.map_coordinates(part, places, order=2, mode="nearest") for part in self.moved_mm])
        before = np.einsum("ab,bij->aij", self.matrix, at - middle) + middle + moved
        return np.asarray(before / np.array(crop.pixel_mm)[:, None, None] - 0.5)


def drawn_bend(rng: np.random.Generator, settings: BendSettings, *, about: Crop) -> Bend:
    """A bend at random, about the crop's middle."""
    angle = rng.normal(0.0, settings.turn / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    common = rng.uniform(-settings.scale, settings.scale)
    scale = np.exp(common + rng.uniform(-settings.scale, settings.scale, 2))
    moved_mm = rng.normal(0.0, settings.shift_mm * rng.random(), (2, _COARSE, _COARSE))
    reach_mm = about.side * about.step_mm
    return Bend(turn * scale, moved_mm, np.array([about.top_mm, about.left_mm]) + reach_mm / 2, reach_mm)
