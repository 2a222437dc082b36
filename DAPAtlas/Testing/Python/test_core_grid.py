"""Grids: positions, spacing and axis codes in every orientation, and what no grid can be."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, GridMismatch, InvalidGrid, Labelmap, Volume, require_same_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from testing_data import GRIDS, OBLIQUE, SHAPE, SIGNED_PERMUTATIONS, SPACING_MM, affine_of, refusal, turned

angles = st.floats(-180, 180)
points = st.tuples(*[st.floats(-500, 500)] * 3)


@pytest.mark.parametrize("directions", SIGNED_PERMUTATIONS)
def test_axis_codes_are_nibabels_in_all_48_orientations(directions: np.ndarray) -> None:
    affine = affine_of(directions)
    assert Grid(SHAPE, affine).axis_codes == "".join(nibabel.aff2axcodes(affine))


@pytest.mark.parametrize(("about_s", "about_r"), [(20, -35), (44, 10), (46, 10), (-130, 80), (179, -91)])
def test_axis_codes_of_oblique_grids_are_nibabels(about_s: float, about_r: float) -> None:
    affine = affine_of(turned(about_s, about_r))
    assert Grid(SHAPE, affine).axis_codes == "".join(nibabel.aff2axcodes(affine))


def test_axis_codes_name_each_direction_once_even_at_45_degrees() -> None:
    codes = Grid(SHAPE, affine_of(turned(45, 45))).axis_codes
    assert {code.translate(str.maketrans("LPI", "RAS")) for code in codes} == {"R", "A", "S"}


@pytest.mark.parametrize("name", GRIDS)
def test_spacing_and_volume_do_not_depend_on_orientation(name: str) -> None:
    grid = GRIDS[name]
    assert grid.spacing_mm == pytest.approx(SPACING_MM, rel=1e-12)
    assert grid.voxel_volume_ml == pytest.approx(0.75 * 1.5 * 3.0 / 1000, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(points, angles, angles)
def test_there_and_back_is_the_same_point(point: tuple[float, float, float], about_s: float, about_r: float) -> None:
    grid = Grid(SHAPE, affine_of(turned(about_s, about_r)))
    assert np.allclose(grid.ijk_from_ras(grid.ras_from_ijk(point)), point, atol=1e-8)


def test_the_voxel_at_index_zero_lies_at_the_affines_last_column() -> None:
    grid = Grid(SHAPE, OBLIQUE)
    assert grid.ras_from_ijk((0, 0, 0)).tolist() == OBLIQUE[:3, 3].tolist()
    assert np.allclose(grid.ras_from_ijk([(1, 0, 0)])[0] - OBLIQUE[:3, 3], OBLIQUE[:3, 0])


def test_equal_grids_have_equal_hashes_also_where_a_zero_is_negative() -> None:
    plus, minus = np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([1.0, 1.0, 1.0, 1.0])
    minus[0, 1] = -0.0
    assert Grid(SHAPE, plus) == Grid(SHAPE, minus)
    assert hash(Grid(SHAPE, plus)) == hash(Grid(SHAPE, minus))


def test_a_grid_is_told_apart_by_the_last_digit_of_its_affine() -> None:
    moved = OBLIQUE.copy()
    moved[0, 3] = np.nextafter(moved[0, 3], np.inf)
    assert Grid(SHAPE, OBLIQUE) != Grid(SHAPE, moved)
    assert Grid(SHAPE, OBLIQUE) != "a grid"


BAD_AFFINES = {
    "finite": np.diag([1.0, np.nan, 1.0, 1.0]),
    "last row": np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]),
    "4 x 4": np.eye(3),
    "above 0": np.diag([1.0, 0.0, 1.0, 1.0]),
    "sheared by 5.71 degrees": np.array([[1.0, 0, 0, 0], [0, 1, 0.1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    "sheared by 90.00 degrees": np.array([[1.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
}


@pytest.mark.parametrize("words", BAD_AFFINES)
def test_an_affine_that_no_image_can_have_is_refused(words: str) -> None:
    assert words in refusal(lambda: Grid(SHAPE, BAD_AFFINES[words]), InvalidGrid)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 0), (4, 5, 6, 2)])
def test_a_shape_without_three_filled_axes_is_refused(shape: tuple[int, ...]) -> None:
    assert str(shape) in refusal(lambda: Grid(shape, np.eye(4)), InvalidGrid)


def test_values_of_a_volume_cannot_be_changed_through_it() -> None:
    volume = Volume(np.zeros(SHAPE, np.float32), GRIDS["LPS"])
    with pytest.raises(ValueError, match="read-only"):
        volume.values[0, 0, 0] = 1


def test_a_mask_becomes_a_label_map_of_0_and_1() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[1, 2, 3] = True
    assert Labelmap(mask, GRIDS["LPS"]).values.sum() == 1


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.complex64])
def test_label_maps_of_signed_or_broken_numbers_are_refused(dtype: type) -> None:
    values = np.zeros(SHAPE, dtype)
    assert np.dtype(dtype).name in refusal(lambda: Labelmap(values, GRIDS["LPS"]), AnatomyGuidedError)


def test_an_array_of_another_shape_is_refused() -> None:
    assert "(1, 2, 3)" in refusal(lambda: Volume(np.zeros((1, 2, 3)), GRIDS["LPS"]), GridMismatch)


def test_grids_apart_by_less_than_a_thousandth_of_a_mm_are_one() -> None:
    near, far = OBLIQUE.copy(), OBLIQUE.copy()
    near[:3, 3] += 0.0009
    far[2, 3] += 0.25
    require_same_grid(Grid(SHAPE, OBLIQUE), Grid(SHAPE, near))
    message = refusal(
        lambda: require_same_grid(Grid(SHAPE, OBLIQUE), Grid(SHAPE, far), names=("the CT", "the PET")), GridMismatch
    )
    assert "the CT and the PET" in message
    assert "0.25 mm" in message


def test_a_small_turn_that_moves_the_far_corner_is_another_grid() -> None:
    big = (400, 400, 400)
    turn = affine_of(turned(0.01, 0), (1, 1, 1), (0, 0, 0))
    # The far corner lies sqrt(2) * 399 mm from the axis: it moves about 0.07 mm along each axis.
    assert "0.0696 mm" in refusal(lambda: require_same_grid(Grid(big, np.eye(4)), Grid(big, turn)), GridMismatch)


def test_a_flipped_image_of_the_same_shape_is_another_grid() -> None:
    flipped = affine_of(np.diag([-1.0, 1.0, 1.0]))
    assert "LAS" in refusal(lambda: require_same_grid(GRIDS["RAS"], Grid(SHAPE, flipped)), GridMismatch)


def test_grids_of_other_shapes_differ() -> None:
    other = Grid((4, 5, 7), GRIDS["RAS"].affine)
    assert "(4, 5, 7)" in refusal(lambda: require_same_grid(GRIDS["RAS"], other), GridMismatch)
