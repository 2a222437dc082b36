"""Lesions: numbered, apart, inside the body, of the volume that they say, and where the disease puts them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid
from AnatomyGuidedLib.labels import id_of, label_by_name, structures
from AnatomyGuidedLib.phantom import Body, make_body
from AnatomyGuidedLib.phantom.lesion_patterns import PATTERNS, SITES, Spread
from AnatomyGuidedLib.phantom.lesion_shapes import BARRIER, draw_form, grow
from AnatomyGuidedLib.phantom.lesions import make_lesions
from scipy import ndimage

CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


def rng(*seed):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def bodies():
    return [make_body(spacing_mm=8.0, sex="FM"[seed % 2], seed=seed) for seed in range(3)]


@pytest.fixture(scope="module")
def variants():
    return [make_body(spacing_mm=8.0, sex="FM"[seed % 2], seed=seed, variants=True) for seed in range(8)]


def assert_lawful(body, lesions):
    numbers = lesions.numbers
    assert [lesion.number for lesion in lesions.each] == list(range(1, len(lesions.each) + 1))
    assert set(np.unique(numbers).tolist()) - {0} == set(range(1, len(lesions.each) + 1))
    assert not (numbers[body.labels == 0]).any()
    assert not lesions.necrotic[numbers == 0].any()
    parts, count = ndimage.label(numbers > 0, CORNERS)
    assert count == len(lesions.each), "two lesions touch, or one is in pieces"
    for lesion in lesions.each:
        assert len(np.unique(parts[numbers == lesion.number])) == 1


@pytest.mark.parametrize("pattern", PATTERNS)
def test_lesions_are_numbered_in_one_piece_apart_and_inside_the_body(bodies, pattern):
    for seed, body in enumerate(bodies):
        lesions = make_lesions(body, count=30, pattern=pattern, rng=rng(seed))
        assert_lawful(body, lesions)
        assert len(lesions.each) == 30


@pytest.mark.parametrize("pattern", PATTERNS)
def test_lesions_are_lawful_in_cropped_mirrored_and_incomplete_bodies(variants, pattern):
    for seed, body in enumerate(variants):
        lesions = make_lesions(body, count=8, pattern=pattern, rng=rng(seed))
        assert_lawful(body, lesions)
        assert lesions.each, body.variants


def test_stored_lesions_lie_at_the_same_places_as_the_bodys(variants):
    for seed, body in enumerate(variants):
        lesions = make_lesions(body, count=5, rng=rng(seed))
        stored, grid = body.stored(lesions.numbers)
        for number in range(1, len(lesions.each) + 1):
            here = body.grid.ras_from_ijk(np.argwhere(lesions.numbers == number))
            there = grid.ras_from_ijk(np.argwhere(stored == number))
            assert np.allclose(sorted(here.round(3).tolist()), sorted(there.round(3).tolist()), atol=1e-2)


def test_the_same_seed_gives_the_same_lesions_and_another_seed_others(bodies):
    first, again, other = (make_lesions(bodies[0], pattern="lymphoma", rng=rng(seed)) for seed in (5, 5, 6))
    assert first.numbers.tobytes() == again.numbers.tobytes()
    assert first.each == again.each
    assert first.each != other.each


def test_no_lesions_are_made_where_none_are_wanted_or_nothing_can_hold_one(bodies):
    assert not make_lesions(bodies[0], count=0, rng=rng(0)).numbers.any()
    air = Body(np.zeros((9, 9, 9), np.uint8), bodies[0].grid, bodies[0].plan, bodies[0].variants)
    assert make_lesions(air, count=3, rng=rng(0)).each == ()


def test_more_lesions_than_there_is_room_for_come_to_fewer():
    full = block("Liver", 6, 8.0)
    lesions = make_lesions(full, count=200, rng=rng(0))
    assert 1 <= len(lesions.each) < 200
    assert_lawful(full, lesions)


@pytest.mark.parametrize("wrong", [{"pattern": "gout"}, {"count": -1}])
def test_unknown_patterns_and_negative_counts_are_refused(bodies, wrong):
    with pytest.raises(AnatomyGuidedError):
        make_lesions(bodies[0], rng=rng(0), **wrong)


def test_drawn_counts_reach_from_one_to_dozens_with_a_long_tail():
    for pattern in PATTERNS.values():
        counts = [round(pattern.count.draw(rng(seed))) for seed in range(400)]
        assert min(counts) == 1
        assert max(counts) > 12
        assert np.mean(counts) > np.median(counts)


def test_a_spread_has_its_median_in_the_middle_and_keeps_its_limits():
    spread = Spread(10.0, 0.5, 10.0 * math.exp(-1.0), 10.0 * math.exp(1.0))
    values = np.array([spread.draw(source) for source in [rng(1)] for _ in range(2000)])
    assert spread.lowest <= values.min() < values.max() <= spread.highest
    assert np.median(values) == pytest.approx(10.0, rel=0.06)
    # Within two deviations a normal distribution has 68.27 of its 95.45 % within one.
    within_one = (np.abs(np.log(values / 10.0)) < 0.5).mean()
    assert within_one == pytest.approx(0.6827 / 0.9545, abs=0.04)


@pytest.mark.parametrize(("spacing_mm", "diameter_mm"), [(4.0, 2.0), (1.5, 2.0), (8.0, 2.0), (4.0, 9.0), (3.0, 60.0)])
@pytest.mark.parametrize("lobed", [False, True])
def test_a_lesion_with_room_has_the_volume_of_the_ball_of_its_diameter(spacing_mm, diameter_mm, lobed):
    growth = grown(block("Liver", 40, spacing_mm), diameter_mm, lobed=lobed)
    ball_ml = 4.0 / 3.0 * math.pi * (diameter_mm / 2.0) ** 3 / 1000.0
    assert growth.volume_ml == pytest.approx(ball_ml, rel=0.05)
    voxel_ml = spacing_mm**3 / 1000.0
    assert growth.voxels.sum() == max(1, round(growth.volume_ml / voxel_ml))


def test_a_ball_is_round_and_a_lobed_lesion_is_not():
    body = block("Liver", 40, 2.0)
    for lobed, roundest in ((False, 1.3), (True, None)):
        ratios = []
        for seed in range(5):
            voxels = np.argwhere(grown(body, 30.0, lobed=lobed, seed=seed).voxels) * 2.0
            axes = np.sqrt(np.linalg.eigvalsh(np.cov(voxels.T)))
            ratios.append(axes[-1] / axes[0])
        assert np.mean(ratios) > 1.2 if roundest is None else max(ratios) < roundest


def test_a_lesion_stops_at_a_barrier_and_enters_what_yields_less_deep():
    body = block("Liver", 40, 2.0)
    body.labels[:, :, 20:] = id_of("Colon")
    for cost, check in ((BARRIER, lambda deep: deep == 0), (0.5, lambda deep: 0 < deep < 0.35)):
        costs = np.full(256, BARRIER, dtype=np.float32)
        costs[id_of("Liver")], costs[id_of("Colon")] = 0.0, cost
        form = draw_form(24.0, lobed=False, rng=rng(0))
        growth = grow(form, np.array([20.0, 20.0, 19.0]), body.labels, 2.0, costs, necrotic=False)
        beyond = (body.labels[growth.box] == id_of("Colon")) & growth.voxels
        assert check(beyond.sum() / growth.voxels.sum()), cost


def test_a_necrotic_core_lies_inside_a_rim_of_4_mm_or_more():
    growth = grown(block("Liver", 40, 2.0), 40.0, lobed=True, necrotic=True)
    assert growth.core.any()
    surface = ndimage.distance_transform_edt(np.pad(growth.voxels, 1))[1:-1, 1:-1, 1:-1] * 2.0
    assert surface[growth.core].min() > 4.0


def test_lymphoma_lies_along_the_great_vessels(bodies):
    vessels = [label.id for label in structures() if label.group == "Cardiovascular"]
    distances = []
    for seed, body in enumerate(bodies):
        lesions = make_lesions(body, count=40, pattern="lymphoma", rng=rng(seed))
        away_mm = ndimage.distance_transform_edt(~np.isin(body.labels, vessels), sampling=8.0)
        distances.extend(ndimage.minimum(away_mm, lesions.numbers, range(1, len(lesions.each) + 1)))
    assert (np.array(distances) <= 16.0).mean() > 0.6


def test_lung_cancer_begins_in_a_lobe_and_its_other_lung_is_the_other_one(bodies):
    for seed in range(8):
        body = bodies[seed % 3]
        lesions = make_lesions(body, count=15, pattern="lung-cancer", rng=rng(seed))
        primary = lesions.each[0]
        assert primary.host.startswith("Lung")
        for lesion in lesions.each[1:]:
            if lesion.site in ("other lung", "hilar nodes"):
                same = label_by_name(lesion.host).side == label_by_name(primary.host).side
                assert same == (lesion.site == "hilar nodes")


def test_melanoma_reaches_skin_brain_and_bowel_and_lymphoma_none_of_them(bodies):
    sites = {
        pattern: {x.site for seed in range(6) for x in made(bodies[seed % 3], pattern, seed)}
        for pattern in ("melanoma", "lymphoma")
    }
    assert {"subcutis", "brain", "bowel", "lung", "liver", "bone"} <= sites["melanoma"]
    assert not {"subcutis", "brain", "bowel"} & sites["lymphoma"]


def test_organ_lesions_stay_mostly_in_their_organ(bodies):
    for seed in range(6):
        body = bodies[seed % 3]
        lesions = make_lesions(body, count=20, rng=rng(seed))
        for lesion in lesions.each:
            if lesion.site in ("liver", "spleen", "lung"):
                inside = (body.labels[lesions.numbers == lesion.number] == id_of(lesion.host)).mean()
                assert inside > 0.6, lesion


def test_axillary_nodes_lie_beside_the_chest_and_subcutaneous_ones_under_the_skin(bodies):
    for seed in range(6):
        body = bodies[seed % 3]
        lesions = make_lesions(body, count=40, pattern="melanoma", rng=rng(seed))
        away_mm = ndimage.distance_transform_edt(body.labels != id_of("Skin"), sampling=8.0)
        ribs = [label.id for label in structures() if label.name.startswith("Costa")]
        from_ribs_mm = ndimage.distance_transform_edt(~np.isin(body.labels, ribs), sampling=8.0)
        for lesion in lesions.each:
            voxels = lesions.numbers == lesion.number
            if lesion.site == "subcutis":
                assert away_mm[voxels].min() <= 14.0
            if lesion.site == "axillary nodes":
                assert from_ribs_mm[voxels].min() <= 32.0


def test_every_patterns_sites_and_every_sites_structures_exist():
    for pattern in PATTERNS.values():
        assert set(pattern.shares) | ({pattern.first} - {""}) <= set(SITES)
    for site in SITES.values():
        for name in (*site.hosts, *site.through, *site.yielding, *(n for near in site.near for n in near.structures)):
            assert label_by_name(name).id == id_of(name)


def made(body, pattern, seed):
    return make_lesions(body, count=25, pattern=pattern, rng=rng(seed)).each


def block(name, voxels, spacing_mm):
    """A cube of one structure."""
    plan = make_body(spacing_mm=10.0, sex="F", seed=0)
    labels = np.full((voxels, voxels, voxels), id_of(name), dtype=np.uint8)
    grid = Grid(labels.shape, np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0]))
    return Body(labels, grid, plan.plan, plan.variants)


def grown(body, diameter_mm, *, lobed=False, necrotic=False, seed=0):
    costs = np.full(256, BARRIER, dtype=np.float32)
    costs[id_of("Liver")] = 0.0
    form = draw_form(diameter_mm, lobed=lobed, rng=rng(seed))
    middle = np.array([20.3, 19.6, 20.1])
    return grow(form, middle, body.labels, body.spacing_mm, costs, necrotic=necrotic)
