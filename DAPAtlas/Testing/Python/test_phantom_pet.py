"""The made PET: activity is kept by the blur, small lesions fade by their volume, organs hold what patients' do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from AnatomyGuidedLib.labels import id_of, ids_where
from AnatomyGuidedLib.phantom import make_body
from AnatomyGuidedLib.phantom.lesions import Lesion, Lesions, make_lesions
from AnatomyGuidedLib.phantom.pet import PetScan, blurred, draw_scan, make_pet, noisy, with_lesions
from AnatomyGuidedLib.phantom.uptake import draw_uptake
from scipy import ndimage

CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


def rng(*seed):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def cases():
    """Four bodies at 6 mm, with their lesions and PET."""
    made = []
    for seed in range(4):
        body = make_body(spacing_mm=6.0, sex="FM"[seed % 2], seed=seed)
        lesions = make_lesions(body, rng=rng(seed, 1))
        made.append((body, lesions, make_pet(body, lesions, rng=rng(seed, 4))))
    return made


def lesion(number, volume_ml, suv, core_suv=1.0):
    return Lesion(number, "Liver", "liver", 10.0, volume_ml, suv, 50.0, core_suv, 15.0)


def test_the_blur_keeps_total_activity_and_has_the_width_that_it_says():
    suv = np.zeros((41, 41, 41), dtype=np.float32)
    suv[20, 20, 20] = 1000.0
    for fwhm_mm in (4.5, 7.0):
        seen = blurred(suv, fwhm_mm, 1.5).astype(np.float64)
        assert seen.sum() == pytest.approx(1000.0, rel=1e-4)
        offsets_mm = (np.arange(41) - 20) * 1.5
        variance = (seen.sum(axis=(1, 2)) * offsets_mm**2).sum() / seen.sum()
        assert 2.0 * math.sqrt(2.0 * math.log(2.0)) * math.sqrt(variance) == pytest.approx(fwhm_mm, rel=0.03)


def test_the_blur_takes_nothing_away_where_the_field_of_view_cuts_the_body():
    assert np.allclose(blurred(np.full((8, 8, 8), 3.0, np.float32), 6.0, 4.0), 3.0, atol=1e-5)


def test_a_lesion_of_2_mm_adds_its_volume_times_its_suv_and_no_more():
    # A ball of 2 mm has 4.189 ul; in a voxel of 64 ul of SUV 2 it adds 4.189 * (12 - 2) = 41.89 SUV ul.
    suv = np.full((15, 15, 15), 2.0, dtype=np.float32)
    numbers = np.zeros(suv.shape, dtype=np.uint8)
    numbers[7, 7, 7] = 1
    one = Lesions(numbers, numbers == 9, (lesion(1, 0.0041888, 12.0),))
    mixed = with_lesions(suv, one, 4.0)
    assert (mixed.astype(np.float64) - 2.0).sum() * 64.0 == pytest.approx(41.888, rel=1e-3)
    assert (blurred(mixed, 5.0, 4.0).astype(np.float64) - 2.0).sum() * 64.0 == pytest.approx(41.888, rel=1e-2)
    assert blurred(mixed, 5.0, 4.0).max() < 2.7
    assert suv.max() == 2.0, "the input was changed"


def test_a_lesion_that_fills_its_voxels_has_its_own_suv_and_its_core_another():
    suv = np.full((9, 9, 9), 2.0, dtype=np.float32)
    numbers = np.zeros(suv.shape, dtype=np.uint8)
    numbers[2:7, 2:7, 2:7] = 1
    core = np.zeros(suv.shape, dtype=np.bool_)
    core[4, 4, 4] = True
    mixed = with_lesions(suv, Lesions(numbers, core, (lesion(1, 8.0, 10.0, core_suv=0.9),)), 4.0)
    assert mixed[4, 4, 4] == pytest.approx(0.9)
    assert mixed[3, 3, 3] == pytest.approx(10.0)
    assert mixed[0, 0, 0] == 2.0


def test_a_large_lesions_necrotic_core_is_colder_than_its_rim_in_the_image():
    checked = 0
    body = make_body(spacing_mm=6.0, sex="M", seed=1)
    for seed in range(6):
        lesions = make_lesions(body, count=12, rng=rng(seed))
        sharp = blurred(with_lesions(np.ones(body.labels.shape, np.float32), lesions, 6.0), 6.0, 6.0)
        for each in lesions.each:
            core = lesions.necrotic & (lesions.numbers == each.number)
            if core.sum() >= 4:
                rim = (lesions.numbers == each.number) & ~core
                assert sharp[core].mean() < np.median(sharp[rim])
                checked += 1
    assert checked


def test_a_pet_is_never_negative_and_float32_on_the_bodys_grid(cases):
    for body, _, suv in cases:
        assert suv.dtype == np.float32
        assert suv.shape == body.labels.shape
        assert suv.min() >= 0.0
        assert np.isfinite(suv).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(cases):
    body, lesions, suv = cases[0]
    assert make_pet(body, lesions, rng=rng(0, 4)).tobytes() == suv.tobytes()
    assert make_pet(body, lesions, rng=rng(1, 4)).tobytes() != suv.tobytes()


def test_a_cropped_or_incomplete_body_has_a_pet():
    for seed in range(8):
        body = make_body(spacing_mm=8.0, sex="FM"[seed % 2], seed=seed, variants=True)
        suv = make_pet(body, make_lesions(body, count=3, rng=rng(seed)), rng=rng(seed))
        assert 0.0 <= suv.min() < suv.max() < 60.0


def test_organs_in_the_image_hold_what_patients_do(cases):
    for body, lesions, suv in cases:

        def middle(*names, body=body, lesions=lesions, suv=suv):
            inside = np.isin(body.labels, [id_of(name) for name in names]) & (lesions.numbers == 0)
            return float(np.median(suv[inside]))

        assert 1.3 < middle("Liver") < 3.6
        assert middle("Fat") < middle("Muscles") < middle("Liver")
        assert middle("Lung Upper Lobe Left", "Lung Lower Lobe Right") < 1.0
        assert middle("Brain") > 1.5 * middle("Liver")
        assert middle("Bladder") > 2.0
        assert 0.8 < middle("Aorta") < middle("Liver")


def test_uptake_over_many_patients_has_the_published_means_and_rare_findings_are_rare():
    plans = [make_body(spacing_mm=10.0, sex="F", seed=seed).plan for seed in range(6)]
    drawn = [draw_uptake(plans[seed % 6], rng(seed)) for seed in range(600)]
    liver = np.array([uptake.liver for uptake in drawn])
    assert liver.mean() == pytest.approx(2.3, abs=0.25)
    assert 0.25 < liver.std() < 0.5
    grey = np.array([uptake.grey for uptake in drawn])
    assert grey.min() >= 6.0
    assert grey.max() <= 14.0
    assert all(uptake.white < 0.5 * uptake.grey for uptake in drawn)
    hearts = np.array([uptake.table[id_of("Heart Myocardium")] for uptake in drawn])
    assert hearts.min() < 2.0
    assert hearts.max() > 10.0
    bladders = np.array([uptake.table[id_of("Bladder")] for uptake in drawn])
    assert 5.0 <= bladders.min() < 7.0
    assert 30.0 < bladders.max() <= 40.0
    assert 0.01 < np.mean([uptake.brown_fat > 0 for uptake in drawn]) < 0.16
    assert {uptake.bowel for uptake in drawn} == {"quiet", "patchy", "intense"}


def test_both_sides_of_a_pair_have_the_same_uptake():
    uptake = draw_uptake(make_body(spacing_mm=10.0, sex="F", seed=0).plan, rng(0))
    for name in ("Kidney", "Thyroid", "Hip", "Breast", "Gluteus Maximus"):
        assert uptake.table[id_of(f"{name} Left")] == uptake.table[id_of(f"{name} Right")] > 0


def test_noise_is_larger_in_hot_places_and_in_heavy_patients():
    scan = PetScan(6.0, 0.1)
    for level in (1.0, 4.0):
        flat = np.full((60, 60, 60), level, dtype=np.float32)
        seen = noisy(flat, scan, 2.0, 2.0, rng(0))
        # 10 % of the liver's SUV in the liver, and by the root of the activity elsewhere.
        assert seen.std() == pytest.approx(0.1 * math.sqrt(2.0 * level), rel=0.12)
        assert seen.mean() == pytest.approx(level, rel=0.02)
    light, heavy = ([draw_scan(kg, rng(seed)).noise for seed in range(300)] for kg in (55.0, 110.0))
    assert np.mean(heavy) > 1.5 * np.mean(light)


def test_noise_comes_in_grains_larger_than_a_fine_voxel():
    flat = np.full((50, 50, 50), 2.0, dtype=np.float32)
    noise = noisy(flat, PetScan(6.0, 0.1), 2.0, 1.5, rng(0)) - 2.0
    beside = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    far = np.corrcoef(noise[:-12].ravel(), noise[12:].ravel())[0, 1]
    assert beside > 0.6
    assert abs(far) < 0.1


def test_healthy_organs_hide_the_median_lesion_but_do_not_drown_it(cases):
    organs = np.zeros(256, dtype=np.bool_)
    organs[list(ids_where(lambda label: label.group not in ("", "Tissues", "Musculature")))] = True
    shares = []
    for body, lesions, suv in cases:
        heat = np.median(ndimage.mean(suv, lesions.numbers, range(1, len(lesions.each) + 1)))
        healthy = organs[body.labels] & ~ndimage.binary_dilation(lesions.numbers > 0, CORNERS)
        shares.append(float((suv[healthy] > heat).mean()))
    assert 0.005 < np.median(shares) < 0.2, shares
