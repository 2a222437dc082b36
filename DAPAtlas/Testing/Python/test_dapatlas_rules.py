"""The anatomical rules on made patients: clean ones stay, faults are named, and mended where they can be."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import read_anatomy, read_labelmap, write_labelmap
from AnatomyGuidedLib.labels import UnknownLabel, id_of, label_by_id, structures
from AnatomyGuidedLib.phantom import make_anatomy
from AnatomyGuidedLib.phantom.faults import NotPossible, inject
from DAPAtlasLib.rules.catalogue import RULES, repair
from DAPAtlasLib.rules.contacts import contacts
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.pieces import in_pieces
from scipy import ndimage

SPACING_MM = 5.0


@pytest.fixture(scope="module")
def whole():
    return make_anatomy(spacing_mm=SPACING_MM, sex="M", seed=2)[0]


def patients(count, start=0):
    for seed in range(start, start + count):
        sex = "FM"[seed % 2]
        yield seed, sex, make_anatomy(spacing_mm=SPACING_MM, sex=sex, seed=seed, variants=True)[0]


def told(result, rule):
    return next(finding for finding in result.findings if finding.rule == rule)


def faulty(name, count, start=0):
    """Faulty patients in every orientation and field of view that allows the fault, and what the rules make of them."""
    found = []
    for seed, sex, anatomy in patients(count, start):
        try:
            injected = inject(name, anatomy, rng=np.random.default_rng(seed))
        except NotPossible:
            continue
        found.append((injected, repair(injected.labelmap, Context(sex))))
    assert len(found) >= 3
    return found


def shares(found):
    """Of all wrong voxels, the share that lost the wrong label and that got the right one back; right ones harmed."""
    wrong = lost = back = harmed = 0
    for injected, result in found:
        bad, now = injected.changed, result.labelmap.values
        wrong += int(bad.sum())
        lost += int((now != injected.labelmap.values)[bad].sum())
        back += int((now == injected.original.values)[bad].sum())
        harmed += int((now != injected.original.values)[~bad].sum())
    return lost / wrong, back / wrong, harmed


def test_clean_patients_of_every_kind_stay_as_they_are_and_rules_applied_twice_change_nothing_more():
    changed = voxels = 0
    for _, sex, anatomy in patients(14):
        first = repair(anatomy, Context(sex))
        changed += int((first.labelmap.values != anatomy.values).sum())
        voxels += int((anatomy.values > 0).sum())
        assert np.array_equal(repair(first.labelmap, Context(sex)).labelmap.values, first.labelmap.values)
    assert changed <= 1e-4 * voxels


@pytest.mark.parametrize("name", ["left-right-swap", "left-right-swap-whole"])
def test_swapped_sides_come_back(name):
    lost, back, harmed = shares(faulty(name, 10))
    assert lost >= 0.99
    assert back >= 0.99
    assert harmed < 100


@pytest.mark.parametrize(
    ("name", "most"),
    [("colon-in-head", 1.0), ("gonads-in-head", 1.0), ("thyroid-in-cheeks", 1.0), ("bronchi-above-lungs", 1.0)],
)
def test_what_networks_confuse_is_told_by_its_place(name, most):
    lost, back, _ = shares(faulty(name, 16))
    assert lost >= 0.99 * most
    assert back >= 0.99 * most


@pytest.mark.parametrize("name", ["bladder-in-abdomen", "other-sex"])
def test_what_is_out_of_place_or_of_the_other_sex_loses_its_label(name):
    assert shares(faulty(name, 12))[0] >= 0.99


def test_vertebrae_are_counted_again_and_the_shift_is_named():
    for injected, result in faulty("vertebrae-shifted", 12):
        finding = told(result, "vertebrae")
        assert finding.faults or finding.status in ("refused", "not evaluable"), injected.details
        if finding.status == "applied":
            assert any("named one level too" in fault for fault in finding.faults)
    told_levels = [pair for pair in faulty("vertebrae-shifted", 12) if told(pair[1], "vertebrae").status == "applied"]
    lost, back, _ = shares(told_levels)
    assert lost >= 0.97
    assert back >= 0.97


@pytest.mark.parametrize("name", ["ribs-merged", "ribs-shifted", "rib-missing", "rib-split"])
def test_ribs_take_the_name_of_their_vertebra_or_what_is_wrong_is_said(name):
    for injected, result in faulty(name, 12):
        assert told(result, "ribs").faults, injected.details


def test_a_missing_rib_is_named():
    for injected, result in faulty("rib-missing", 8):
        if told(result, "vertebrae").status != "refused" and "is not there" in " ".join(told(result, "ribs").faults):
            assert f"{injected.details['missing']} is not there" in told(result, "ribs").faults
            return
    pytest.fail("no rib was missed in view")


def test_one_rule_can_be_undone_alone(whole):
    injected = inject("left-right-swap", whole, rng=np.random.default_rng(1))
    stray = np.array(injected.labelmap.values)
    kidney = np.argwhere(stray == id_of("Liver"))[50]
    stray[tuple(kidney)] = id_of("Brain")
    result = repair(Labelmap(stray, whole.grid), Context("M"))
    assert (result.labelmap.values == whole.values).mean() > 0.9999
    undone = result.without("left-right").labelmap.values
    assert np.array_equal(undone != result.labelmap.values, result.labelmap.values != stray) or (
        (undone[injected.changed] == injected.labelmap.values[injected.changed]).mean() > 0.99
    )
    assert undone[tuple(kidney)] != id_of("Brain")
    with pytest.raises(UsageError):
        result.without("gravity")


def test_a_mirrored_label_map_is_refused_and_not_renamed_throughout(whole):
    mirrored = Labelmap(np.array(whole.values[::-1]), whole.grid)
    finding = told(repair(mirrored, Context("M"), rules=["left-right"]), "left-right")
    assert finding.status == "refused"
    assert "mirrored" in finding.reason


def test_every_orientation_gives_the_same_places(whole):
    injected = inject("left-right-swap", whole, rng=np.random.default_rng(4))
    flipped = np.array(injected.labelmap.values[:, ::-1].transpose(2, 0, 1))
    affine = np.array(whole.grid.affine)
    affine[:3, 3] += affine[:3, 1] * (whole.grid.shape[1] - 1)
    affine[:3, 1] *= -1
    affine[:, :3] = affine[:, [2, 0, 1]]
    other = repair(Labelmap(flipped, Grid(flipped.shape, affine)), Context("M"))
    one = repair(injected.labelmap, Context("M"))
    assert np.array_equal(other.labelmap.values.transpose(1, 2, 0)[:, ::-1], one.labelmap.values)


def test_without_a_known_sex_organs_of_either_stay(whole):
    injected = inject("other-sex", whole, rng=np.random.default_rng(0))
    finding = told(repair(injected.labelmap, Context(), rules=["sex"]), "sex")
    assert finding.status == "not evaluable"
    assert finding.faults == ("organs of both sexes are in view",)


def test_with_one_structure_alone_rules_say_what_they_lack(whole):
    liver = np.where(whole.values == id_of("Liver"), id_of("Liver"), 0).astype(np.uint8)
    result = repair(Labelmap(liver, whole.grid), Context("F"))
    states = {finding.rule: finding.status for finding in result.findings}
    assert states == {
        "left-right": "not evaluable",
        "vertebrae": "not evaluable",
        "ribs": "not evaluable",
        "place": "not evaluable",
        "sex": "nothing to do",
        "single-piece": "nothing to do",
    }
    assert np.array_equal(result.labelmap.values, liver)


@pytest.mark.parametrize("value", [11, 145, 300, 5000])
def test_ids_that_are_no_labels_are_refused(value):
    values = np.zeros((4, 4, 4), np.uint16)
    values[1] = value
    with pytest.raises(UnknownLabel):
        repair(Labelmap(values, Grid((4, 4, 4), np.eye(4))))


def test_an_empty_map_is_refused():
    with pytest.raises(AnatomyGuidedError, match="empty"):
        repair(Labelmap(np.zeros((4, 4, 4), np.uint8), Grid((4, 4, 4), np.eye(4))))


def test_pieces_and_contacts_equal_a_search_of_every_pair():
    rng = np.random.default_rng(0)
    for shape in ((7, 6, 35), (5, 1, 20), (1, 1, 1)):
        labels = rng.choice([0, 13, 14, 25], shape, p=[0.4, 0.3, 0.2, 0.1]).astype(np.uint8)
        labels.flat[0] = 13
        numbers = np.array(in_pieces(Labelmap(labels, Grid(shape, np.eye(4)))).numbers)
        count = int(numbers.max())
        found = contacts(numbers, count)
        faces: dict[tuple[int, int], int] = {}
        for place in np.ndindex(*shape):
            for step in np.ndindex(3, 3, 3):
                other = tuple(p + s - 1 for p, s in zip(place, step, strict=True))
                if all(0 <= o < n for o, n in zip(other, shape, strict=True)) and numbers[place] < numbers[other]:
                    pair = (int(numbers[place]), int(numbers[other]))
                    faces[pair] = faces.get(pair, 0) + (sum(s != 1 for s in step) == 1)
        told_pairs = zip(found.first.tolist(), found.second.tolist(), found.faces.tolist(), strict=True)
        assert {(a, b): n for a, b, n in told_pairs} == faces


def test_a_piece_takes_the_label_that_most_of_its_border_has():
    values = np.full((9, 9, 9), id_of("Liver"), np.uint8)
    values[:, :, 5:] = id_of("Stomach")
    values[4, 4, 3:6] = id_of("Spleen")
    pieces = in_pieces(Labelmap(values, Grid((9, 9, 9), np.eye(4))))
    (spleen,) = pieces.of("Spleen")
    faces = pieces.faces_towards(np.array([spleen]))
    assert (faces[id_of("Liver")], faces[id_of("Stomach")]) == (2 * 4 + 1, 4 + 1)
    assert label_by_id(pieces.surroundings(np.array([spleen]))).name == "Liver"


def test_the_command_writes_the_repaired_map_and_its_findings(whole, run_command, tmp_path):
    injected = inject("left-right-swap", whole, rng=np.random.default_rng(3))
    write_labelmap(injected.labelmap, tmp_path / "in.nii.gz")
    code, out, _ = run_command(
        "rules",
        f"{tmp_path / 'in.nii.gz'}@dap",
        "-o",
        tmp_path / "out.nii.gz",
        "--sex",
        "M",
        "--report",
        tmp_path / "r.json",
    )
    assert code == 0
    assert "left-right" in out
    repaired = read_labelmap(tmp_path / "out.nii.gz").values
    assert (repaired != whole.values).sum() < 0.02 * injected.changed.sum()
    report = json.loads((tmp_path / "r.json").read_text())
    assert [finding["rule"] for finding in report["findings"]] == list(RULES)
    assert report["changed_voxels"] == (repaired != injected.labelmap.values).sum()


def test_strict_writes_nothing_where_a_rule_was_refused(whole, run_command, tmp_path):
    write_labelmap(Labelmap(np.array(whole.values[::-1]), whole.grid), tmp_path / "in.nii.gz")
    words = ("rules", f"{tmp_path / 'in.nii.gz'}@dap", "-o", tmp_path / "out.nii.gz")
    code, _, err = run_command(*words, "--strict")
    assert code == 1
    assert "left-right was refused" in err
    assert not (tmp_path / "out.nii.gz").exists()
    assert run_command(*words)[0] == 0


@pytest.mark.parametrize("words", [("--only", "gravity"), ("--skip", "gravity"), ("--sex", "X")])
def test_wrong_calls_exit_with_2(words, run_command, tmp_path):
    code, _, err = run_command("rules", "in.nii.gz", "-o", tmp_path / "out.nii.gz", *words)
    assert code == 2
    assert err.count("\n") == 1


def test_every_pair_has_an_expected_side():
    assert sum(1 for label in structures() if label.partner and label.side) > 60


def test_on_a_real_abdomen_rules_touch_specks_alone(realdata, run_command, tmp_path):
    organs = realdata / "ct_abdomen_3mm_totalsegmentator.nii.gz"
    code, _, _ = run_command(
        "rules", f"{organs}@totalsegmentator", "-o", tmp_path / "r.nii.gz", "--sex", "M", "--json", tmp_path / "r.json"
    )
    assert code == 0
    report = json.loads((tmp_path / "r.json").read_text())
    moves = [move for finding in report["findings"] for move in finding["moves"]]
    assert sum(move["voxels"] for move in moves) < 50
    assert max(move["voxels"] for move in moves) < 20


def test_a_large_piece_close_by_stays_and_is_named():
    values = np.zeros((20, 10, 10), np.uint8)
    values[1:9, 2:8, 2:8], values[12:17, 2:8, 2:8], values[18, 1, 1] = (id_of("Pancreas"),) * 3
    result = repair(Labelmap(values, Grid(values.shape, np.diag([3.0, 3.0, 3.0, 1.0]))), rules=["single-piece"])
    (finding,) = result.findings
    assert [(move.voxels, label_by_id(move.target).name) for move in finding.moves] == [(1, "Background")]
    assert "Pancreas is in two large pieces close to each other, which stay" in finding.faults


@pytest.mark.parametrize("swallowed", ["L1", "L2", "L3", "L4"])
def test_a_vertebra_that_has_swallowed_its_neighbour_is_parted_in_a_short_spine(realdata, swallowed):
    levels = ["T11", "T12", "L1", "L2", "L3", "L4", "L5"]
    true = read_anatomy(f"{realdata / 'ct_abdomen_3mm_totalsegmentator.nii.gz'}@totalsegmentator")
    shifted = true.values.copy()
    for upper, lower in pairwise(levels[: levels.index(swallowed) + 2]):
        shifted[true.values == id_of(f"Vertebra {upper}")] = id_of(f"Vertebra {lower}")
    result = repair(Labelmap(shifted, true.grid), Context("M"))
    wrong = shifted != true.values
    assert told(result, "vertebrae").status == "applied"
    assert (result.labelmap.values == true.values)[wrong].mean() > 0.9


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_rib_that_touches_its_neighbour_but_no_vertebra_keeps_its_name(side):
    """Coarse models draw ribs so: one falls short of its vertebra, and a few voxels join it to the next."""
    anatomy = make_anatomy(spacing_mm=4.0, sex="F", seed=4)[0]
    rib, next_rib = id_of(f"Costa 6 {side}"), id_of(f"Costa 7 {side}")
    spine = np.isin(anatomy.values, [label.id for label in structures() if label.group == "Vertebras"])
    values = anatomy.values.copy()
    values[ndimage.binary_dilation(spine, iterations=3) & (values == rib)] = id_of("Muscles")
    ones, others = np.argwhere(values == rib), np.argwhere(values == next_rib)
    apart = np.abs(ones[:, None] - others[None]).sum(axis=2)
    one, other = (
        points[place]
        for points, place in zip((ones, others), np.unravel_index(apart.argmin(), apart.shape), strict=True)
    )
    place = one.copy()
    for axis in range(3):
        while place[axis] != other[axis]:
            values[tuple(place)] = rib
            place[axis] += np.sign(other[axis] - place[axis])
    before = values == rib
    after = repair(Labelmap(values, anatomy.grid), Context("F")).labelmap.values
    assert (after[before] == rib).mean() > 0.95
