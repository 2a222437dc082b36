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

    A voxel is in the ball if its centre is; the ball may reach out of the lesion, and ends where the image does.

    >>> line = Volume(np.array([0, 9, 3, 0], np.float32).reshape(4, 1, 1), Grid((4, 1, 1), np.diag([6.0, 20, 20, 1])))
    >>> suv_peak(line, (slice(1, 3), slice(0, 1), slice(0, 1)), np.ones((2, 1, 1), bool))
    4.0
    """
    from scipy import signal  # takes a third of a second, and only this needs it

    ball = _ball(pet.grid)
    reach = [n // 2 for n in ball.shape]
    wider = tuple(
        slice(max(0, side.start - r), min(n, side.stop + r))
        for side, r, n in zip(box, reach, pet.values.shape, strict=True)
    )
    values = pet.values[wider].astype(np.float64)
    counts = signal.oaconvolve(np.ones_like(values), ball, mode="same")
    means = signal.oaconvolve(values, ball, mode="same") / np.maximum(np.rint(counts), 1.0)
    inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wider, strict=True))
    return round(float(means[inner][inside].max()), 6)


def _ball(grid: Grid) -> npt.NDArray[np.float64]:
    """1 at the voxels whose centres lie within the radius of the middle one."""
    offsets = [np.arange(-int(PEAK_RADIUS_MM / s), int(PEAK_RADIUS_MM / s) + 1) * s for s in grid.spacing_mm]
    i, j, k = np.meshgrid(*offsets, indexing="ij")
    return np.asarray((i**2 + j**2 + k**2 <= PEAK_RADIUS_MM**2).astype(np.float64))
