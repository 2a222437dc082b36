"""Resampling against SimpleITK on oblique grids: no shift by half a voxel, no flip, no lost rim."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume
from testing_data import LPS, affine_of, turned

SOURCE = Grid((12, 10, 8), affine_of(turned(20, -35) @ np.diag([-1.0, 1.0, 1.0]), (2, 3, 4), (10, 20, 30)))
CENTER = SOURCE.ras_from_ijk((5.5, 4.5, 3.5))


def centered(directions: np.ndarray, spacing: tuple[float, ...], shape: tuple[int, int, int]) -> Grid:
    """A grid whose middle lies in the source's, so that its rim reaches beyond the source."""
    middle = directions @ np.diag(spacing) @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine_of(directions, spacing, CENTER - middle))


TARGETS = {
    "finer, turned and flipped": centered(turned(-10, 5) @ np.diag([1.0, -1.0, 1.0]), (1.1, 1.3, 1.7), (30, 30, 20)),
    "coarser": centered(turned(35, -20), (5.1, 4.3, 6.7), (7, 9, 6)),
    "axes permuted": centered(turned(3, 4)[:, [2, 0, 1]], (2.1, 1.9, 3.3), (18, 16, 11)),
    "half the voxel size": centered(SOURCE.directions, (1, 1.5, 2), (24, 20, 16)),
    "one slice": centered(turned(-10, 5), (2, 2, 2), (20, 20, 1)),
}


def as_simpleitk(values: np.ndarray, grid: Grid) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.T))
    lps = LPS @ grid.affine
    image.SetSpacing(grid.spacing_mm)
    image.SetDirection((lps[:3, :3] / grid.spacing_mm).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def by_simpleitk(values: np.ndarray, source: Grid, target: Grid, kind: int, outside: float) -> np.ndarray:
    reference = as_simpleitk(np.zeros(target.shape, values.dtype), target)
    moved = SimpleITK.Resample(as_simpleitk(values, source), reference, SimpleITK.Transform(), kind, outside)
    return SimpleITK.GetArrayFromImage(moved).T


def on_the_rim(target: Grid) -> np.ndarray:
    """Positions within a hundredth of a voxel of the source's border, which may count as in or out."""
    ijk = SOURCE.ijk_from_ras(target.ras_from_ijk(np.moveaxis(np.indices(target.shape), 0, -1)))
    to_border = np.minimum(np.abs(ijk + 0.5), np.abs(ijk - np.array(SOURCE.shape) + 0.5))
    return np.asarray((to_border < 0.01).any(axis=-1))


@pytest.mark.parametrize("name", TARGETS)
def test_trilinear_values_are_simpleitks_up_to_the_rim(name: str) -> None:
    target = TARGETS[name]
    values = np.random.default_rng(1).normal(size=SOURCE.shape).astype(np.float32)
    expected = by_simpleitk(values, SOURCE, target, SimpleITK.sitkLinear, -7.0)
    actual = resample_volume(Volume(values, SOURCE, "HU"), target, outside=-7.0)
    assert actual.unit == "HU"
    assert np.abs(actual.values - expected)[~on_the_rim(target)].max() < 1e-4
    assert (expected == -7.0).any() == (name != "half the voxel size")
    assert (expected != -7.0).any()


@pytest.mark.parametrize("name", TARGETS)
def test_labels_are_those_of_the_nearest_voxel_as_simpleitk_finds_it(name: str) -> None:
    target = TARGETS[name]
    values = np.random.default_rng(2).integers(1, 60000, SOURCE.shape).astype(np.uint16)
    expected = by_simpleitk(values, SOURCE, target, SimpleITK.sitkNearestNeighbor, 0)
    actual = resample_labelmap(Labelmap(values, SOURCE), target).values
    assert actual.dtype == np.uint16
    assert np.count_nonzero(actual != expected) == 0


def test_the_outer_half_of_the_outermost_voxels_keeps_its_label() -> None:
    source = Grid((2, 1, 1), np.diag([2.0, 1, 1, 1]))
    fine = np.diag([1.0, 1, 1, 1])
    fine[0, 3] = -1.5
    labels = resample_labelmap(Labelmap(np.array([[[7]], [[9]]], np.uint8), source), Grid((6, 1, 1), fine))
    # Centres at -1.5, -0.5, 0.5, 1.5, 2.5, 3.5 mm; voxel 0 covers -1 to 1 mm and voxel 1 covers 1 to 3 mm.
    assert labels.values.ravel().tolist() == [0, 7, 7, 9, 9, 0]


@pytest.mark.parametrize("highest", [255, 256, 70000, 2**32 - 1])
def test_no_label_value_is_lost(highest: int) -> None:
    values = np.full(SOURCE.shape, highest, np.min_scalar_type(highest))
    assert resample_labelmap(Labelmap(values, SOURCE), TARGETS["coarser"]).values.max() == highest


def test_positions_outside_get_the_inputs_minimum() -> None:
    values = np.random.default_rng(3).uniform(-1000, 100, SOURCE.shape).astype(np.float32)
    target = Grid((3, 3, 3), affine_of(np.eye(3), (1, 1, 1), (900, 900, 900)))
    assert set(resample_volume(Volume(values, SOURCE), target).values.ravel()) == {values.min()}


def test_an_unchanged_grid_gives_the_input_itself() -> None:
    volume = Volume(np.zeros(SOURCE.shape), SOURCE)
    labelmap = Labelmap(np.zeros(SOURCE.shape, np.uint8), SOURCE)
    assert resample_volume(volume, Grid(SOURCE.shape, SOURCE.affine)) is volume
    assert resample_labelmap(labelmap, Grid(SOURCE.shape, SOURCE.affine)) is labelmap


def test_a_spline_never_leaves_the_inputs_range() -> None:
    values = np.zeros(SOURCE.shape, np.float32)
    values[5:, :, :] = 10.0
    smooth = resample_volume(Volume(values, SOURCE, "SUV"), TARGETS["half the voxel size"], order=3).values
    assert smooth.min() >= 0.0
    assert smooth.max() <= 10.0


def test_a_sum_over_ml_survives_a_finer_grid() -> None:
    values = np.zeros(SOURCE.shape, np.float32)
    values[4:8, 3:7, 2:6] = np.random.default_rng(4).uniform(1, 5, (4, 4, 4))
    fine = resample_volume(Volume(values, SOURCE), TARGETS["half the voxel size"])
    assert fine.values.sum() * fine.grid.voxel_volume_ml == pytest.approx(
        values.sum(dtype=float) * SOURCE.voxel_volume_ml, rel=1e-5
    )
