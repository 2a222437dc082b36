"""The scanner's table: a curved shell around foam under the patient's back."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.shapes import Field

_MAT_MM, _SHELL_MM, _HALF_WIDTH_MM = 8.0, 2.5, 215.0
_MAT_HU, _FOAM_HU, _SHELL_HU = -890.0, -950.0, -150.0
_SAG_PER_MM = 1.0 / 1400.0  # the table is hollow: it rises to both sides
_LEAST_BODY_VOXELS = 40


def put_table(hu: Field, body: Body) -> None:
    """Nothing; the air below the body holds mat, shell and foam. Without a back in view there is no table."""
    solid = body.labels > 0
    backs = np.flatnonzero(solid.sum(axis=(0, 2)) >= _LEAST_BODY_VOXELS)
    if not backs.size:
        return
    spacing, (i_count, j_count, _) = body.spacing_mm, hu.shape
    a = (np.arange(j_count) - backs[0]) * spacing
    r = body.grid.affine[0, 3] + spacing * np.arange(i_count)
    below = -(a.reshape(1, -1) - _SAG_PER_MM * (r**2).reshape(-1, 1))
    section = np.full(below.shape, np.nan, np.float32)
    section[below > 0] = _MAT_HU
    for start, stop, value in ((_MAT_MM, _MAT_MM + _SHELL_MM, _SHELL_HU), (_MAT_MM + _SHELL_MM, 1e3, _FOAM_HU)):
        part = np.clip(np.minimum(below - start, stop - below) / spacing + 0.5, 0.0, 1.0)
        section = np.where(part > 0, section + part * (value - section), section).astype(np.float32)
    section[np.abs(r) > _HALF_WIDTH_MM, :] = np.nan
    covered = ~np.isnan(section)
    columns = hu[covered]
    air = ~solid[covered]
    columns[air] = np.broadcast_to(section[covered][:, None], columns.shape)[air]
    hu[covered] = columns
