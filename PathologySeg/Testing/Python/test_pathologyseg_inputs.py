"""CT, PET and anatomy as a network's channels: expected values by hand, grids flipped and oblique."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable, UsageError
from AnatomyGuidedLib.grid import GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of, label_by_name
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from made_images import FLIPS, grid
from PathologySegLib.petct.anatomy_channels import anatomy_channels, channel_named, group_names
from PathologySegLib.petct.fingerprint import Fingerprint, fingerprint_of
from PathologySegLib.petct.inputs import PetCt, channel_names, network_input, on_one_grid
from PathologySegLib.petct.presets import APEX, GRASP, preset_named

GRID = grid((6, 5, 4), (2.0, 3.0, 4.0), flips=(-1, 1, -1), rotation_degrees=(10, -20, 30))
OTHER = grid((4, 4, 5), (3.0, 3.0, 3.0))


def volume(value, unit, on=GRID):
    return Volume(np.full(on.shape, value, np.float32), on, unit)


def study(ct=40.0, pet=5.0, label="Liver"):
    return PetCt(volume(ct, "HU"), volume(pet, "SUV"), Labelmap(np.full(GRID.shape, id_of(label), np.uint8), GRID))


def at_first_voxel(given):
    return given.channels[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("preset", "ct", "pet", "expected"),
    [
        (APEX, 0.0, 5.0, [0.5, 0.25, 0.0]),
        (APEX, -3000.0, 90.0, [0.0, 1.0, 0.0]),
        (GRASP, 500.0, 5.0, [0.5, 0.5]),
        (GRASP, 2000.0, 90.0, [1.5, 5.0]),
    ],
)
def test_presets_scale_by_constants(preset, ct, pet, expected):
    given = network_input(study(ct, pet), preset)
    assert at_first_voxel(given) == pytest.approx(expected)
    assert len(given.names) == len(given.channels) == len(expected)
    assert given.channels.dtype == np.float32


def test_the_absolute_suv_stays_beside_every_preset():
    for preset in (APEX, GRASP, preset_named("benchmark", Fingerprint(40.0, 60.0, 6.0, 4.0))):
        assert (network_input(study(pet=33.0), preset).suv == 33.0).all()


def test_the_benchmark_preset_clips_to_percentiles_of_the_image_and_takes_the_fingerprints_z_score():
    ct = Volume(np.arange(120, dtype=np.float32).reshape(GRID.shape), GRID, "HU")
    given = network_input(PetCt(ct, volume(5.0, "SUV")), preset_named("benchmark", Fingerprint(40.0, 20.0, 1.0, 4.0)))
    # Of 0..119, the median is 59.5 and the 95th percentile 0.95 x 119 = 113.05.
    assert given.channels[0].min() == pytest.approx((59.5 - 40) / 20)
    assert given.channels[0].max() == pytest.approx((113.05 - 40) / 20)
    assert given.channels[0].ravel()[100] == pytest.approx((100 - 40) / 20)
    assert given.channels[1] == pytest.approx(1.0)
    assert (given.channels[2] == 0).all()
    assert given.names == ("CT", "PET", "empty")


def test_a_fingerprint_is_that_of_all_lesion_voxels_together():
    rng = np.random.default_rng(4)
    cases, hu, suv = [], [], []
    for _ in range(3):
        ct = Volume(rng.normal(40, 30, GRID.shape).astype(np.float32), GRID, "HU")
        pet = Volume(rng.uniform(2, 9, GRID.shape).astype(np.float32), GRID, "SUV")
        lesions = Labelmap((rng.random(GRID.shape) < 0.2).astype(np.uint8) * 3, GRID)
        cases.append((ct, pet, lesions))
        hu += ct.values[lesions.values > 0].tolist()
        suv += pet.values[lesions.values > 0].tolist()
    healthy = (cases[0][0], cases[0][1], Labelmap(np.zeros(GRID.shape, np.uint8), GRID))
    found = fingerprint_of([healthy, *cases])
    assert found.ct_mean_hu == pytest.approx(np.mean(hu), rel=1e-9)
    assert found.ct_deviation_hu == pytest.approx(np.std(hu), rel=1e-9)
    assert found.pet_mean_suv == pytest.approx(np.mean(suv), rel=1e-9)
    assert found.pet_deviation_suv == pytest.approx(np.std(suv), rel=1e-9)
    with pytest.raises(NotEvaluable, match="no training case has a lesion"):
        fingerprint_of([healthy])


@pytest.mark.parametrize("numbers", [(0.0, 0.0, 1.0, 1.0), (0.0, 1.0, float("nan"), 1.0)])
def test_a_fingerprint_of_flat_lesions_is_refused(numbers):
    with pytest.raises(AnatomyGuidedError, match="deviations above 0"):
        Fingerprint(*numbers)


def test_anatomy_is_one_scalar_channel_or_one_of_0_and_1_a_group():
    given = network_input(study(label="Liver"), GRASP, anatomy="scalar")
    assert given.names == ("CT", "PET", "anatomy")
    assert at_first_voxel(given)[2] == pytest.approx(13 / 144)
    given = network_input(study(label="Brain"), GRASP, anatomy="groups")
    assert given.names == channel_names(GRASP, "groups")
    assert given.names[2:] == tuple(f"anatomy: {group}" for group in group_names())
    assert at_first_voxel(given)[2:] == [float(group == label_by_name("Brain").group) for group in group_names()]


def test_anatomy_takes_the_place_of_the_empty_channel():
    assert network_input(study(), APEX, anatomy="scalar").names == ("CT", "PET", "anatomy")


def test_every_structure_is_in_exactly_one_group_channel_and_the_rest_in_none():
    ids = np.array([label for label in range(145) if label != 11], np.uint8).reshape(-1, 1, 1)
    assert anatomy_channels(ids, "groups").sum(axis=0).ravel().tolist() == [0.0, 0.0, *[1.0] * 142]


def test_a_finer_study_comes_together_on_either_grid_without_an_suv_below_0():
    rng = np.random.default_rng(0)
    spike = np.zeros(OTHER.shape, np.float32)
    spike[2, 2, 2], spike[1, 1, 1] = 30.0, -0.4
    ct = Volume(rng.normal(0, 100, GRID.shape).astype(np.float32), GRID, "HU")
    anatomy = Labelmap(rng.integers(0, 10, GRID.shape).astype(np.uint8), GRID)
    for onto, expected in (("pet", OTHER), ("ct", GRID)):
        together = on_one_grid(ct, Volume(spike, OTHER, "SUV"), anatomy, onto=onto)
        assert together.grid == together.ct.grid == together.anatomy.grid == expected
        assert together.pet.values.min() == 0.0
        assert set(np.unique(together.anatomy.values)) <= set(range(10))


@pytest.mark.parametrize("flips", FLIPS)
def test_a_third_order_spline_reproduces_a_cubic_on_flipped_grids(flips):
    """Where no border is near, a cubic spline through samples of a cubic polynomial is that polynomial."""
    coarse = grid((24, 24, 24), (4.0, 4.0, 4.0), flips=flips, origin_ras=(-48.0 * flips[0], 0.0, 0.0))
    first = coarse.ras_from_ijk(np.stack(np.meshgrid(*map(np.arange, coarse.shape), indexing="ij"), -1))[..., 0]
    pet = Volume(((first / 40) ** 3 + 3).astype(np.float32), coarse, "SUV")
    middle = coarse.ras_from_ijk((11.3, 11.7, 12.2))
    fine = grid((5, 4, 3), (1.0, 1.0, 1.0), origin_ras=tuple(middle))
    found = on_one_grid(volume(0.0, "HU", fine), pet, onto="ct").pet.values[:, 1, 1]
    assert found == pytest.approx(((middle[0] + np.arange(5)) / 40) ** 3 + 3, rel=1e-4)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(GridMismatch, match="the CT and the PET"):
        PetCt(volume(0.0, "HU"), volume(1.0, "SUV", OTHER))
    with pytest.raises(GridMismatch, match="the anatomy and the PET"):
        PetCt(volume(0.0, "HU"), volume(1.0, "SUV"), Labelmap(np.zeros(OTHER.shape, np.uint8), OTHER))
    with pytest.raises(AnatomyGuidedError, match="The PET must be in SUV, but its unit is HU"):
        PetCt(volume(0.0, "HU"), volume(1.0, "HU"))
    with pytest.raises(AnatomyGuidedError, match="must be 0 or more"):
        PetCt(volume(0.0, "HU"), volume(-1.0, "SUV"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: preset_named("min-max"), "known are apex, grasp, benchmark"),
        (lambda: preset_named("benchmark"), "needs the training set's fingerprint"),
        (lambda: network_input(study(), GRASP, anatomy="mesh"), "one of none, scalar, groups"),
        (lambda: on_one_grid(volume(0, "HU"), volume(1, "SUV"), onto="mri"), "pet or ct was expected"),
        (lambda: channel_named(np.zeros(1, np.uint8), "anatomy: Souls"), "no anatomy channel"),
        (lambda: Normalisation("percentiles"), "run from 0 to 100"),
        (lambda: network_input(PetCt(volume(0, "HU"), volume(1, "SUV")), GRASP, anatomy="scalar"), "has no anatomy"),
    ],
)
def test_wrong_calls_are_told_in_one_sentence(call, words):
    with pytest.raises(UsageError, match=words):
        call()
