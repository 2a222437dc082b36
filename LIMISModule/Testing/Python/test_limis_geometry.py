"""Slices, screen directions and boxes: by hand, and the same on every way of storing an image."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import UnknownLabel, id_of
from hypothesis import given
from hypothesis import strategies as st
from LIMISLib.box import Box, box_around
from LIMISLib.box_finder import AtlasBoxFinder, StructureNotFound
from LIMISLib.planes import AXIAL, PLANES, SliceView
from made_images import grid, reoriented

_STORAGES = [
    (order, flips)
    for order in itertools.permutations((0, 1, 2))
    for flips in itertools.product((False, True), repeat=3)
]


def _patient() -> Labelmap:
    """RAS+ and anisotropic: a spleen of 2 x 3 voxels on slice 2, of 4 x 3 on slices 4 and 5, at the patient's left."""
    values = np.zeros((10, 8, 6), dtype=np.uint8)
    values[1:3, 5:8, 1] = id_of("Spleen")
    values[1:5, 5:8, 3:5] = id_of("Spleen")
    values[8, 1, 0] = id_of("Liver")
    return Labelmap(values, grid((10, 8, 6), (2.0, 3.0, 7.0)))


def test_a_pixel_lies_where_the_screen_shows_it_seen_from_the_feet():
    patient = _patient()
    view = SliceView(patient.grid, AXIAL)
    assert (view.count, view.shape, view.pixel_mm) == (6, (8, 10), (3.0, 2.0))
    shown = view.slice_of(patient.values, 1) == id_of("Liver")
    assert np.argwhere(shown).tolist() == [[6, 1]]  # i = 8 of 10 is right, so near the screen's left; j = 1 of 8 is low


def test_slices_count_from_the_lowest_and_the_default_is_the_lowest_of_the_largest_areas():
    finding = AtlasBoxFinder(_patient()).find("Spleen")
    assert finding.slice_number == 4
    assert finding.box == Box(left=5, top=0, right=9, bottom=3)  # i 1..4 is 5..8 from the screen's left
    assert AtlasBoxFinder(_patient()).find("Spleen", 2).box == Box(left=7, top=0, right=9, bottom=3)


@pytest.mark.parametrize(("order", "flips"), _STORAGES)
def test_every_way_to_store_an_image_shows_the_same_slice_and_finds_the_same_box(order, flips):
    patient = _patient()
    stored = Labelmap(*reoriented(patient.values, patient.grid, order, flips))
    one, other = SliceView(patient.grid, AXIAL), SliceView(stored.grid, AXIAL)
    assert (one.count, one.shape, one.pixel_mm) == (other.count, other.shape, other.pixel_mm)
    assert np.array_equal(one.slice_of(patient.values, 4), other.slice_of(stored.values, 4))
    assert AtlasBoxFinder(stored).find("Spleen") == AtlasBoxFinder(patient).find("Spleen")
    assert one.centre_ras(4) == pytest.approx(other.centre_ras(4))
    assert one.pixel_ras(4, 2, 5) == pytest.approx(other.pixel_ras(4, 2, 5))
    assert [one.screen_direction(letter) for letter in "RLAPSI"] == ["left", "right", "up", "down", "", ""]
    assert [other.screen_direction(letter) for letter in "RLAPSI"] == ["left", "right", "up", "down", "", ""]


@pytest.mark.parametrize(("order", "flips"), _STORAGES)
def test_a_mask_comes_back_to_the_voxels_it_was_drawn_on(order, flips):
    patient = _patient()
    stored = Labelmap(*reoriented(patient.values, patient.grid, order, flips))
    view = SliceView(stored.grid, AXIAL)
    mask = view.slice_of(stored.values, 4) == id_of("Spleen")
    filled = view.filled(mask, 4)
    assert np.array_equal(filled, reoriented(_only_slice(patient), patient.grid, order, flips)[0])
    alone = SliceView(view.slice_grid(4), AXIAL)
    first = [np.argwhere(values)[0] for values in (filled, alone.filled(mask, 1))]
    assert np.allclose(stored.grid.ras_from_ijk(first[0]), alone.grid.ras_from_ijk(first[1]))


@pytest.mark.parametrize(("order", "flips"), _STORAGES)
@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_a_pixel_lies_where_the_voxel_does_that_it_shows(order, flips, plane):
    patient = _patient()
    stored = Labelmap(*reoriented(patient.values, patient.grid, order, flips))
    view = SliceView(stored.grid, plane)
    mask = np.zeros(view.shape, np.bool_)
    mask[1, 3] = True
    voxel = np.argwhere(view.filled(mask, 2))[0]
    assert view.pixel_ras(2, 1, 3) == pytest.approx(stored.grid.ras_from_ijk(voxel))


def test_on_an_oblique_grid_slices_follow_the_axis_closest_to_the_head():
    oblique = grid((5, 6, 7), rotation_degrees=(20.0, -15.0, 30.0), flips=(1.0, -1.0, -1.0))
    view = SliceView(oblique, AXIAL)
    assert (view.count, view.shape) == (7, (6, 5))
    assert view.centre_ras(7)[2] > view.centre_ras(1)[2]


def test_a_slice_that_is_not_in_the_image_is_refused():
    view = SliceView(_patient().grid, AXIAL)
    for number in (0, 7):
        with pytest.raises(AnatomyGuidedError, match="axial slices 1 to 6"):
            view.slice_of(_patient().values, number)
        with pytest.raises(AnatomyGuidedError):
            view.filled(np.zeros((8, 10), dtype=bool), number)


def test_a_structure_that_is_not_there_is_named_in_the_message():
    finder = AtlasBoxFinder(_patient())
    with pytest.raises(StructureNotFound, match="no Uterus"):
        finder.find("Uterus")
    with pytest.raises(
        StructureNotFound, match="Slice 3 shows no Spleen; it is on slices 2 to 5, most of it on slice 4"
    ):
        finder.find("Spleen", 3)
    with pytest.raises(UnknownLabel):
        finder.find("Splean")


def test_a_box_without_area_or_outside_the_slice_is_refused():
    with pytest.raises(AnatomyGuidedError, match="at least one pixel"):
        Box(3, 3, 3, 9)
    with pytest.raises(AnatomyGuidedError, match="at least one pixel"):
        Box(0, 0, 5, 5).grown(left=-3, right=-3)
    for outside in (Box(-5, 0, 0, 4), Box(10, 0, 14, 4), Box(0, -9, 4, -1), Box(0, 8, 4, 12)):
        with pytest.raises(AnatomyGuidedError, match="outside the image"):
            outside.pixels((8, 10))
    assert Box(-5, -5, 1, 1).pixels((8, 10)) == (slice(0, 1), slice(0, 1))


@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(0.0, 20))
def test_moving_and_growing_a_box_are_undone_by_their_opposites(columns, rows, grown):
    box = Box(2, 3, 9, 8)
    there = box.moved(columns, rows).grown(left=grown, top=grown, right=grown, bottom=grown)
    back = there.grown(left=-grown, top=-grown, right=-grown, bottom=-grown).moved(-columns, -rows)
    assert [back.left, back.top, back.right, back.bottom] == pytest.approx([2, 3, 9, 8])


@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))
def test_the_box_around_a_rectangle_holds_exactly_its_pixels(top, left, height, width):
    mask = np.zeros((20, 20), dtype=bool)
    mask[top : top + height, left : left + width] = True
    rows, columns = box_around(mask).pixels((20, 20))
    assert mask[rows, columns].all()
    assert mask[rows, columns].sum() == mask.sum()


def _only_slice(patient: Labelmap) -> np.ndarray:
    values = np.zeros(patient.grid.shape, dtype=np.uint8)
    values[:, :, 3] = patient.values[:, :, 3] == id_of("Spleen")
    return values
