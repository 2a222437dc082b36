"""SUVpeak: the highest mean of a ball of 1 ml around any voxel of a lesion (IBSI, global intensity peak, 0F91)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Volume

PEAK_VOLUME_ML = 1.0
PEAK_RADIUS_MM = (3.0 * PEAK_VOLUME_ML * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)  # 6.2 mm

Mask = npt.NDArray[np.bool_]


def suv_peak(pet: Volume, box: tuple[slice, ...], inside: Mask) -> float:
    """The peak of a lesion, given as a mask within a box of the PET.

    A voxel is in the ball if its centre is; the ball may reach out of the lesion, and ends where the image does. By
    IBSI's definition (arXiv 1612.07003, local intensity features) only the ball's middle must lie in the lesion,
    and its mean is that of all voxels around: beside hotter uptake the peak may lie above the lesion's maximum.

    >>> line = Volume(np.array([0, 9, 3, 0], np.float32).reshape(4, 1, 1), Grid((4, 1, 1), np.diag([6.0, 20, 20, 1])))
    >>> suv_peak(line, (slice(1, 3), slice(0, 1), slice(0, 1)), np.ones((2, 1, 1), bool))
    4.0
    """
    lines = _lines(pet.grid)
    wider = tuple(
        slice(max(0, side.start - reach), min(n, side.stop + reach))
        for side, reach, n in zip(box, _reach(pet.grid), pet.values.shape, strict=True)
    )
    values = pet.values[wider]
    sums = np.zeros((*values.shape[:2], values.shape[2] + 1))  # along k, before each voxel
    np.cumsum(values, axis=2, dtype=np.float64, out=sums[:, :, 1:])
    i, j, k = (own + side.start - w.start for own, side, w in zip(np.nonzero(inside), box, wider, strict=True))
    total, count = np.zeros(len(i)), np.zeros(len(i), dtype=np.int64)
    for di, dj, half in lines:
        there = (i + di >= 0) & (i + di < sums.shape[0]) & (j + dj >= 0) & (j + dj < sums.shape[1])
        rows, columns = i[there] + di, j[there] + dj
        low, high = np.maximum(k[there] - half, 0), np.minimum(k[there] + half + 1, values.shape[2])
        total[there] += sums[rows, columns, high] - sums[rows, columns, low]
        count[there] += high - low
    return round(float((total / count).max()), 6)


def _reach(grid: Grid) -> list[int]:
    return [int(PEAK_RADIUS_MM / spacing) for spacing in grid.spacing_mm]


def _lines(grid: Grid) -> list[tuple[int, int, int]]:
    """The ball as lines along k: where they lie beside its middle, and by how many voxels they reach to either side."""
    (most_i, most_j, _), (a, b, c) = _reach(grid), grid.spacing_mm
    places = [(i, j) for i in range(-most_i, most_i + 1) for j in range(-most_j, most_j + 1)]
    left = [(i, j, PEAK_RADIUS_MM**2 - (i * a) ** 2 - (j * b) ** 2) for i, j in places]
    return [(i, j, int(rest**0.5 / c)) for i, j, rest in left if rest >= 0]
