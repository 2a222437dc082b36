"""Surface elements and the bands along them, by hand and by counting every neighbour."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from CCMetricsLib.boundary import boundary_band, slices_needed
from CCMetricsLib.components import NumberedVoxels, instance_components
from CCMetricsLib.surface_areas import contour_lengths_mm, surface_areas_mm2
from CCMetricsLib.surfaces import joined, surface_axes, surface_elements

SPACING = (1.0, 2.0, 4.0)


def cuboid(shape: tuple[int, int, int], size: tuple[int, int, int], start: int = 1) -> NumberedVoxels:
    values = np.zeros(shape, np.uint8)
    values[
        tuple(slice(start if n > 1 else 0, (start if n > 1 else 0) + m) for n, m in zip(shape, size, strict=True))
    ] = 1
    return instance_components(values)


def corner(code: int, place: tuple[int, int, int]) -> bool:
    return bool(code >> (place[0] + 2 * place[1] + 4 * place[2]) & 1)


def test_planes_between_voxels_have_the_area_of_their_faces() -> None:
    areas = surface_areas_mm2(SPACING)
    for axis, area in enumerate((8.0, 4.0, 2.0)):
        half = sum(1 << bit for bit, place in enumerate(product((0, 1), repeat=3)) if place[2 - axis] == 0)
        assert areas[half] == areas[255 - half] == area
    assert areas[0] == areas[255] == 0


def test_a_single_corner_is_cut_off_by_a_triangle_through_the_middles_of_its_edges() -> None:
    half_edges = np.diag(SPACING) / 2
    area = np.linalg.norm(np.cross(half_edges[1] - half_edges[0], half_edges[2] - half_edges[0])) / 2
    np.testing.assert_allclose(surface_areas_mm2(SPACING)[[1 << bit for bit in range(8)]], area)


def test_an_edge_is_cut_off_by_a_rectangle_and_separate_corners_add_up() -> None:
    areas = surface_areas_mm2(SPACING)
    assert areas[0b00000011] == pytest.approx(1 * np.hypot(2, 4) / 2)  # along i: its length times half the diagonal
    assert areas[0b10000001] == pytest.approx(2 * areas[1])  # opposite corners
    assert areas[0b00001001] == pytest.approx(2 * areas[1])  # opposite corners of a face: separate


def test_turning_the_cube_turns_the_areas() -> None:
    for code in range(256):
        turned = sum(1 << (a + 2 * b + 4 * c) for a, b, c in product((0, 1), repeat=3) if corner(code, (1 - c, a, b)))
        there = surface_areas_mm2((1.0, 2.0, 4.0))[code]
        assert surface_areas_mm2((2.0, 4.0, 1.0))[turned] == pytest.approx(there)
        assert surface_areas_mm2(SPACING)[255 - code] == pytest.approx(surface_areas_mm2(SPACING)[code])


def test_contours_of_4_pixels_by_hand() -> None:
    lengths, cut = contour_lengths_mm((3.0, 4.0)), 2.5
    assert [lengths[code] for code in (0b0000, 0b1111)] == [0, 0]
    assert [lengths[code] for code in (0b0001, 0b1000, 0b1110)] == [cut] * 3
    assert [lengths[code] for code in (0b0011, 0b0101)] == [3.0, 4.0]
    assert [lengths[code] for code in (0b0110, 0b1001)] == [2 * cut] * 2


def test_the_voxel_surface_of_a_block_is_all_but_its_inside() -> None:
    block = cuboid((7, 7, 7), (4, 5, 3))
    elements = surface_elements(block, SPACING, "monai")
    assert len(elements.numbers) == 4 * 5 * 3 - 2 * 3 * 1
    assert set(elements.weights) == {1.0}


def test_the_piecewise_surface_of_a_block_is_its_faces_with_blunt_edges() -> None:
    """Places lie half a voxel outside, 5 x 6 x 4 less the inside; planes on faces, cuts at edges and corners."""
    elements = surface_elements(cuboid((7, 7, 7), (4, 5, 3)), SPACING, "deepmind")
    assert len(elements.numbers) == 5 * 6 * 4 - 3 * 4 * 2
    areas = surface_areas_mm2(SPACING)
    faces = 2 * (4 * 2 * 8.0 + 3 * 2 * 4.0 + 3 * 4 * 2.0)
    edges = 4 * (3 * areas[0b00000011] + 4 * areas[0b00000101] + 2 * areas[0b00010001])
    assert elements.weights.sum() == pytest.approx(faces + edges + 8 * areas[1])


@pytest.mark.parametrize("axis", range(3))
def test_in_a_single_slice_the_axis_across_it_has_no_surface(axis: int) -> None:
    shape, size = [6, 6, 6], [4, 4, 4]
    shape[axis] = size[axis] = 1
    square = cuboid(tuple(shape), tuple(size))
    first, second = np.delete(SPACING, axis)
    assert surface_axes(square.shape) == tuple(other for other in range(3) if other != axis)
    assert len(surface_elements(square, SPACING, "monai").numbers) == 12
    outline = surface_elements(square, SPACING, "deepmind")
    assert len(outline.numbers) == 16
    assert outline.weights.sum() == pytest.approx(2 * 3 * first + 2 * 3 * second + 4 * np.hypot(first, second) / 2)
    assert boundary_band(square, SPACING, 0.0).sum() == 12


def test_a_line_of_voxels_is_a_body_of_three_axes() -> None:
    assert surface_axes((5, 1, 1)) == surface_axes((1, 1, 1)) == (0, 1, 2)
    assert len(surface_elements(cuboid((5, 1, 1), (3, 1, 1)), SPACING, "monai").numbers) == 3


def test_touching_bodies_have_surfaces_of_their_own() -> None:
    values = np.zeros((4, 3, 3), np.uint8)
    values[:2], values[2:] = 1, 2
    for kind in ("monai", "deepmind"):
        elements = surface_elements(instance_components(values), SPACING, kind)
        (one, other) = (elements.weights[elements.numbers == number].sum() for number in (1, 2))
        assert one == pytest.approx(other)
    assert len(surface_elements(instance_components(values), SPACING, "monai").numbers) == 36


def test_an_element_is_stray_if_all_that_makes_it_is() -> None:
    values = np.zeros((6, 3, 3), np.uint8)
    values[1, 1, 1] = values[2, 2, 1] = 1
    voxels = instance_components(values)
    stray = surface_elements(voxels, SPACING, "deepmind", stray=np.array([True, False]))
    assert (stray.stray.sum(), (~stray.stray).sum()) == (8 - 2, 8)
    assert surface_elements(voxels, SPACING, "monai", stray=np.array([True, False])).stray.tolist() == [True, False]


def test_nothing_has_no_surface() -> None:
    nothing = instance_components(np.zeros((3, 3, 3), np.uint8))
    for kind in ("monai", "deepmind"):
        assert len(surface_elements(nothing, SPACING, kind).numbers) == 0
    assert len(joined([]).numbers) == 0


@pytest.mark.parametrize("width", [0.0, 1.0, 2.0, 2.5, 4.0, 9.0])
def test_the_band_equals_a_search_of_every_pair(width: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        voxels = instance_components(rng.choice(3, (9, 8, 5), p=[0.05, 0.6, 0.35]).astype(np.uint8))
        surface, points = voxels.surface(), voxels.voxels_ijk * np.array(SPACING)
        band = [
            bool((np.linalg.norm(points[surface & (voxels.numbers == number)] - point, axis=1) <= width).any())
            for point, number in zip(points, voxels.numbers, strict=True)
        ]
        assert boundary_band(voxels, SPACING, width).tolist() == band


def test_a_slab_needs_the_slices_that_its_band_reaches() -> None:
    assert [slices_needed((1.0, 1.0, 4.0), width) for width in (0.0, 4.0, 8.1)] == [1, 2, 3]
