"""Partial experts: each says only what it knows, where it looks, much as the truth is, and each in its own way."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom import make_anatomy
from AnatomyGuidedLib.phantom.expert_maps import SPECIALITIES, RasBox, partial_experts
from AnatomyGuidedLib.phantom.faults import FAULTS
from made_images import grid, reoriented


@pytest.fixture(scope="module")
def body():
    source = make_anatomy(spacing_mm=6.0, sex="F", seed=1)[0]
    return Labelmap(*reoriented(source.values, source.grid, (1, 2, 0), (True, False, False)))


@pytest.fixture(scope="module")
def experts(body):
    return [expert for seed in range(2) for expert in partial_experts(body, rng=np.random.default_rng(seed), experts=7)]


def _ideal(body, expert):
    """What the expert would say without an error."""
    shown = np.isin(body.values, list(expert.known)) & expert.covers.mask(body.grid)
    return np.where(shown, body.values, 0)


def test_experts_say_only_what_they_know_and_only_where_they_look(body, experts):
    for expert in experts:
        assert expert.labelmap.grid == body.grid
        assert {*np.unique(expert.labelmap.values).tolist()} <= expert.known | {0}
        assert not expert.labelmap.values[~expert.covers.mask(body.grid)].any()
        assert not expert.labelmap.values[body.values == 0].any()


def test_the_first_five_know_all_structures_and_many_are_known_to_several(body):
    known = [expert.known for expert in partial_experts(body, rng=np.random.default_rng(0))]
    assert len(known) == 5
    assert frozenset.union(*known) >= {label.id for label in structures()}
    assert sum(sum(label.id in ids for ids in known) > 1 for label in structures()) > 71
    assert all(len(ids) < 142 for ids in known)


def test_fields_of_view_are_partial_and_leave_out_what_lies_elsewhere(body):
    for seed in range(3):
        found = {e.name: e for e in partial_experts(body, rng=np.random.default_rng(seed), experts=7)}
        shares = {name: expert.covers.mask(body.grid).mean() for name, expert in found.items()}
        assert shares["bones"] == shares["organs"] == shares["body-composition"] == 1.0
        assert max(shares[name] for name in ("head-neck", "thorax", "abdomen-pelvis", "vessels-heart")) < 0.5
        head = found["head-neck"].covers.mask(body.grid)
        assert head[body.values == id_of("Brain")].mean() > 0.9
        assert not head[body.values == id_of("Liver")].any()


def test_experts_are_mostly_right_yet_all_wrong_somewhere(body, experts):
    for expert in experts:
        ideal = _ideal(body, expert)
        either = (ideal > 0) | (expert.labelmap.values > 0)
        right = (ideal == expert.labelmap.values)[either].mean()
        assert 0.7 < right < 1.0, expert.name


def test_experts_disagree_at_borders_they_both_know(body, experts):
    bones, organs = experts[0], experts[1]
    both = np.isin(body.values, list(bones.known & organs.known))
    apart = (bones.labelmap.values != organs.labelmap.values) & both
    assert 0.02 < apart.sum() / both.sum() < 0.5


def test_each_expert_has_a_confusion_of_its_kind(experts):
    kinds = {speciality.name: speciality for speciality in SPECIALITIES}
    for expert in experts:
        assert expert.fault in kinds[expert.name].faults
    assert {fault for kind in SPECIALITIES for fault in kind.faults} <= {*FAULTS}


def test_an_expert_with_nothing_to_confuse_has_no_fault():
    fat = Labelmap(np.full((8, 8, 8), id_of("Fat"), dtype=np.uint8), grid((8, 8, 8)))
    bones, _, _, tissues, _ = partial_experts(fat, rng=np.random.default_rng(0))
    assert (bones.fault, tissues.fault) == ("", "")
    assert not bones.labelmap.values.any()
    assert tissues.labelmap.values.any()
    assert bones.covers.mask(fat.grid).all()


def test_the_same_seed_gives_the_same_experts_and_another_others(body):
    first, again, other = (partial_experts(body, rng=np.random.default_rng(seed), experts=3) for seed in (5, 5, 6))
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.labelmap.values, two.labelmap.values)
        assert (one.covers, one.fault) == (two.covers, two.fault)
    assert not any(np.array_equal(a.labelmap.values, b.labelmap.values) for a, b in zip(first, other, strict=True))


def test_an_expert_is_the_same_whatever_others_are_asked(body):
    one, five = (partial_experts(body, rng=np.random.default_rng(2), experts=count) for count in (1, 5))
    assert np.array_equal(one[0].labelmap.values, five[0].labelmap.values)


def test_experts_are_more_alike_where_a_ct_shows_the_borders(body):
    hu = np.where(np.isin(body.values, [label.id for label in structures() if label.group == "Vertebras"]), 700.0, 40.0)
    ct = Volume(hu.astype(np.float32), body.grid, "HU")
    (blind,), (seeing,) = (
        partial_experts(body, image, rng=np.random.default_rng(1), experts=1) for image in (None, ct)
    )
    vertebrae = np.isin(body.values, [label.id for label in structures() if label.group == "Vertebras"])
    lost = [(expert.labelmap.values[vertebrae] == 0).sum() for expert in (blind, seeing)]
    assert lost[1] < lost[0]


def test_the_input_stays_as_it_is(body):
    before = body.values.copy()
    partial_experts(body, rng=np.random.default_rng(0), experts=2)
    assert np.array_equal(body.values, before)


def test_a_box_holds_the_voxels_between_its_corners():
    turned = grid((7, 6, 5), flips=(-1.0, 1.0, -1.0), rotation_degrees=(10.0, -20.0, 30.0))
    box = RasBox((-20.0, -np.inf, 12.0), (-8.0, 14.0, np.inf))
    mask = box.mask(turned)
    for place in np.ndindex(7, 6, 5):
        ras = turned.ras_from_ijk(place)
        assert mask[place] == all(b <= v <= e for b, v, e in zip(box.low, ras, box.high, strict=True))
    assert mask.any()
    assert not mask.all()


def test_too_many_experts_none_and_a_ct_elsewhere_are_refused(body):
    for count in (0, len(SPECIALITIES) + 1):
        with pytest.raises(AnatomyGuidedError, match="Experts must be 1 to 7"):
            partial_experts(body, rng=np.random.default_rng(0), experts=count)
    elsewhere = Volume(np.zeros((4, 4, 4), np.float32), grid((4, 4, 4)), "HU")
    with pytest.raises(GridMismatch):
        partial_experts(body, elsewhere, rng=np.random.default_rng(0))
