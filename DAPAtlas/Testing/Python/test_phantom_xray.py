"""The chest film of the made body: physics by hand, sides, findings with the right sign, and COCO files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations, groupby

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import id_of, ids_of, ids_where
from AnatomyGuidedLib.phantom import make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.xray import make_xray
from AnatomyGuidedLib.phantom.xray_chest import HEART, LOBES, beam_for, cut_out
from AnatomyGuidedLib.phantom.xray_detector import displayed, exposed
from AnatomyGuidedLib.phantom.xray_files import anatomy_in_coco, instances_in_coco, mask_of, run_lengths, write_xray
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES, add_findings, draw_categories
from AnatomyGuidedLib.phantom.xray_heart import heart_ratio
from AnatomyGuidedLib.phantom.xray_projection import Beam, Lattice, attenuation, line_integrals
from AnatomyGuidedLib.phantom.xray_standing import stand_up
from AnatomyGuidedLib.phantom.xray_vessels import grown
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st
from scipy import ndimage

CHESTX_DET = [
    "Atelectasis", "Calcification", "Cardiomegaly", "Consolidation", "Diffuse Nodule", "Effusion", "Emphysema",
    "Fibrosis", "Fracture", "Mass", "Nodule", "Pleural Thickening", "Pneumothorax",
]  # fmt: skip
DARKER = {"Emphysema", "Pneumothorax"}
SMALL = Beam(0.0, 0.0, 100.0, pixels=65, pixel_mm=1.0)


def scanned(**options):
    body = make_body(**options)
    rng = np.random.default_rng(0)
    return body, make_ct(body, make_lesions(body, count=0, rng=rng), rng=rng)


@pytest.fixture(scope="module")
def man():
    return scanned(spacing_mm=7.0, sex="M", seed=1)


@pytest.fixture(scope="module")
def woman():
    return scanned(spacing_mm=7.0, sex="F", seed=2)


@pytest.fixture(scope="module")
def film(man):
    return make_xray(*man, rng=np.random.default_rng(3), categories=["Mass", "Effusion"])


def standing(body, hu, seed=0):
    chest = cut_out(body, hu)
    stand_up(chest, np.random.default_rng(seed))
    return chest


def middle(mask):
    return np.argwhere(mask).mean(axis=0)


# Physics


def test_a_cube_lets_through_what_beer_and_lambert_say_and_bone_counts_more_than_its_hu():
    hu = np.full((30, 30, 30), -1000.0, dtype=np.float32)
    hu[10:20, 10:20, 10:20] = 0.0
    lattice = Lattice((-29.0, -29.0, -29.0), 2.0)
    through = np.exp(-line_integrals(attenuation(hu), lattice, SMALL))
    assert through[32, 32] == pytest.approx(math.exp(-0.0201 * 20.0), rel=1e-5)
    assert through[2, 2] == 1.0
    hu[10:20, 10:20, 10:20] = 1100.0  # 100 HU of soft tissue and 1000 HU of mineral, which counts 1.25 times
    through = np.exp(-line_integrals(attenuation(hu), lattice, SMALL))
    assert through[32, 32] == pytest.approx(math.exp(-0.0201 * (1.0 + 0.1 + 1.25) * 20.0), rel=1e-5)


def test_what_lies_farther_from_the_detector_is_larger_and_right_lies_left_and_head_lies_up():
    beam = Beam(5.0, -3.0, 50.0, pixels=257, pixel_mm=0.5)
    lattice = Lattice((0.0, -100.0, 0.0), 2.0)
    for a in (0, 60):
        values = np.zeros((21, 70, 21), dtype=np.float32)
        values[20, a, 15] = 1.0  # R 40, S 30
        row, column = np.argwhere(line_integrals(values, lattice, beam) == line_integrals(values, lattice, beam).max())[
            0
        ]
        grown_by = 1800.0 / (1800.0 - (50.0 - (-100.0 + 2 * a)))
        assert column == pytest.approx(128 - 35.0 * grown_by / 0.5, abs=1.0)
        assert row == pytest.approx(128 - 33.0 * grown_by / 0.5, abs=1.0)


def test_line_integrals_are_those_of_rays_followed_one_by_one():
    rng = np.random.default_rng(0)
    values = rng.random((9, 8, 7)).astype(np.float32)
    lattice, beam = Lattice((-20.0, -30.0, -12.0), 5.0), Beam(1.0, 2.0, 20.0, pixels=31, pixel_mm=2.5)
    film = line_integrals(values, lattice, beam)
    for row, column in ((15, 15), (9, 20), (20, 8), (14, 22), (3, 29)):
        detector = np.array([1.0 - (column - 15) * 2.5, 20.0, 2.0 - (row - 15) * 2.5])
        source = np.array([1.0, 20.0 - 1800.0, 2.0])
        total = 0.0
        for j in range(8):
            a = -30.0 + 5.0 * j
            point = source + (detector - source) * (a - source[1]) / 1800.0
            i, k = (point[0] + 20.0) / 5.0, (point[2] + 12.0) / 5.0
            for m in range(9):
                for n in range(7):
                    total += max(0.0, 1 - abs(i - m)) * max(0.0, 1 - abs(k - n)) * float(values[m, j, n])
        length = 5.0 * np.linalg.norm(detector - source) / 1800.0
        assert film[row, column] == pytest.approx(total * length, rel=1e-4, abs=1e-5)


def test_with_spill_the_body_goes_on_above_and_below_the_field_of_view():
    values = np.ones((40, 4, 3), dtype=np.float32)
    lattice = Lattice((-39.0, 0.0, -2.0), 2.0)
    cut = line_integrals(values, lattice, SMALL)
    whole = line_integrals(values, lattice, SMALL, spill=True)
    assert cut[2, 32] == 0.0
    assert whole[2, 32] == pytest.approx(8.0, rel=1e-3)
    assert whole[32, 32] == cut[32, 32] == pytest.approx(8.0, rel=1e-5)


def test_scatter_fills_shadows_and_noise_is_that_of_counted_photons():
    thick = np.full((80, 80), 3.0, dtype=np.float32)
    measured = exposed(thick, 1.0, np.random.default_rng(0))
    assert measured.mean() == pytest.approx(3.0 - math.log(1.35), abs=0.01)
    assert exposed(thick + 3.0, 1.0, np.random.default_rng(0)).std() > 3 * measured.std()


def test_dense_is_light_and_outside_the_open_field_the_film_is_black():
    measured = np.tile(np.linspace(0.0, 5.0, 64, dtype=np.float32), (64, 1))
    open_field = np.ones((64, 64), dtype=bool)
    open_field[:10] = False
    image = displayed(measured, open_field, 1.0)
    assert image.dtype == np.uint8
    assert not image[:10].any()
    assert image[30, 60] > image[30, 32] > image[30, 6]
    assert not displayed(np.zeros((8, 8), np.float32), np.ones((8, 8), bool), 1.0).std()


# Anatomy on the film


@pytest.mark.parametrize("sex", ["M", "F"])
def test_organs_lie_where_a_film_has_them(sex, man, woman):
    film = make_xray(*(man if sex == "M" else woman), rng=np.random.default_rng(0), findings=0)
    seen = film.anatomy
    lungs = np.logical_or.reduce([seen[name] for name in LOBES])
    heart = np.logical_or.reduce([seen[name] for name in HEART if name in seen])
    assert film.image.shape == (512, 512)
    assert film.instances == ()
    assert middle(seen["Lung Lower Lobe Right"])[1] < middle(seen["Vertebra T7"])[1]
    assert middle(seen["Lung Lower Lobe Left"])[1] > middle(seen["Vertebra T7"])[1]
    assert middle(heart)[1] > middle(seen["Vertebra T7"])[1]
    assert middle(seen["Liver"])[1] < 256 < middle(seen["Stomach"])[1]
    assert np.argwhere(lungs)[:, 0].min() < middle(seen["Clavicula Left"])[0]
    rows = [middle(seen[f"Vertebra T{number}"])[0] for number in range(1, 13)]
    assert rows == sorted(rows)
    aside = lungs & ~heart & ~seen["Liver"] & ~seen["Spleen"]
    assert np.median(film.image[aside]) < 0.6 * np.median(film.image[heart])
    assert ("Breast Left" in seen) == (sex == "F")


@pytest.mark.parametrize(("sex", "seed"), [("F", 21), ("M", 6), ("M", 25)])
def test_the_patients_right_is_on_the_images_left_in_every_variant_and_storage(sex, seed):
    body, hu = scanned(spacing_mm=8.0, sex=sex, seed=seed, variants=True)
    film = make_xray(body, hu, rng=np.random.default_rng(0), findings=0)
    for name in ("Lung Lower Lobe", "Scapula", "Costa 6", "Clavicula"):
        assert middle(film.anatomy[f"{name} Right"])[1] < middle(film.anatomy[f"{name} Left"])[1]
    mirrored = body.variants.situs_inversus
    assert mirrored == (seed == 25)
    assert (middle(film.anatomy["Liver"])[1] < middle(film.anatomy["Stomach"])[1]) == (not mirrored)
    assert (middle(film.anatomy["Heart Ventricle Left"])[1] > middle(film.anatomy["Vertebra T8"])[1]) == (not mirrored)


def test_the_standing_heart_is_of_normal_width_and_a_large_one_is_not(man):
    chest = standing(*man)
    assert 0.38 <= heart_ratio(chest) <= 0.52  # 0.42 to 0.48, and a voxel of 7 mm on each side
    add_findings(chest, ["Cardiomegaly"], np.random.default_rng(0))
    assert heart_ratio(chest) > 0.53


def test_the_stomachs_gas_lies_above_its_fluid(man):
    body, hu = man
    chest = standing(body, hu)
    inside = ndimage.binary_erosion(chest.mask(["Stomach"]))
    gas, fluid = inside & (chest.hu < -900), inside & (chest.hu > -900)
    assert gas.any()
    assert np.argwhere(gas)[:, 2].min() > np.argwhere(fluid)[:, 2].max()


def test_arms_hang_or_rise_out_of_the_film_and_the_table_casts_no_shadow(man, woman):
    for body, hu in (man, woman):
        chest = standing(body, hu)
        low, high = chest.boxes["Lung Lower Lobe Right"][2].start, chest.boxes["Lung Lower Lobe Right"][2].stop
        lungs = chest.box_of(LOBES)[0]
        beside = chest.labels[lungs.stop + round(75 / 7) :, :, low : (low + high) // 2]
        assert not beside.any()
        tabled = hu.copy()
        tabled[body.labels == 0] = 500.0
        assert np.array_equal(standing(body, tabled).hu, chest.hu)


def test_vessels_thin_out_from_the_hilum_and_every_branch_hangs_on_an_earlier_one():
    lung = np.ones((20, 20, 20), dtype=bool)
    tree = grown(lung, np.array([10.0, 10.0, 0.0]), 5.0, np.random.default_rng(0))
    assert (tree.parents[1:] < np.arange(1, len(tree.nodes))).all()
    assert (tree.radii_mm[tree.parents[1:]] >= tree.radii_mm[1:] - 1e-9).all()
    assert tree.radii_mm.min() == pytest.approx(0.75)
    assert tree.radii_mm.max() > 5.0


# Findings


def test_the_categories_are_those_of_chestx_det_in_alphabetical_order():
    assert list(CATEGORIES) == CHESTX_DET == sorted(CHESTX_DET)


class Seeds:
    """Makes `make_xray` stand the patient up with seed 0 and draw the findings with another."""

    def __init__(self, findings):
        self.findings = findings

    def integers(self, _high, size):
        return np.array([0, self.findings, 0][:size])


@pytest.mark.parametrize(("number", "category"), [*enumerate(CHESTX_DET)])
def test_each_finding_asked_for_alone_changes_the_film_in_its_mask_and_in_the_right_direction(
    number, category, man, woman
):
    body, hu = (man, woman)[number % 2]
    chest = standing(body, hu)
    beam = beam_for(chest)
    before = line_integrals(attenuation(chest.hu), chest.lattice, beam, spill=True)
    changes = add_findings(chest, [category], np.random.default_rng(number))
    change = line_integrals(attenuation(chest.hu), chest.lattice, beam, spill=True) - before
    film = make_xray(body, hu, rng=Seeds(number), categories=[category])
    assert {c.category for c in changes} == {f.category for f in film.instances} == {category}
    assert {c.host for c in changes} == {f.host for f in film.instances}
    mask = np.logical_or.reduce([f.mask for f in film.instances])
    if category == "Fracture":
        assert change[mask].min() < -0.01 < 0.01 < change[mask].max()
    else:
        assert change[mask].mean() * (-1 if category in DARKER else 1) > 0.004
    assert np.abs(change[mask]).mean() > 3 * np.abs(change[~mask]).mean()


@pytest.mark.parametrize("seed", range(2))
def test_boxes_fit_masks_on_the_film_and_in_the_body(man, seed):
    body, hu = man
    film = make_xray(body, hu, rng=np.random.default_rng(seed), findings=3)
    assert len({finding.category for finding in film.instances}) == 3
    low, high = body.grid.affine[:3, 3], body.grid.affine[:3, 3] + 7.0 * np.array(body.labels.shape)
    for finding in film.instances:
        x, y, width, height = finding.box_xywh
        inside = finding.mask[y : y + height, x : x + width]
        assert inside.sum() == finding.mask.sum() > 0
        assert inside.any(axis=0)[[0, -1]].all()
        assert inside.any(axis=1)[[0, -1]].all()
        assert (np.array(finding.low_ras_mm) >= low - 3.51).all()
        assert (np.array(finding.high_ras_mm) <= high).all()
        assert id_of(finding.host)


def test_an_effusion_lies_at_the_bottom_and_a_pneumothorax_at_the_top_and_side_without_vessels(man):
    body, hu = man
    chest = standing(body, hu)
    fluid, air = add_findings(chest, ["Effusion", "Pneumothorax"], np.random.default_rng(2))
    for change, low in ((fluid, True), (air, False)):
        inside = chest.mask(LOBES, change.box)
        assert (middle(change.where)[2] < middle(inside)[2]) == low
        assert (change.where & ~inside).sum() == 0
    rim = chest.hu[air.box][air.where]
    assert rim.min() == -1000.0
    assert np.quantile(rim, 0.95) < -500.0
    away = np.abs(middle(air.where)[0] + air.box[0].start - chest.spine_i)
    assert away > np.abs(middle(chest.mask(LOBES, air.box))[0] + air.box[0].start - chest.spine_i)


def test_a_mass_is_wider_than_three_centimetres_and_a_nodule_is_not(woman):
    body, hu = woman
    for seed in range(3):
        for category in ("Nodule", "Mass"):
            (change,) = add_findings(standing(body, hu), [category], np.random.default_rng(seed))
            steps = max(np.ptp(np.flatnonzero(change.where.any(axis=a))) for a in ((1, 2), (0, 2), (0, 1)))
            assert 7.0 * steps < 30.0 if category == "Nodule" else 30.0 < 7.0 * (steps + 1) < 85.0


def test_drawn_findings_are_those_that_one_patient_can_have():
    for seed in range(60):
        drawn = draw_categories(None, np.random.default_rng(seed))
        assert 1 <= len({*drawn}) == len(drawn) <= 3
        for pair in combinations(sorted(drawn), 2):
            assert pair not in [("Effusion", "Pneumothorax"), ("Emphysema", "Fibrosis"), ("Diffuse Nodule", "Fibrosis")]
    assert draw_categories(0, np.random.default_rng(0)) == ()
    assert len(draw_categories(99, np.random.default_rng(0))) == 9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(woman):
    first, again, other = (make_xray(*woman, rng=np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.image, again.image)
    assert instances_in_coco(first) == instances_in_coco(again)
    assert anatomy_in_coco(first) == anatomy_in_coco(again)
    assert not np.array_equal(first.image, other.image)


def test_the_body_and_its_hu_stay_as_they_were(man):
    body, hu = man
    labels, values = body.labels.copy(), hu.copy()
    make_xray(body, hu, rng=np.random.default_rng(0), categories=["Cardiomegaly", "Fracture", "Atelectasis"])
    assert np.array_equal(body.labels, labels)
    assert np.array_equal(hu, values)


def test_findings_without_their_host_are_left_out(man):
    body, hu = man
    labels = body.labels.copy()
    labels[np.isin(labels, ids_where(lambda label: label.anatomical_rib is not None))] = id_of("Muscles")
    labels[np.isin(labels, ids_of(["Lung Upper Lobe Left", "Lung Lower Lobe Left"]))] = id_of("Mediastinal Tissue")
    film = make_xray(
        replace(body, labels=labels),
        hu,
        rng=np.random.default_rng(0),
        categories=["Fracture", "Cardiomegaly", "Fibrosis"],
    )
    assert [finding.category for finding in film.instances] == ["Fibrosis"]
    assert film.instances[0].host.endswith("Right")


@pytest.mark.parametrize(("sex", "seed", "lacking"), [("F", 0, "Vertebra T4"), ("F", 1, "Vertebra T10")])
def test_a_body_without_a_thorax_is_refused_and_the_message_says_what_is_missing(sex, seed, lacking):
    body = make_body(spacing_mm=9.0, sex=sex, seed=seed, variants=True)
    hu = np.zeros(body.labels.shape, dtype=np.float32)
    with pytest.raises(AnatomyGuidedError, match=rf"lacks .*{lacking}.*{body.variants.field_of_view}"):
        make_xray(body, hu, rng=np.random.default_rng(0))


def test_bad_requests_are_refused(man):
    body, hu = man
    rng = np.random.default_rng(0)
    with pytest.raises(AnatomyGuidedError, match="0 or more, but came as -1"):
        make_xray(body, hu, rng=rng, findings=-1)
    with pytest.raises(AnatomyGuidedError, match="Broken Heart is no finding"):
        make_xray(body, hu, rng=rng, categories=["Broken Heart"])
    with pytest.raises(AnatomyGuidedError, match="pass what make_ct returned"):
        make_xray(body, hu[1:], rng=rng)


# Files


def test_run_lengths_worked_by_hand():
    mask = np.array([[1, 0, 0], [1, 0, 1]], dtype=bool)
    assert run_lengths(mask) == {"size": [2, 3], "counts": [0, 2, 3, 1]}
    assert run_lengths(np.zeros((2, 3), bool)) == {"size": [2, 3], "counts": [6]}
    assert run_lengths(np.ones((2, 3), bool)) == {"size": [2, 3], "counts": [0, 6]}


@settings(max_examples=60, deadline=None)
@given(numpy_st.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_run_lengths_equal_a_walk_down_the_columns_and_come_back(mask):
    walk = [bool(mask[row, column]) for column in range(mask.shape[1]) for row in range(mask.shape[0])]
    runs = [(value, len(list(group))) for value, group in groupby(walk)]
    expected = ([0] if runs[0][0] else []) + [length for _, length in runs]
    assert run_lengths(mask)["counts"] == expected
    assert np.array_equal(mask_of(run_lengths(mask)), mask)


def test_run_lengths_of_another_size_are_refused():
    with pytest.raises(AnatomyGuidedError, match="6 pixels were expected, but they add up to 5"):
        mask_of({"size": [2, 3], "counts": [5]})


def test_the_files_hold_the_film_its_findings_and_its_anatomy(film, tmp_path):
    import SimpleITK

    write_xray(film, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anatomy.json", "image.png", "instances.json"]
    assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "image.png"))), film.image)
    found = json.loads((tmp_path / "instances.json").read_text(encoding="utf-8"))
    assert [category["name"] for category in found["categories"]] == CHESTX_DET
    assert [row["category_id"] for row in found["annotations"]] == [10, 6]
    for row, finding in zip(found["annotations"], film.instances, strict=True):
        assert np.array_equal(mask_of(row["segmentation"]), finding.mask)
        assert (row["area"], row["iscrowd"], row["image_id"]) == (finding.mask.sum(), 0, found["images"][0]["id"])
        assert tuple(row["bbox"]) == finding.box_xywh
        assert row["host"] == finding.host
    anatomy = json.loads((tmp_path / "anatomy.json").read_text(encoding="utf-8"))
    assert len(anatomy["categories"]) == 142
    for row, (name, mask) in zip(anatomy["annotations"], film.anatomy.items(), strict=True):
        assert row["category_id"] == id_of(name)
        assert np.array_equal(mask_of(row["segmentation"]), mask)


def test_a_film_without_findings_has_no_annotations_but_all_categories(man):
    empty = instances_in_coco(make_xray(*man, rng=np.random.default_rng(0), findings=0))
    assert empty["annotations"] == []
    assert len(empty["categories"]) == 13
