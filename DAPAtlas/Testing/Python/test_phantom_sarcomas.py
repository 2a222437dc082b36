"""Sarcomas of soft tissue: of the volume, share of necrosis and SUV that they say, in muscle and fat, never outside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Grid
from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom import Body, make_body
from AnatomyGuidedLib.phantom.lesions import Lesions, make_lesions
from AnatomyGuidedLib.phantom.sarcomas import SHARES, SarcomaSettings, living_suv, make_sarcoma, necrotic_part
from scipy import ndimage

CORNERS = np.ones((3, 3, 3), dtype=np.bool_)
SOFT = [id_of("Fat"), *(label.id for label in structures() if label.group == "Musculature")]


def rng(*seed):
    return np.random.default_rng(seed)


def none_in(body):
    return Lesions(np.zeros(body.labels.shape, np.uint8), np.zeros(body.labels.shape, np.bool_), ())


def lump(size=60, spacing_mm=4.0):
    """A block of muscle, a femur's few voxels in its middle, and air around."""
    like = make_body(spacing_mm=10.0, sex="F", seed=0)
    labels = np.zeros((size,) * 3, dtype=np.uint8)
    labels[2:-2, 2:-2, 2:-2] = id_of("Muscles")
    labels[size // 2, size // 2, 2:-2] = id_of("Femur Left")
    return Body(labels, Grid(labels.shape, np.diag([spacing_mm] * 3 + [1.0])), like.plan, like.variants)


def ball(radius, size):
    offsets = np.arange(size) - size // 2
    return (offsets[:, None, None] ** 2 + offsets[:, None] ** 2 + offsets**2) <= radius**2


@pytest.fixture(scope="module")
def bodies():
    return [make_body(spacing_mm=8.0, sex="FM"[seed % 2], seed=seed, variants=seed > 1) for seed in range(8)]


@pytest.mark.parametrize("volume_ml", [50.0, 300.0, 900.0])
def test_a_sarcoma_with_room_has_the_volume_that_was_asked_for(volume_ml):
    settings = SarcomaSettings(volume_ml=(volume_ml, volume_ml))
    for seed in range(3):
        body = lump()
        found = make_sarcoma(body, none_in(body), settings, rng=rng(seed))
        voxel_ml = 4.0**3 / 1000.0
        assert found.voxels.sum() * voxel_ml == pytest.approx(found.lesion.volume_ml)
        assert 0.8 * volume_ml <= found.lesion.volume_ml <= 1.02 * volume_ml


def test_the_share_of_necrosis_is_what_was_asked_for_and_lies_deep():
    # Of a ball of radius 10 voxels the deepest 30 % by volume lie within 0.3^(1/3) = 0.67 of the radius: 3.3 deep.
    voxels = ball(10, 25)
    for share in (0.0, 0.1, 0.3, 0.6):
        dead = necrotic_part(voxels, 4.0, share, rng(3))
        assert dead.sum() == round(share * voxels.sum())
        assert not (dead & ~voxels).any()
    depth = ndimage.distance_transform_edt(voxels)
    dead = necrotic_part(voxels, 4.0, 0.3, rng(3))
    assert depth[dead].mean() > depth[voxels & ~dead].mean() + 2.0


def test_an_even_sarcoma_has_one_suv_and_a_hot_rim_is_hotter_by_its_exponent():
    voxels = ball(10, 25)
    even = living_suv(voxels, 4.0, 3.0, hot_rim=0.0, unevenness=0.0, grain_mm=20.0, rng=rng(0))
    assert np.unique(even).tolist() == [0.0, 3.0]
    assert (even > 0).tolist() == voxels.tolist()
    rim = living_suv(voxels, 4.0, 3.0, hot_rim=0.8, unevenness=0.0, grain_mm=20.0, rng=rng(0))
    # The middle is one whole depth deep: 3 exp(0.8 (1/2 - 1)) = 2.011; nothing exceeds 3 exp(0.4) = 4.475.
    assert rim[12, 12, 12] == pytest.approx(3.0 * math.exp(-0.4), rel=1e-5)
    assert 4.0 < rim.max() < 3.0 * math.exp(0.4)


def test_suv_stay_between_the_bounds_that_the_settings_tell():
    settings = SarcomaSettings(
        volume_ml=(200.0, 200.0), suv=(3.0, 3.0), necrosis=(0.3, 0.3), necrosis_suv=(0.5, 0.5), hot_rim=(0.4, 0.4),
        unevenness=(0.3, 0.3),
    )  # fmt: skip
    for seed in range(4):
        body = lump()
        found = make_sarcoma(body, none_in(body), settings, rng=rng(seed))
        assert found.necrotic.sum() == round(0.3 * found.voxels.sum())
        assert (found.suv[found.necrotic] == 0.5).all()
        living = found.suv[found.voxels & ~found.necrotic]
        assert 3.0 * math.exp(-0.2 - 0.6) <= living.min() < living.max() <= 3.0 * math.exp(0.2 + 0.6)
        assert living.std() > 0.3


def test_a_sarcoma_is_one_piece_in_muscle_and_fat_and_touches_no_other_lesion(bodies):
    sites = set()
    for seed, body in enumerate(bodies):
        lesions = make_lesions(body, count=6, rng=rng(seed))
        found = make_sarcoma(body, lesions, rng=rng(seed, 1))
        if found is None:
            continue
        sites.add(found.lesion.site)
        every = found.among(lesions)
        own = every.numbers == found.lesion.number
        assert own.sum() == found.voxels.sum()
        assert np.isin(body.labels[own], SOFT).all()
        assert ndimage.label(every.numbers > 0, CORNERS)[1] == len(lesions.each) + 1 == len(every.each)
        assert (every.numbers[~own] == lesions.numbers[~own]).all()
        assert not lesions.necrotic[own].any()
        assert (every.necrotic[own].sum(), lesions.numbers[own].any()) == (found.necrotic.sum(), False)
    assert len(sites) > 1
    assert sites <= set(SHARES)


def test_it_lies_at_the_same_place_in_the_stored_axes_whatever_their_order_and_direction(bodies):
    orders = set()
    for seed, body in enumerate(bodies):
        found = make_sarcoma(body, none_in(body), rng=rng(seed))
        if found is None:
            continue
        numbers = found.among(none_in(body)).numbers
        suv = found.within(np.full(body.labels.shape, 9e3, np.float32))
        (mask, grid), (uptake, _) = body.stored(numbers), body.stored(suv)
        orders.add(np.sign(grid.affine[:3, :3].round(3)).astype(int).tobytes())
        here = np.column_stack([body.grid.ras_from_ijk(np.argwhere(numbers)), suv[numbers > 0]])
        there = np.column_stack([grid.ras_from_ijk(np.argwhere(mask)), uptake[mask > 0]])
        assert np.allclose(sorted(here.round(3).tolist()), sorted(there.round(3).tolist()), atol=1e-2)
        assert ((uptake == 9e3) == (mask == 0)).all()
    assert len(orders) > 2


def test_the_same_draw_is_the_same_sarcoma_and_the_uptake_that_came_is_not_changed(bodies):
    first, again, other = (make_sarcoma(bodies[0], none_in(bodies[0]), rng=rng(seed)) for seed in (5, 5, 6))
    assert first.suv.tobytes() == again.suv.tobytes()
    assert first.lesion != other.lesion
    suv = np.ones(bodies[0].labels.shape, np.float32)
    assert first.within(suv).max() > 1.0
    assert suv.max() == 1.0


def test_a_body_of_air_has_no_room_for_one(bodies):
    like = bodies[0]
    air = Body(np.zeros_like(like.labels), like.grid, like.plan, like.variants)
    assert make_sarcoma(air, none_in(air), rng=rng(0)) is None


@pytest.mark.parametrize(
    "wrong",
    [{"volume_ml": (0.0, 5.0)}, {"suv": (5.0, 2.0)}, {"necrosis": (0.5, 1.0)}, {"unevenness": (-0.1, 0.2)},
     {"hot_rim": (0.1,)}],
)  # fmt: skip
def test_ranges_that_nothing_can_be_drawn_from_are_refused(wrong):
    with pytest.raises(UsageError):
        SarcomaSettings(**wrong)
