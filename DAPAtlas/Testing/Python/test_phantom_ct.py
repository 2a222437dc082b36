"""The made CT: tissues measure what is published, scanners do what scanners do, and what is random stays in bounds."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import PatientOptions, make_body, make_images, stored_patient
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.hounsfield import FAT_HU, GAS_HU
from AnatomyGuidedLib.phantom.interiors_of_bones import trabecular_hu
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.randomised import make_randomised_ct
from AnatomyGuidedLib.phantom.scan import PHASES, Scan, draw_scan
from AnatomyGuidedLib.phantom.texture import sheets, smooth_noise, threads
from scipy import ndimage

QUIET = {"noise_hu": 0.0, "breathing_mm": 0.0}


@pytest.fixture(scope="module")
def body():
    return make_body(spacing_mm=4.0, sex="M", seed=5)


@pytest.fixture(scope="module")
def lesions(body):
    return make_lesions(body, count=0, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def scanned(body, lesions):
    return {phase: scan(body, lesions, Scan(phase, **QUIET)) for phase in PHASES}


def scan(body, lesions, how, seed=1):
    return make_ct(body, lesions, how, rng=np.random.default_rng(seed))


def inside(body, name, layers=1):
    """The structure without its outermost voxels, which share their HU with neighbours."""
    return ndimage.binary_erosion(body.labels == id_of(name), iterations=layers)


def test_values_are_whole_hu_that_a_ct_file_can_hold(scanned):
    for hu in scanned.values():
        assert hu.dtype == np.float32
        assert hu.min() >= -1024
        assert hu.max() <= 3071
        assert np.array_equal(hu, np.rint(hu))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("Liver", 45, 65),
        ("Spleen", 35, 55),
        ("Fat", -110, -70),
        ("Bladder", -5, 15),
        ("Lung Upper Lobe Left", -910, -800),
    ],
)
def test_without_contrast_organs_measure_what_textbooks_say(body, scanned, name, low, high):
    assert low <= np.median(scanned["native"][inside(body, name, 2)]) <= high


def test_contrast_comes_by_the_arteries_goes_on_to_the_liver_and_leaves_by_the_kidneys(body, scanned):
    def median(name, phase):
        return np.median(scanned[phase][inside(body, name)])

    assert median("Aorta", "arterial") > median("Aorta", "portal-venous") + 80 > median("Aorta", "native") + 150
    assert median("Liver", "portal-venous") > median("Liver", "arterial") + 20
    urine = inside(body, "Bladder")
    assert scanned["delayed"][urine].max() > 200 > scanned["portal-venous"][urine].max() + 100
    assert abs(median("Fat", "arterial") - median("Fat", "native")) < 5


def test_trabecular_bone_loses_two_and_a_half_hu_a_year():
    assert trabecular_hu(30.0) == 226.0
    assert trabecular_hu(60.0) == 226.0 - 75.0
    assert trabecular_hu(95.0) == trabecular_hu(90.0) == 226.0 - 150.0


def test_long_bones_have_a_dense_cortex_around_fatty_marrow():
    fine = make_body(spacing_mm=2.5, sex="M", seed=5)
    hu = make_ct(
        fine, make_lesions(fine, count=0, rng=np.random.default_rng(0)), Scan(**QUIET), rng=np.random.default_rng(1)
    )
    femur = fine.labels == id_of("Femur Left")
    low = np.flatnonzero(femur.any(axis=(0, 1)))[0]
    section = femur[:, :, low + 4]
    deep = ndimage.distance_transform_edt(section)
    values = hu[:, :, low + 4]
    assert np.median(values[section & (deep >= deep.max() - 0.5)]) < 150
    assert np.median(values[section & (deep == 1)]) > 500


def test_gas_in_the_stomach_lies_before_its_fluid(body, scanned):
    stomach = inside(body, "Stomach")
    a = np.broadcast_to(np.arange(body.labels.shape[1]).reshape(1, -1, 1), body.labels.shape)
    gas = stomach & (scanned["native"] < GAS_HU / 2)
    fluid = stomach & (scanned["native"] > -50)
    assert gas.any()
    assert fluid.any()
    assert np.quantile(a[gas], 0.1) > np.median(a[fluid])


def test_the_table_lies_behind_the_back_and_touches_no_tissue(body, scanned):
    air = ndimage.binary_erosion(body.labels == 0)
    first = np.flatnonzero((body.labels > 0).any(axis=(0, 2)))[0]
    behind, before = scanned["native"][:, :first], scanned["native"][:, first:][air[:, first:]]
    assert behind.max() > -700
    front = body.labels.shape[1] - 4
    assert scanned["native"][:, front:][air[:, front:]].max() < -950
    assert np.median(before) < -940


def test_breathing_moves_slices_around_the_diaphragm_alone(body, lesions, scanned):
    moved = scan(body, lesions, Scan("native", noise_hu=0.0, breathing_mm=6.0))
    differs = np.abs(moved - scanned["native"]).max(axis=(0, 1)) > 20
    s_mm = (body.grid.affine[2, 3] + body.spacing_mm * np.flatnonzero(differs)) / body.plan.scale[2]
    assert s_mm.min() > 60.0
    assert s_mm.max() < 440.0
    dome = (250.0 * body.plan.scale[2] - body.grid.affine[2, 3]) / body.spacing_mm
    assert differs[int(dome) - 10 : int(dome) + 10].any()


def test_noise_is_near_what_the_scan_says_grows_with_the_body_and_has_a_grain(body, lesions, scanned):
    noisy = scan(body, lesions, Scan("native", noise_hu=10.0, breathing_mm=0.0)) - scanned["native"]
    assert 4.0 < noisy[inside(body, "Liver")].std() < 25.0
    solid = ndimage.binary_erosion(body.labels > 0, iterations=2)
    water_mm = ((scanned["native"] + 1000) / 1000).sum(axis=0).max(axis=0) * body.spacing_mm  # along R, at its longest
    slices = np.argsort(water_mm)
    slices = slices[solid.sum(axis=(0, 1))[slices] > 200]
    spread = np.array([noisy[:, :, k][solid[:, :, k]].std() for k in slices])
    assert np.median(spread[-40:]) > 1.1 * np.median(spread[:40])
    liver = inside(body, "Liver")[:-1]
    assert 0.1 < np.corrcoef(noisy[:-1][liver], noisy[1:][liver])[0, 1] < 0.9


def test_a_sharp_kernel_raises_edges_and_noise(body, lesions):
    soft, sharp = (scan(body, lesions, Scan("native", kernel=kernel, breathing_mm=0.0)) for kernel in ("soft", "sharp"))
    brain = inside(body, "Brain", 2)
    assert sharp[brain].std() > 1.2 * soft[brain].std()


def test_a_hip_of_metal_streaks_its_own_slices_and_no_others(body, lesions, scanned):
    hip = scan(body, lesions, Scan("native", implants=("hip-left",), **QUIET))
    femur = body.labels == id_of("Femur Left")
    assert np.quantile(hip[femur], 0.98) == 3071
    changed = np.abs(hip - scanned["native"]).max(axis=(0, 1)) > 30
    joint = np.flatnonzero(femur.any(axis=(0, 1)))
    assert changed[joint[-1] - 8]
    assert not changed[joint[-1] + 8 :].any()
    pelvis = (body.labels > 0) & ~femur
    pelvis[:, :, ~changed] = False
    assert (hip - scanned["native"])[pelvis].std() > 30


def test_metal_is_drawn_only_where_what_is_abnormal_is_asked_for(body):
    normal, abnormal = (
        [draw_scan(body.plan, np.random.default_rng(seed), abnormal=wanted).implants for seed in range(80)]
        for wanted in (False, True)
    )
    assert not any(normal)
    assert {name for implants in abnormal for name in implants} == {"teeth", "hip-left", "hip-right"}
    assert {draw_scan(body.plan, np.random.default_rng(seed)).phase for seed in range(80)} == set(PHASES)


def test_an_unknown_phase_is_refused(body):
    with pytest.raises(AnatomyGuidedError, match="native, arterial, portal-venous, delayed"):
        draw_scan(body.plan, np.random.default_rng(0), phase="late")


def test_randomised_contrast_separates_structures_differently_each_time(body, lesions):
    medians = []
    for seed in range(3):
        hu = make_randomised_ct(body, lesions, rng=np.random.default_rng(seed))
        assert hu.min() >= -1024
        assert hu.max() <= 3071
        medians.append(
            [np.median(hu[inside(body, name)]) for name in ("Liver", "Spleen", "Brain", "Gluteus Maximus Left")]
        )
    assert np.ptp(medians, axis=0).min() > 20


def test_randomisation_of_strength_0_is_near_a_plain_scan_and_others_are_refused(body, lesions):
    hu = make_randomised_ct(body, lesions, strength=0.0, rng=np.random.default_rng(4))
    assert abs(np.median(hu[inside(body, "Fat", 2)]) - FAT_HU) < 15
    for wrong in (-0.1, 1.5):
        with pytest.raises(AnatomyGuidedError, match="0 to 1"):
            make_randomised_ct(body, lesions, strength=wrong, rng=np.random.default_rng(4))


def test_the_same_options_give_the_same_images_in_any_storage():
    options = PatientOptions(spacing_mm=8.0, seed=3, lesions=2, variants=True)
    images, again = make_images(options), make_images(options)
    for name in ("hu", "suv"):
        assert np.array_equal(getattr(images, name), getattr(again, name))
    patient = stored_patient(images)
    for label_id in np.unique(images.body.labels)[1:]:
        own = images.hu[images.body.labels == label_id]
        stored = patient.ct.values[patient.anatomy.values == label_id]
        assert np.array_equal(np.sort(own), np.sort(stored))


def test_noise_changes_over_its_scale_and_threads_are_as_thin_as_they_are_asked_to_be():
    rng = np.random.default_rng(0)
    noise = smooth_noise((64, 64, 64), 1.0, 8.0, rng)
    near, far = (np.corrcoef(noise[:-d].ravel(), noise[d:].ravel())[0, 1] for d in (1, 16))
    assert near > 0.9 > 0.2 > abs(far)
    for make in (threads, sheets):
        thin, thick = ((make((64, 64, 64), 1.0, 16.0, radius, rng) > 0).mean() for radius in (1.0, 2.0))
        assert 0 < thin < thick < 0.4
