"""A seeded reference and prediction with many lesions, at the size of a whole-body PET/CT or smaller.

Lesions are ellipsoids that do not touch. The prediction has each of them shifted by about a millimetre and its three
axes scaled by 0.85, 1 and 1.2 in random order, misses one in ten, and has one false positive for every ten lesions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHAPE = (400, 400, 326)  # as the cases of AutoPET
SPACING_MM = (2.04, 2.04, 3.0)


@dataclass(frozen=True)
class Case:
    """How many lesions of which foreground in an image of which size; `foreground_voxels` is met within a few %."""

    lesions: int = 100
    foreground_voxels: int = 120_000
    shape: tuple[int, int, int] = SHAPE
    seed: int = 0


def made(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The reference and the prediction as uint8, i running fastest in memory."""
    rng = np.random.default_rng(case.seed)
    spread = np.exp(rng.normal(0, 0.35, (case.lesions, 3)))
    scale = (case.foreground_voxels * np.prod(SPACING_MM) / (4 / 3 * np.pi * spread.prod(axis=1).sum())) ** (1 / 3)
    radii_mm = spread * scale
    reference, prediction = (np.zeros(case.shape, np.uint8, order="F") for _ in range(2))
    occupied = np.zeros(case.shape, np.uint8, order="F")
    for number, radius_mm in enumerate(radii_mm):
        centre = _free_place(rng, occupied, radius_mm)
        _fill(reference, centre, radius_mm)
        if number % 10 != 9:
            _fill(prediction, centre + rng.normal(0, 0.8, 3), radius_mm * rng.permutation((0.85, 1.0, 1.2)))
        if number % 10 == 0:
            _fill(prediction, _free_place(rng, occupied, radius_mm / 2), radius_mm / 2)
    return reference, prediction


def _free_place(rng: np.random.Generator, occupied: np.ndarray, radius_mm: np.ndarray) -> np.ndarray:
    """A random centre whose ellipsoid, and 2 voxels around it, nothing else has; it is then taken."""
    reach = radius_mm / SPACING_MM + 2
    while True:
        centre = rng.uniform(reach, np.array(occupied.shape) - 1 - reach)
        box = tuple(slice(int(low), int(high) + 2) for low, high in zip(centre - reach, centre + reach, strict=True))
        if not occupied[box].any():
            occupied[box] = 1
            return centre


def _fill(values: np.ndarray, centre: np.ndarray, radius_mm: np.ndarray) -> None:
    reach = radius_mm / SPACING_MM
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, values.shape).astype(int)
    box = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
    axes = np.ogrid[box]
    squares = [((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, reach, strict=True)]
    values[box][sum(squares) <= 1] = 1
