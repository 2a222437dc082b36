"""Maximum-intensity projections, as PET is read: a film of the whole body."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray, Grid, Volume
from AnatomyGuidedLib.render_views import Picture, Plane, require_one_of
from AnatomyGuidedLib.resample import resample_volume

_STRAIGHT = 1e-3  # cosine of the angle between a voxel axis and its anatomical axis, away from 1
_PROJECTED_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}


def projection(volume: Volume, *, plane: Plane, white_at: float, inverted: bool, pixel_mm: float) -> Picture:
    """The picture as `render.projection_picture` describes it."""
    require_one_of(plane, tuple(_PROJECTED_AXIS), "plane")
    values, spacing_mm = _along_ras(volume)
    axis = _PROJECTED_AXIS[plane]
    projected = values.max(axis=axis)
    projected_mm = np.delete(spacing_mm, axis)
    rows_from_top = np.flip(projected.T)  # superior or anterior first; right, or anterior, first
    zoomed = ndimage.zoom(rows_from_top, projected_mm[::-1] / pixel_mm, order=1, grid_mode=True, mode="nearest")
    grey = np.clip(zoomed / white_at, 0.0, 1.0)
    shown = np.rint(255 * (1.0 - grey if inverted else grey)).astype(np.uint8)
    return np.repeat(shown[:, :, None], 3, axis=2)


def _along_ras(volume: Volume) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """The values with axes towards right, anterior and superior, and their spacing."""
    dominant = np.abs(volume.grid.directions)
    straight = np.allclose(np.sort(dominant, axis=0)[-1], 1.0, atol=_STRAIGHT)
    level = volume if straight else resample_volume(volume, _level_grid(volume.grid))
    axis_of_ras = np.argmax(np.abs(level.grid.directions), axis=1)
    values = level.values.transpose(axis_of_ras)
    backwards = tuple(ras for ras in range(3) if level.grid.directions[ras, axis_of_ras[ras]] < 0)
    return np.flip(values, backwards), np.array(level.grid.spacing_mm)[axis_of_ras]


def _level_grid(grid: Grid) -> Grid:
    """Cubic voxels along RAS over all of the grid."""
    step = min(grid.spacing_mm)
    corners_ijk = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape], indexing="ij")).reshape(3, -1).T
    corners_ras = grid.ras_from_ijk(corners_ijk)
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = corners_ras.min(axis=0)
    i, j, k = (int(n) + 1 for n in np.ceil(np.ptp(corners_ras, axis=0) / step))
    return Grid((i, j, k), affine)
