"""Nodes of a scene hold boxes of one lattice: put together without resampling, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume
from CCMetricsLib.inputs import covering_grid, labelmap_from_volume, placed

WHOLE = Grid((8, 7, 6), np.array([[0.0, -1.2, 1.6, 10.0], [-3.0, 0, 0, 20], [0, 1.6, 1.2, 30], [0, 0, 0, 1]]))


def part(start: tuple[int, int, int], shape: tuple[int, int, int]) -> Grid:
    affine = WHOLE.affine.copy()
    affine[:3, 3] = WHOLE.ras_from_ijk(start)
    return Grid(shape, affine)


def test_the_covering_grid_is_the_box_around_all_parts() -> None:
    covering = covering_grid([part((2, 3, 4), (2, 2, 2)), part((5, 1, 4), (3, 1, 1))])
    assert covering.shape == (6, 4, 2)
    np.testing.assert_allclose(covering.ras_from_ijk((0, 0, 0)), WHOLE.ras_from_ijk((2, 1, 4)))


def test_a_part_is_placed_where_it_lies_in_the_patient() -> None:
    values = np.arange(1, 9, dtype=np.uint8).reshape(2, 2, 2)
    whole = placed(Labelmap(values, part((2, 3, 4), (2, 2, 2))), WHOLE)
    np.testing.assert_array_equal(whole.values[2:4, 3:5, 4:6], values)
    assert whole.values.sum() == values.sum()


def test_a_part_that_reaches_beyond_the_grid_is_refused() -> None:
    with pytest.raises(GridMismatch, match="beyond"):
        placed(Labelmap(np.ones((3, 1, 1), np.uint8), part((6, 0, 0), (3, 1, 1))), WHOLE)


@pytest.mark.parametrize("change", [(0, 3, 0.5), (0, 1, 1.2)])
def test_voxels_between_voxels_are_refused(change: tuple[int, int, float]) -> None:
    row, column, amount = change
    affine = WHOLE.affine.copy()
    affine[row, column] += amount
    if column < 3:
        affine[:3, column] = WHOLE.affine[:3, column] * (1 + amount)
    with pytest.raises(GridMismatch, match="same places"):
        covering_grid([WHOLE, Grid(WHOLE.shape, affine)])


def test_no_part_at_all_is_refused() -> None:
    with pytest.raises(AnatomyGuidedError, match="both empty"):
        covering_grid([])


def test_whole_numbers_of_a_volume_become_labels() -> None:
    labels = labelmap_from_volume(Volume(np.full(WHOLE.shape, 300, np.float32), WHOLE), "Reference")
    assert labels.values.dtype == np.uint16
    assert labels.values.min() == labels.values.max() == 300


@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0**25])
def test_other_values_are_refused(value: float) -> None:
    with pytest.raises(AnatomyGuidedError, match="Reference must hold whole numbers"):
        labelmap_from_volume(Volume(np.full(WHOLE.shape, value, np.float32), WHOLE), "Reference")
