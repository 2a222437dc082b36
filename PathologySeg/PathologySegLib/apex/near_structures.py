"""The structures that a lesion lies in or beside, as anatomy classes: what a sensible attention would look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage


def own_or_nearest(
    lesion: npt.NDArray[np.bool_], anatomy: npt.NDArray[np.integer[Any]], tissues: frozenset[int] = frozenset()
) -> set[int]:
    """The anatomy class that holds most of a lesion, and the other one nearest to it; tissues and 0 do not count.

    >>> anatomy = np.array([[1, 1, 1, 2, 0, 3]])
    >>> own_or_nearest(np.array([[0, 1, 1, 0, 0, 0]], bool), anatomy)
    {1, 2}
    >>> own_or_nearest(np.array([[0, 1, 1, 0, 0, 0]], bool), anatomy, frozenset({2}))
    {1, 3}
    """
    if not lesion.any():
        return set()
    counted = np.where(np.isin(anatomy, [0, *tissues]), 0, anatomy)
    inside = np.bincount(counted[lesion].ravel())
    inside[0] = 0
    own = int(inside.argmax()) if inside.any() else 0
    others = (counted > 0) & (counted != own)
    near = {own} - {0}
    if others.any():
        away = ndimage.distance_transform_edt(~lesion)
        near.add(int(counted[others][away[others].argmin()]))
    return near
