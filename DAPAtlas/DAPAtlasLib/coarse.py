"""A CT stood upright (axial slices last) and coarsened to about 3 mm, and the morphology that rules on it need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Volume
from scipy import ndimage

Mask = npt.NDArray[np.bool_]

COARSE_MM = 3.0


@dataclass(frozen=True)
class Standing:
    """The CT's values with the axis closest to superior last."""

    values: npt.NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    axial_axis: int


@dataclass(frozen=True)
class Coarse:
    """Block means of about 3 mm, and the way back to the CT's voxels."""

    values: npt.NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    factors: tuple[int, int, int]
    fine_shape: tuple[int, int, int]

    @classmethod
    def of(cls, standing: Standing) -> Coarse:
        """The coarse copy; a side of more than 2 mm stays as it is."""
        fine, spacing = standing.values, standing.spacing_mm
        i, j, k = (max(1, round(COARSE_MM / side)) for side in spacing)
        values = fine
        for axis, factor in enumerate((i, j, k)):
            values = _block_means(values, axis, factor)
        shape = (fine.shape[0], fine.shape[1], fine.shape[2])
        return cls(values, (spacing[0] * i, spacing[1] * j, spacing[2] * k), (i, j, k), shape)

    def spread(self, mask: Mask) -> Mask:
        """A coarse mask on the CT's voxels."""
        for axis, factor in enumerate(self.factors):
            mask = np.repeat(mask, factor, axis=axis) if factor > 1 else mask
        return mask[tuple(slice(n) for n in self.fine_shape)]

    def ml(self, voxels: float) -> float:
        """The volume of so many coarse voxels."""
        return voxels * float(np.prod(self.spacing_mm)) / 1000.0


def axial_last(ct: Volume) -> Standing:
    """The CT with its most axial slices along the last axis; other axes keep their order and direction."""
    axis = int(np.argmax(np.abs(ct.grid.directions[2])))
    spacing = [*ct.grid.spacing_mm]
    spacing.append(spacing.pop(axis))
    return Standing(np.moveaxis(ct.values, axis, -1), (spacing[0], spacing[1], spacing[2]), axis)


def _block_means(values: npt.NDArray[np.float32], axis: int, factor: int) -> npt.NDArray[np.float32]:
    if factor == 1:
        return values
    starts = np.arange(0, values.shape[axis], factor)
    counts = np.diff([*starts, values.shape[axis]]).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = -1
    return np.asarray(np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape), dtype=np.float32)


def disk(radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """A disk in the axial plane as a structuring element, of one voxel at least."""
    i, j = (int(radius_mm / side + 1e-6) for side in spacing_mm[:2])
    x, y = np.mgrid[-i : i + 1, -j : j + 1]
    return np.asarray((x * spacing_mm[0]) ** 2 + (y * spacing_mm[1]) ** 2 <= radius_mm**2 + 1e-6)[:, :, None]


def within(values: npt.NDArray[np.float32], window: tuple[float, float]) -> Mask:
    """Which values lie in the window, both ends included."""
    return (values >= window[0]) & (values <= window[1])


def opened(mask: Mask, structure: Mask) -> Mask:
    """The opened mask, as if the image went on past its border: what the border cuts is not eaten."""
    reach = [(n // 2, n // 2) for n in structure.shape]
    opened = ndimage.binary_opening(np.pad(mask, reach, mode="edge"), structure)
    return np.asarray(opened[tuple(slice(n, n + size) for (n, _), size in zip(reach, mask.shape, strict=True))])


def filled_in_plane(mask: Mask) -> Mask:
    """The mask with the holes of each axial slice filled."""
    filled = np.zeros_like(mask)
    for k in range(mask.shape[2]):
        filled[:, :, k] = ndimage.binary_fill_holes(mask[:, :, k])
    return filled
