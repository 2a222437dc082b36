"""Variants: what is missing is missing, a mirrored body keeps its names, and storage changes no place."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import make_anatomy, make_body
from AnatomyGuidedLib.phantom.tidy import without_strays
from AnatomyGuidedLib.phantom.variants import FIELDS_OF_VIEW, Variants, bent_body, draw, mirrored_body, normal, stored
from scipy import ndimage


@pytest.fixture(scope="module")
def patients():
    return [make_anatomy(spacing_mm=8.0, sex="FM"[seed % 2], seed=seed, variants=True) for seed in range(14)]


def test_what_is_said_to_be_missing_is_not_there(patients):
    for labelmap, description in patients:
        for name in description["variants"]["missing"]:
            assert not (labelmap.values == id_of(name)).any()


def test_fields_of_view_show_their_part_of_the_body(patients):
    shown = {"head and neck": "Brain", "thorax": "Trachea", "abdomen": "Liver", "pelvis": "Bladder"}
    for labelmap, description in patients:
        view = description["variants"]["field_of_view"]
        present = labelmap.values == id_of(shown.get(view, "Brain"))
        assert present.any(), view
        assert (labelmap.values == id_of("Brain")).any() == (view in ("whole body", "head and neck"))


def test_variants_come_in_every_kind():
    drawn = [draw(np.random.default_rng(seed), "F") for seed in range(120)]
    assert {v.rib_pairs for v in drawn} == {11, 12, 13}
    assert {v.field_of_view for v in drawn} == set(FIELDS_OF_VIEW)
    assert {v.situs_inversus for v in drawn} == {True, False}
    assert {name for v in drawn for name in v.missing} >= {"Gallbladder", "Spleen", "Uterus", "Kidney Left"}
    assert not any({"Kidney Left", "Kidney Right"} <= set(v.missing) for v in drawn)


def test_with_eleven_pairs_the_lowest_rib_is_absent():
    assert Variants(rib_pairs=11).absent == {"Costa 1 Left", "Costa 1 Right"}
    assert not normal().absent


def test_a_mirrored_body_has_its_liver_on_the_left_and_its_left_kidney_on_the_left():
    labelmap, _ = make_anatomy(spacing_mm=8.0, sex="M", seed=3)
    values = labelmap.values[::-1, ::-1]
    mirrored = mirrored_body(values)
    for name, on_the_right in (("Liver", False), ("Kidney Left", False), ("Costa 4 Right", True), ("Spleen", True)):
        places = np.argwhere(mirrored == id_of(name))[:, 0]
        assert (places.mean() > mirrored.shape[0] / 2) == on_the_right, name
    assert np.array_equal(mirrored_body(mirrored), values)


def test_no_bend_changes_nothing_and_a_shift_moves_by_voxels():
    body = np.zeros((9, 9, 9), dtype=np.uint8)
    body[4, 4, 4] = 13
    assert np.array_equal(bent_body(body, 2.0, normal()), body)
    moved = bent_body(body, 2.0, Variants(shifted_mm=(4.0, -2.0, 0.0)))
    assert np.argwhere(moved).tolist() == [[6, 3, 4]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True)])
def test_storage_changes_no_voxels_place(order, flips):
    values = np.arange(1, 25, dtype=np.uint8).reshape(2, 3, 4)
    grid = Grid((2, 3, 4), np.array([[2.0, 0, 0, 5], [0, 2.0, 0, -7], [0, 0, 2.0, 11], [0, 0, 0, 1]]))
    other, other_grid = stored(values, grid, Variants(axis_order=order, axis_flips=flips))
    for place in np.ndindex(2, 3, 4):
        found = np.argwhere(other == values[place])[0]
        assert np.allclose(grid.ras_from_ijk(place), other_grid.ras_from_ijk(found))


def test_a_crumb_joins_its_surroundings_but_not_what_the_field_of_view_cuts():
    body = np.full((12, 12, 12), id_of("Fat"), dtype=np.uint8)
    body[1:5, 1:5, 3:8] = id_of("Liver")
    body[8, 8, 5] = id_of("Liver")
    body[10, 10, 0] = id_of("Liver")
    tidied = without_strays(body)
    assert tidied[8, 8, 5] == id_of("Fat")
    assert tidied[10, 10, 0] == id_of("Liver")
    assert (tidied == id_of("Liver")).sum() == 81


def test_a_hiatal_hernia_lies_above_the_diaphragm_and_hangs_together_with_the_stomach():
    seed = next(
        seed
        for seed in range(200)
        if (v := draw(np.random.default_rng([seed, 2]), "F")).hiatal_hernia and v.field_of_view == "whole body"
    )
    tops = []
    for variants in (True, False):
        body = make_body(spacing_mm=5.0, sex="F", seed=seed, variants=variants)
        assert body.variants.hiatal_hernia == variants
        stomach = body.labels == id_of("Stomach")
        assert ndimage.label(stomach, np.ones((3, 3, 3)))[1] == 1
        tops.append(body.grid.ras_from_ijk(np.argwhere(stomach))[:, 2].max())
    assert tops[0] > tops[1] + 15.0
