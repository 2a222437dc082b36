"""Where a lesion lies by the atlas: the structure that holds most of it, and the nearest organ, bone or vessel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray, Labelmap
from AnatomyGuidedLib.labels import label_by_id, structures

Ids = npt.NDArray[Any]

_TISSUES = 0  # the level of Muscles, Fat, ...: they are everywhere, and near everything


@dataclass(eq=False)
class Places:
    """An anatomy label map (DAP ids) that is asked where things lie; its search tree is made when first needed."""

    anatomy: Labelmap
    _tree: Any = field(default=None, init=False, repr=False)
    _tree_ids: Ids = field(default_factory=lambda: np.zeros(0, np.uint8), init=False, repr=False)

    def structure(self, ids: Ids) -> str:
        """The structure that most of these voxels hold; "" where that is background."""
        most = int(np.bincount(ids.ravel()).argmax())
        return label_by_id(most).name if most else ""

    def nearest(self, voxels: npt.NDArray[np.int_], ids: Ids) -> tuple[str, float | None]:
        """The organ, bone or vessel that is nearest to a lesion (voxel coordinates and their ids), and the mm between.

        Within one, it is the one that holds most of the lesion, at 0 mm. Tissues (muscles, fat, ...) do not count.
        The distance is that between centres of voxels. Without any, there is no name and no distance.
        """
        own = ids[_counts()[ids]]
        if own.size:
            return label_by_id(int(np.bincount(own).argmax())).name, 0.0
        self._make_tree()
        if self._tree is None:
            return "", None
        distances, places = self._tree.query(self.anatomy.grid.ras_from_ijk(voxels))
        first = int(np.argmin(distances))
        return label_by_id(int(self._tree_ids[places[first]])).name, float(distances[first])

    def _make_tree(self) -> None:
        if self._tree is not None:
            return
        from scipy.spatial import cKDTree

        surface = _surface(_counts()[self.anatomy.values])
        if surface.any():
            self._tree_ids = self.anatomy.values[surface]
            points: FloatArray = self.anatomy.grid.ras_from_ijk(np.argwhere(surface))
            self._tree = cKDTree(points)


def _counts() -> npt.NDArray[np.bool_]:
    """By id, whether it is a structure of more than tissue."""
    table = np.zeros(256, np.bool_)
    table[[label.id for label in structures() if label.level > _TISSUES]] = True
    return table


def _surface(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Voxels of the mask with a neighbour by a face outside it; an image's edge is none."""
    inner = mask.copy()
    for here, there in _shifts(mask.ndim):
        inner[here] &= mask[there]
    return np.asarray(mask & ~inner)


def _shifts(axes: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    for axis in range(axes):
        front = tuple(slice(1, None) if a == axis else slice(None) for a in range(axes))
        back = tuple(slice(None, -1) if a == axis else slice(None) for a in range(axes))
        yield front, back
        yield back, front
