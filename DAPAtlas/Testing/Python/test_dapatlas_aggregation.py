"""Partial experts to one map: votes, STAPLE, confusions mended before merging, bones derived, and the doubt left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, ids_where, structures
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from AnatomyGuidedLib.phantom.expert_maps import partial_experts
from AnatomyGuidedLib.phantom.faults import inject
from DAPAtlasLib.aggregate import AGGREGATIONS, aggregate
from DAPAtlasLib.build import build_atlas
from DAPAtlasLib.consensus import consensus
from DAPAtlasLib.derived import derived
from DAPAtlasLib.disagreement import disagreement
from DAPAtlasLib.merge import merge
from DAPAtlasLib.opinions import Opinion, box_around
from DAPAtlasLib.parameters import AtlasParameters
from DAPAtlasLib.remap import remapped
from DAPAtlasLib.rules.catalogue import repair
from DAPAtlasLib.rules.context import Context
from made_images import grid, labelmap, reoriented

UNKNOWN = id_of(UNKNOWN_TISSUE)
LIVER, SPLEEN, FAT, AORTA = (id_of(name) for name in ("Liver", "Spleen", "Fat", "Aorta"))


def line(*values: int) -> Labelmap:
    return labelmap(np.array(values).reshape(-1, 1, 1))


def says(*values: int, knows: tuple[int, ...] = (LIVER, SPLEEN)) -> Opinion:
    return Opinion(f"expert {values}", line(*values), frozenset(knows))


def along(labels: Labelmap) -> list[int]:
    return labels.values[:, 0, 0].tolist()


# What an expert says


def test_the_box_lies_around_all_that_is_named():
    values = np.zeros((4, 5, 6), np.uint8)
    values[1, 2, 3] = values[2, 4, 3] = 7
    assert box_around(values) == (slice(1, 3), slice(2, 5), slice(3, 4))
    assert box_around(values * 0) is None
    assert Opinion("silent", Labelmap(values * 0, grid((4, 5, 6))), frozenset()).box[0] == slice(0, 0)


# Votes


def test_a_majority_of_those_who_know_wins_and_half_is_enough():
    three = [says(LIVER, LIVER, LIVER, FAT), says(LIVER, LIVER, FAT, FAT), says(LIVER, FAT, FAT, FAT)]
    assert along(consensus(three, "majority")) == [LIVER, LIVER, UNKNOWN, UNKNOWN]
    two = [says(LIVER, LIVER, FAT), says(LIVER, FAT, FAT)]
    assert along(consensus(two, "majority")) == [LIVER, LIVER, UNKNOWN]


def test_who_does_not_know_a_structure_or_did_not_look_there_has_no_vote():
    ignorant = [says(FAT, FAT, FAT, FAT, knows=(FAT,)), says(FAT, FAT, FAT, FAT, knows=(FAT,))]
    assert along(consensus([says(LIVER, LIVER, 0, 0), *ignorant], "majority")) == [LIVER, LIVER, FAT, FAT]
    upper, lower = says(LIVER, LIVER, LIVER, 0, 0), says(0, 0, LIVER, LIVER, LIVER)
    assert along(consensus([upper, lower], "majority")) == [LIVER] * 5


def test_structures_are_put_together_coarse_to_fine_and_the_larger_share_wins_at_one_level():
    both = [says(AORTA, LIVER, knows=(AORTA, LIVER)), says(LIVER, LIVER, knows=(LIVER,))]
    assert along(consensus(both, "majority")) == [AORTA, LIVER]
    divided = [says(LIVER), says(SPLEEN), says(SPLEEN), says(LIVER), says(SPLEEN)]
    assert along(consensus(divided, "majority")) == [SPLEEN]


def test_with_full_knowledge_the_majority_is_simpleitks_label_voting():
    rng = np.random.default_rng(3)
    ids = np.array([LIVER, SPLEEN])
    maps = [ids[rng.integers(0, 2, (7, 6, 5))].astype(np.uint8) for _ in range(5)]
    ours = consensus([Opinion(str(n), labelmap(m), frozenset(ids.tolist())) for n, m in enumerate(maps)], "majority")
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.LabelVoting([SimpleITK.GetImageFromArray(values) for values in maps], 0)
    )
    assert np.array_equal(ours.values, theirs)


def test_staple_follows_the_experts_who_are_mostly_right():
    rng = np.random.default_rng(8)
    true = np.zeros((12, 12, 12), bool)
    true[3:9, 3:9, 3:9] = True
    wrong = [true ^ (rng.random(true.shape) < share) for share in (0.02, 0.02, 0.45, 0.45, 0.45)]
    opinions = [
        Opinion(str(n), labelmap(np.where(mask, LIVER, UNKNOWN)), frozenset({LIVER})) for n, mask in enumerate(wrong)
    ]
    errors = {
        method: int(((consensus(opinions, method).values == LIVER) != true).sum()) for method in ("majority", "staple")
    }
    assert errors["staple"] < errors["majority"] / 3
    images = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in wrong]
    box = box_around(np.any(wrong, axis=0))
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE([image[*reversed(box)] for image in images], 1.0)) >= 0.5
    assert np.array_equal(consensus(opinions, "staple").values[box] == LIVER, theirs)


def test_no_opinion_has_no_consensus():
    with pytest.raises(ValueError, match="At least one"):
        consensus([], "majority")


# Doubt


def test_doubt_is_contradicting_opinions_among_all_with_the_neighbours_as_one_more():
    first, second = says(LIVER, LIVER, LIVER, LIVER), says(LIVER, LIVER, SPLEEN, SPLEEN)
    doubt = disagreement([first, second], line(LIVER, LIVER, LIVER, SPLEEN))
    # no neighbour differs: (0 + 1/2) / (2 + 2); contradicted by one, a neighbour of six differs: (1 + 1/2 + 1/6) / 4
    assert doubt.percent[:, 0, 0].tolist() == [12, 12, 42, 42]
    liver, spleen = doubt.structures if doubt.structures[0].label == LIVER else reversed(doubt.structures)
    assert (liver.share, spleen.share) == (5 / 6, 1 / 2)


def test_who_does_not_know_better_does_not_contradict():
    fat = says(FAT, FAT, FAT, knows=(FAT,))
    liver = says(LIVER, LIVER, LIVER)
    doubt = disagreement([fat, liver], line(LIVER, LIVER, LIVER))
    assert doubt.percent[0, 0, 0] == 17  # (0 + 1/2) / (1 + 2): one opinion alone
    assert doubt.structures[0].share is None
    assert doubt.structures[0].row()["agreement"] is None


def test_doubt_is_the_same_however_the_image_is_stored():
    rng = np.random.default_rng(5)
    on = grid((6, 5, 4))
    maps = [rng.choice([0, FAT, LIVER, SPLEEN], on.shape).astype(np.uint8) for _ in range(3)]
    plain = disagreement([Opinion(str(n), labelmap(m, on), frozenset({LIVER, FAT})) for n, m in enumerate(maps)],
                         labelmap(maps[0], on))  # fmt: skip
    turned = [reoriented(m, on, (2, 0, 1), (True, False, True)) for m in maps]
    other = disagreement([Opinion(str(n), Labelmap(m, g), frozenset({LIVER, FAT})) for n, (m, g) in enumerate(turned)],
                         Labelmap(*turned[0]))  # fmt: skip
    assert np.array_equal(other.percent, reoriented(plain.percent, on, (2, 0, 1), (True, False, True))[0])
    assert other.structures == plain.structures


def test_an_expert_on_another_grid_is_refused():
    with pytest.raises(GridMismatch):
        disagreement([says(LIVER)], line(LIVER, LIVER))


# Confusions mended before merging, bones derived


@pytest.fixture(scope="module")
def patient():
    return make_patient(PatientOptions(spacing_mm=4.0, seed=3, sex="M"))


def test_gonads_in_the_head_of_an_expert_without_vertebrae_become_eyeballs(patient):
    organs = ids_where(lambda label: label.group in ("Digestive", "Reproductive", "Endocrine"))
    injected = inject("gonads-in-head", patient.anatomy, rng=np.random.default_rng(1))
    said = np.where(np.isin(injected.labelmap.values, organs), injected.labelmap.values, 0).astype(np.uint8)
    bones = np.where(np.isin(injected.labelmap.values, ids_where(lambda label: label.group == "Vertebras")),
                     injected.labelmap.values, 0).astype(np.uint8)  # fmt: skip
    on = patient.anatomy.grid
    opinions = [
        Opinion("organs", Labelmap(said, on), frozenset(organs)),
        Opinion("bones", Labelmap(bones, on), frozenset()),
    ]
    union = merge([(opinion.expert, opinion.labelmap) for opinion in opinions]).labelmap
    mended, findings = remapped(opinions, union)
    assert findings[0].status == "applied"
    assert {id_of("Eyeball Left"), id_of("Eyeball Right")} <= mended[0].knows
    at_fault = injected.changed & (said > 0)
    assert (mended[0].labelmap.values[at_fault] == injected.original.values[at_fault]).all()
    assert np.array_equal(mended[1].labelmap.values, bones)


@pytest.mark.parametrize("stored", [((0, 1, 2), (False, False, False)), ((1, 2, 0), (True, False, True))])
def test_skull_and_sternum_that_nobody_knows_are_found_in_the_ct(patient, stored):
    true = patient.anatomy.values
    names = ("Skull", "Sternum Corpus")
    without = np.where(np.isin(true, [id_of(name) for name in names]), UNKNOWN, true).astype(np.uint8)
    ct = Volume(*reoriented(patient.ct.values, patient.ct.grid, *stored), "HU")
    named = Labelmap(*reoriented(without, patient.anatomy.grid, *stored))
    opinion = derived(ct, named, frozenset())
    expected = reoriented(true, patient.anatomy.grid, *stored)[0]
    for name in names:
        found, meant = opinion.labelmap.values == id_of(name), expected == id_of(name)
        assert 2 * (found & meant).sum() > 0.9 * (found.sum() + meant.sum())
    assert derived(ct, named, frozenset(id_of(name) for name in names)).knows == frozenset()


def test_nothing_is_derived_without_its_anchor(patient):
    blank = Labelmap(np.ones(patient.ct.grid.shape, np.uint8), patient.ct.grid)
    assert derived(patient.ct, blank, frozenset()).knows == frozenset()


# Five partial experts of one patient


@dataclass(frozen=True)
class Given:
    name: str
    said: Opinion

    def opinion(self, ct: Volume, *_: object) -> Opinion:  # noqa: ARG002 - an expert that has already looked
        return self.said


@pytest.fixture(scope="module")
def experts(patient):
    made = partial_experts(patient.anatomy, patient.ct, rng=np.random.default_rng(3))
    return [Opinion(one.name, one.labelmap, one.known) for one in made]


def mean_dice(labels: Labelmap, true: Labelmap) -> float:
    scores = []
    for structure in structures():
        ours, meant = labels.values == structure.id, true.values == structure.id
        if meant.any():
            scores.append(2 * (ours & meant).sum() / (ours.sum() + meant.sum()))
    return float(np.mean(scores))


@pytest.mark.parametrize("method", AGGREGATIONS)
def test_the_final_map_is_better_than_every_expert_and_doubt_finds_what_is_wrong(patient, experts, method):
    aggregated = aggregate(experts, patient.ct, method=method)
    final = repair(aggregated.merged.labelmap, Context("M")).labelmap
    each = [mean_dice(expert.labelmap, patient.anatomy) for expert in experts]
    assert mean_dice(final, patient.anatomy) > max(0.9, *each)
    doubt = disagreement(aggregated.opinions, final).percent
    body = patient.anatomy.values > 0
    wrong = (final.values != patient.anatomy.values)[body]
    assert area_under_curve(doubt[body], wrong) >= 0.8


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Of two random voxels, one wrong and one right, how often the wrong one has more doubt (ties count half)."""
    right, wrong = (np.bincount(scores[mask], minlength=101).astype(float) for mask in (~positive, positive))
    below = np.concatenate([[0.0], np.cumsum(right)[:-1]])
    return float(((below + right / 2) * wrong).sum() / (right.sum() * wrong.sum()))


def test_the_atlas_reports_agreement_and_what_was_mended(patient, experts):
    parameters = AtlasParameters(sex="M", aggregation="majority")
    result = build_atlas(patient.ct, parameters, experts=[Given(one.expert, one) for one in experts])
    report = result.report()
    assert report["aggregation"] == "majority"
    assert [row["expert"] for row in report["mended_experts"]] == [one.expert for one in experts]
    agreement = {row["name"]: row["agreement"] for row in report["agreement"]}
    assert agreement["Liver"] is None  # one expert alone knows it
    assert 0.5 < agreement["Aorta"] <= 1.0
    assert result.disagreement.volume().values.max() <= 1.0


def test_an_unknown_aggregation_is_refused(patient, experts):
    with pytest.raises(UsageError, match="union, majority, staple"):
        AtlasParameters(aggregation="mean")
    with pytest.raises(UsageError, match="union, majority, staple"):
        aggregate(experts, patient.ct, method="mean")
