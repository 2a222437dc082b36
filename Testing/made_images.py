"""Small images for tests: grids with every trap (anisotropic, flipped, permuted, oblique) and simple bodies."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from scipy.spatial.transform import Rotation

FLIPS = list(itertools.product((1.0, -1.0), repeat=3))


def grid(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float] = (2.0, 3.0, 4.0),
    *,
    flips: tuple[float, float, float] = (1.0, 1.0, 1.0),
    rotation_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0),
    origin_ras: tuple[float, float, float] = (-11.0, 7.0, 30.0),
) -> Grid:
    """A grid whose axes run along R, A, S, then flipped and turned (Euler angles about x, y, z)."""
    affine = np.eye(4)
    turned = Rotation.from_euler("xyz", rotation_degrees, degrees=True).as_matrix()
    affine[:3, :3] = turned @ np.diag(np.array(spacing_mm) * np.array(flips))
    affine[:3, 3] = origin_ras
    return Grid(shape, affine)


def reoriented(values: npt.NDArray[np.generic], source: Grid, order: tuple[int, int, int], flips: tuple[bool, ...]):
    """The same image stored otherwise: axes in another order, some reversed. Returns its values and grid."""
    affine, moved = source.affine.copy(), values
    for axis, flip in enumerate(flips):
        if flip:
            moved = np.flip(moved, axis)
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
    moved = np.transpose(moved, order)
    affine[:3, :3] = affine[:3, :3][:, list(order)]
    return np.ascontiguousarray(moved), Grid(moved.shape, affine)


def cylinder_body(spacing_mm: float = 4.0) -> Volume:
    """A limb along S: bone (radius 16 mm), muscle to 50, fat to 70, air around; HU 700, 50, -100, -1000."""
    target = Grid((44, 44, 20), np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0]))
    position = (np.arange(44) - 21.5) * spacing_mm
    radius = np.hypot(*np.meshgrid(position, position, indexing="ij"))
    hu = np.select([radius <= 16, radius <= 50, radius <= 70], [700.0, 50.0, -100.0], -1000.0)
    return Volume(np.repeat(hu[:, :, None], 20, axis=2).astype(np.float32), target, "HU")


def labelmap(values: npt.ArrayLike, on: Grid | None = None) -> Labelmap:
    """A label map of small unsigned integers, on an anisotropic grid unless one is given."""
    array = np.asarray(values, dtype=np.uint8)
    return Labelmap(array, on or grid(array.shape))


ABDOMEN_SHAPE = (60, 50, 8)


def abdomen() -> tuple[Volume, Labelmap]:
    """RAS+: a liver at the right, kidneys at both sides, in fat; a CT and its DAP labels."""
    labels = np.zeros(ABDOMEN_SHAPE, dtype=np.uint8)
    labels[36:56, 20:44, 2:7] = id_of("Liver")
    labels[36:46, 5:15, 1:4] = id_of("Kidney Right")
    labels[12:22, 5:15, 2:5] = id_of("Kidney Left")
    hu = np.where(labels > 0, 60.0, -100.0) + np.random.default_rng(1).normal(0, 8, ABDOMEN_SHAPE)
    on = grid(ABDOMEN_SHAPE, (2.0, 2.5, 5.0))
    return Volume(hu.astype(np.float32), on, "HU"), Labelmap(labels, on)


def liver_study(
    folder: Path, liver: tuple[slice, slice, slice], others: Mapping[str, tuple[slice, slice, slice]] | None = None
) -> Path:
    """The folder, with `ct.nii.gz` (L, P, S; anisotropic) and `anatomy.nii.gz`: a liver and other blocks in fat."""
    labels = np.zeros(ABDOMEN_SHAPE, np.uint8)
    for name, block in {"Liver": liver, **(others or {})}.items():
        labels[block] = id_of(name)
    hu = np.where(labels > 0, 60.0, -100.0) + np.random.default_rng(2).normal(0, 8, ABDOMEN_SHAPE)
    hu[:, :4] = -1000
    on = Grid(ABDOMEN_SHAPE, np.diag([-2.0, -2.5, 5.0, 1.0]))
    write_volume(Volume(hu.astype(np.float32), on, "HU"), folder / "ct.nii.gz")
    write_labelmap(Labelmap(labels, on), folder / "anatomy.nii.gz")
    return folder
