"""From HU to a film: attenuation, and line integrals along the rays of a cone beam.

The patient stands with the chest against the detector and the back to the tube, 1.8 m away (a PA film). Rows of a film
run from the head downwards; columns from the patient's right to the left, as a film is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.phantom.shapes import Field

Mask = npt.NDArray[np.bool_]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]
Window = tuple[slice, slice]

WATER_PER_MM = 0.0201
"""Attenuation of water near 65 keV, the mean energy of a 120 kVp chest beam (NIST, doi 10.18434/T4D01F)."""
SOFT_TISSUE_HU = 100.0
BONE_GAIN = 1.25
"""How much more bone stands out at 65 keV than at CT's 75 keV: cortex has 2.7 and 2.4 times water's attenuation."""
DISTANCE_MM = 1800.0
PIXELS = 512
PIXEL_MM = 0.84  # a detector of 43 x 43 cm
_DENSEST_HU = 3000.0


@dataclass(frozen=True)
class Beam:
    """Where tube and detector are (RAS mm): the tube behind the patient, the detector's middle in front of it."""

    middle_r: float
    middle_s: float
    detector_a: float
    distance_mm: float = DISTANCE_MM
    pixels: int = PIXELS
    pixel_mm: float = PIXEL_MM

    def magnification(self, a: float) -> float:
        """How much larger a thing at this depth is on the film.

        >>> Beam(0.0, 0.0, 100.0).magnification(-100.0)
        1.125
        """
        return self.distance_mm / (self.distance_mm - (self.detector_a - a))

    def pixel_of(self, point: Point) -> tuple[float, float]:
        """Row and column where the ray through a point meets the film.

        >>> Beam(0.0, 0.0, 100.0).pixel_of((0.0, 0.0, 0.0))
        (255.5, 255.5)
        """
        grown = self.magnification(point[1]) / self.pixel_mm
        centre = (self.pixels - 1) / 2.0
        return centre - (point[2] - self.middle_s) * grown, centre - (point[0] - self.middle_r) * grown

    def r_at(self, a: float) -> npt.NDArray[np.float64]:
        """R of every column's rays at this depth; the patient's right comes first."""
        return self.middle_r + self._across() / self.magnification(a)

    def s_at(self, a: float) -> npt.NDArray[np.float64]:
        """S of every row's rays at this depth; the head comes first."""
        return self.middle_s + self._across() / self.magnification(a)

    def path_mm(self) -> Field:
        """How many mm of ray lie in one mm of depth, for every pixel."""
        across = (self._across() / self.distance_mm) ** 2
        return np.sqrt(1.0 + across[:, None] + across[None, :]).astype(np.float32)

    def _across(self) -> npt.NDArray[np.float64]:
        return np.asarray(((self.pixels - 1) / 2.0 - np.arange(self.pixels)) * self.pixel_mm, dtype=np.float64)


@dataclass(frozen=True)
class Lattice:
    """Cubic voxels along R, A and S: the first voxel's centre and the spacing in mm."""

    origin: Point
    spacing_mm: float

    def at(self, axis: int, index: float) -> float:
        return self.origin[axis] + self.spacing_mm * index

    def part(self, box: Box) -> Lattice:
        """The lattice of a box cut out of this one."""
        r, a, s = (self.at(axis, side.start) for axis, side in enumerate(box))
        return Lattice((r, a, s), self.spacing_mm)

    def ras(self, index: npt.NDArray[np.float64] | tuple[float, float, float]) -> Point:
        """Where a voxel coordinate lies."""
        r, a, s = (round(self.at(axis, float(index[axis])), 3) for axis in range(3))
        return r, a, s


def attenuation(hu: Field) -> Field:
    """Attenuation in 1/mm; air and what measures less has none, and bone more than its HU say.

    >>> [round(float(mu), 4) for mu in attenuation(np.array([-1000.0, 0.0, 100.0, 1100.0], dtype=np.float32))]
    [0.0, 0.0201, 0.0221, 0.0472]
    """
    mu = np.clip(hu, np.float32(-1000.0), np.float32(_DENSEST_HU)).astype(np.float32, copy=False)
    mu += np.float32(BONE_GAIN - 1.0) * np.maximum(mu - np.float32(SOFT_TISSUE_HU), 0)
    mu += np.float32(1000.0)
    mu *= np.float32(WATER_PER_MM / 1000.0)
    return mu


def line_integrals(values: npt.NDArray[np.generic], lattice: Lattice, beam: Beam, *, spill: bool = False) -> Field:
    """The integral of the values over each ray's mm, [row, column] (float32); nothing lies outside the lattice.

    With `spill` the lowest and the highest slice go on for ever: the body is longer than the field of view.
    """
    film = np.zeros((beam.pixels, beam.pixels), dtype=np.float32)
    window = film_window(lattice, values.shape, beam) if not spill else (slice(0, beam.pixels),) * 2
    for j in np.flatnonzero(values.any(axis=(0, 2))):
        film[window] += _slab(values[:, j, :].astype(np.float32), lattice, beam, lattice.at(1, float(j)), window, spill)
    film[window] *= beam.path_mm()[window]
    film *= np.float32(lattice.spacing_mm)
    return film


def film_window(lattice: Lattice, shape: tuple[int, ...], beam: Beam) -> Window:
    """The rows and columns in which a box of voxels can appear."""
    corners = [
        beam.pixel_of((lattice.at(0, r), lattice.at(1, a), lattice.at(2, s)))
        for r in (-1.0, shape[0])
        for a in (-1.0, shape[1])
        for s in (-1.0, shape[2])
    ]
    rows, columns = (
        slice(max(0, math.floor(min(places))), min(beam.pixels, max(0, math.ceil(max(places)) + 1)))
        for places in zip(*corners, strict=True)
    )
    return rows, columns


def _slab(values: Field, lattice: Lattice, beam: Beam, a: float, window: Window, spill: bool) -> Field:
    """A coronal slab [r, s] as the rays meet it, [row, column]."""
    r = (beam.r_at(a)[window[1]] - lattice.origin[0]) / lattice.spacing_mm
    s = (beam.s_at(a)[window[0]] - lattice.origin[2]) / lattice.spacing_mm
    if spill:
        s = np.clip(s, 0.0, values.shape[1] - 1.0)
    return np.ascontiguousarray(sampled(sampled(values, r).T, s))


def sampled(values: Field, places: npt.NDArray[np.float64]) -> Field:
    """Rows at fractional places, joined linearly; 0 beyond the ends."""
    padded = np.zeros((values.shape[0] + 3, values.shape[1]), dtype=np.float32)
    padded[1:-2] = values
    inside = np.clip(places, -1.0, values.shape[0]) + 1.0
    below = inside.astype(np.intp)
    part = (inside - below).astype(np.float32)[:, None]
    low = padded[below]
    return np.asarray(low + part * (padded[below + 1] - low))
