"""Where voxels are: a grid is a shape and an affine; volumes and label maps are arrays on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError

FloatArray = npt.NDArray[np.float64]

_PERPENDICULAR_TOLERANCE = 1e-3  # cosine between two axes; float32 headers stay below 1e-6


class InvalidGrid(AnatomyGuidedError):
    """A shape or affine that no image of a patient can have."""


class GridMismatch(AnatomyGuidedError):
    """Two inputs that must share a grid do not."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Positions of voxel centres: an [i, j, k] shape and a 4 x 4 IJK-to-RAS affine in mm.

    A grid that exists is valid: three axes of at least one voxel, a finite affine, positive spacing, axes that
    are perpendicular.

    >>> grid = Grid((4, 5, 6), np.diag([-2.0, 2.0, 3.0, 1.0]))
    >>> grid.spacing_mm, grid.axis_codes, grid.voxel_volume_ml
    ((2.0, 2.0, 3.0), 'LAS', 0.012)

    Raises:
        InvalidGrid: The shape or the affine breaks one of these rules.
    """

    shape: tuple[int, int, int]
    affine: FloatArray

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        affine.flags.writeable = False
        shape = tuple(int(n) for n in self.shape)
        _require_valid(shape, affine)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return self.shape == other.shape and np.array_equal(self.affine, other.affine)

    def __hash__(self) -> int:
        return hash((self.shape, (self.affine + 0.0).tobytes()))  # -0.0 equals 0.0, so both need one hash

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along i, j and k."""
        i, j, k = (float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k

    @property
    def directions(self) -> FloatArray:
        """Unit vectors of i, j and k in RAS, one a column."""
        return np.asarray(self.affine[:3, :3] / np.array(self.spacing_mm))

    @property
    def voxel_volume_mm3(self) -> float:
        return abs(float(np.linalg.det(self.affine[:3, :3])))

    @property
    def voxel_volume_ml(self) -> float:
        return self.voxel_volume_mm3 / 1000.0

    @property
    def axis_codes(self) -> str:
        """Anatomical direction that each axis runs towards, e.g. "LPS"."""
        dominant = np.argmax(np.abs(_nearest_permutation(self.directions)), axis=0)
        signs = [self.directions[row, column] > 0 for column, row in enumerate(dominant)]
        return "".join("RAS"[row] if positive else "LPI"[row] for row, positive in zip(dominant, signs, strict=True))

    def ras_from_ijk(self, points_ijk: npt.ArrayLike) -> FloatArray:
        """RAS positions in mm of voxel coordinates; the last axis of the argument is (i, j, k)."""
        return np.asarray(np.asarray(points_ijk, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3])

    def ijk_from_ras(self, points_ras: npt.ArrayLike) -> FloatArray:
        """Fractional voxel coordinates of RAS positions in mm; the last axis of the argument is (r, a, s)."""
        offset = np.asarray(points_ras, dtype=np.float64) - self.affine[:3, 3]
        return np.asarray(offset @ np.linalg.inv(self.affine[:3, :3]).T)


@dataclass(frozen=True, eq=False)
class Volume:
    """Intensities (float32) on a grid, with their unit: "HU", "SUV" or "" where it is unknown."""

    values: npt.NDArray[np.float32]
    grid: Grid
    unit: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _read_only(np.asarray(self.values, dtype=np.float32), self.grid))


@dataclass(frozen=True, eq=False)
class Labelmap:
    """One unsigned integer a voxel on a grid; 0 is background."""

    values: npt.NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.dtype == np.bool_:
            values = values.astype(np.uint8)
        if not np.issubdtype(values.dtype, np.unsignedinteger):
            raise AnatomyGuidedError(f"A label map holds unsigned integers, but came as {values.dtype}.")
        object.__setattr__(self, "values", _read_only(values, self.grid))


def require_overlap(first: Grid, second: Grid, *, names: tuple[str, str] = ("The CT", "the PET")) -> None:
    """Nothing, if the two images have a part of the body in common.

    Raises:
        AnatomyGuidedError: They have not.
    """
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in second.shape], indexing="ij")).reshape(3, -1).T
    inside_first = first.ijk_from_ras(second.ras_from_ijk(corners))
    apart = (inside_first.max(axis=0) < 0) | (inside_first.min(axis=0) > np.array(first.shape) - 1)
    if apart.any():
        raise AnatomyGuidedError(
            f"{names[0]} and {names[1]} do not overlap in space, but one study of one patient was expected; "
            "check that both come from the same examination."
        )


def require_same_grid(
    first: Grid,
    second: Grid,
    *,
    names: tuple[str, str] = ("the first input", "the second input"),
    atol_mm: float = 1e-3,
) -> None:
    """Nothing if the grids' voxel centres agree within `atol_mm`.

    Raises:
        GridMismatch: Shapes differ, or a corner of the volume lies elsewhere.
    """
    if first.shape != second.shape:
        raise GridMismatch(
            f"{names[0]} and {names[1]} must lie on one grid, but their shapes are {first.shape} and {second.shape}; "
            "resample one onto the other."
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in first.shape], indexing="ij")).reshape(3, -1).T
    apart_mm = float(np.abs(first.ras_from_ijk(corners) - second.ras_from_ijk(corners)).max())
    if apart_mm > atol_mm:
        raise GridMismatch(
            f"{names[0]} and {names[1]} must lie on one grid, but their voxels lie up to {apart_mm:.3g} mm apart "
            f"({first.axis_codes} and {second.axis_codes}); resample one onto the other."
        )


def _require_valid(shape: tuple[int, ...], affine: FloatArray) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise InvalidGrid(f"A grid needs three axes of at least one voxel, but the shape is {shape}.")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.array_equal(affine[3], [0, 0, 0, 1]):
        raise InvalidGrid("A grid needs a finite 4 x 4 IJK-to-RAS matrix whose last row is 0 0 0 1.")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not (spacing > 0).all():
        raise InvalidGrid(f"The spacing must be above 0 mm, but is {tuple(float(s) for s in spacing)}.")
    directions = affine[:3, :3] / spacing
    worst = float(np.abs(directions.T @ directions - np.eye(3)).max())
    if worst > _PERPENDICULAR_TOLERANCE:
        raise InvalidGrid(
            f"The axes must be perpendicular, but are sheared by {np.degrees(np.arcsin(min(worst, 1.0))):.2f} degrees "
            "(a tilted gantry, or an affine registration); resample the image onto perpendicular axes."
        )


def _nearest_permutation(directions: FloatArray) -> FloatArray:
    """One entry a row and column: each axis is given to a different anatomical direction, the closest fit first."""
    remaining, chosen = np.abs(directions).copy(), np.zeros((3, 3))
    for _ in range(3):
        row, column = np.unravel_index(int(np.argmax(remaining)), (3, 3))
        chosen[row, column] = 1.0
        remaining[row, :], remaining[:, column] = -1.0, -1.0
    return chosen


def _read_only(values: npt.NDArray[Any], grid: Grid) -> npt.NDArray[Any]:
    if values.shape != grid.shape:
        raise GridMismatch(f"An array of shape {values.shape} does not fit a grid of shape {grid.shape}.")
    view = values.view()
    view.flags.writeable = False
    return view
