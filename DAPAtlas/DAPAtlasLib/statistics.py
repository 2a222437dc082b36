"""Volume (ml), HU and extent of each structure of a label map, in one pass whatever the number of structures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.labels import label_by_id
from scipy import ndimage

EXTENTS = ("extent_lr_mm", "extent_ap_mm", "extent_si_mm")
COLUMNS = ("id", "name", "display_name", "voxels", "volume_ml", "mean_hu", "sd_hu", *EXTENTS)


@dataclass(frozen=True)
class StructureStatistics:
    """One row: a structure's size and its HU; the standard deviation is the population's.

    The extent is that of the box around its voxels along the image's axes, each under the name of the direction that
    it is closest to: left-right, anterior-posterior, superior-inferior.
    """

    label: int
    voxels: int
    volume_ml: float
    mean_hu: float
    sd_hu: float
    extent_mm: tuple[float, float, float]

    def row(self) -> dict[str, object]:
        """The values by column name."""
        label = label_by_id(self.label)
        return {
            "id": self.label,
            "name": label.name,
            "display_name": label.display_name,
            "voxels": self.voxels,
            "volume_ml": round(self.volume_ml, 3),
            "mean_hu": round(self.mean_hu, 2),
            "sd_hu": round(self.sd_hu, 2),
            **dict(zip(EXTENTS, (round(mm, 1) for mm in self.extent_mm), strict=True)),
        }


def structure_statistics(labelmap: Labelmap, ct: Volume) -> list[StructureStatistics]:
    """Size and HU of every label above 0 that occurs, by id; an empty map gives an empty list.

    Raises:
        GridMismatch: The label map and the CT lie on different grids.
    """
    require_same_grid(labelmap.grid, ct.grid, names=("the label map", "the CT"))
    size = int(labelmap.values.max()) + 1
    counts, sums, squares = (np.zeros(size) for _ in range(3))
    for k in range(labelmap.grid.shape[2]):
        ids, hu = labelmap.values[:, :, k].ravel(), ct.values[:, :, k].ravel().astype(np.float64)
        counts += np.bincount(ids, minlength=size)
        sums += np.bincount(ids, weights=hu, minlength=size)
        squares += np.bincount(ids, weights=hu * hu, minlength=size)
    found = [int(label) for label in np.flatnonzero(counts) if label > 0]
    boxes = ndimage.find_objects(labelmap.values)
    return [
        _statistics(label, labelmap.grid, counts[label], (sums[label], squares[label]), boxes[label - 1])
        for label in found
    ]


def _statistics(
    label: int, grid: Grid, count: float, sums: tuple[float, float], box: tuple[slice, slice, slice]
) -> StructureStatistics:
    total, squares = sums
    mean = total / count
    variance = max(squares / count - mean * mean, 0.0)
    extent = {
        code: (side.stop - side.start) * mm
        for code, side, mm in zip(grid.axis_codes, box, grid.spacing_mm, strict=True)
    }
    lr, ap, si = (next(extent[code] for code in pair if code in extent) for pair in ("LR", "AP", "SI"))
    return StructureStatistics(
        label, int(count), count * grid.voxel_volume_ml, float(mean), float(np.sqrt(variance)), (lr, ap, si)
    )
