"""Named faults: each is what it says, counted on the voxels; in every storage; and refused where it cannot be."""

from __future__ import annotations

import json

import numpy as np
import pytest
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import UnknownLabel, id_of, ids_where, label_by_id, label_by_name, structures
from AnatomyGuidedLib.phantom import make_anatomy
from AnatomyGuidedLib.phantom.fault_borders import traded, within_body
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, NotPossible, storage_of
from AnatomyGuidedLib.phantom.fault_growth import SmoothNoise, grown_in, slabs
from AnatomyGuidedLib.phantom.fault_series import VERTEBRAE, ribs
from AnatomyGuidedLib.phantom.faults import FAULTS, described, inject
from made_images import grid, reoriented
from scipy import ndimage
from scipy.spatial.transform import Rotation

_SEEDS = range(5)
_SIDES = ("left", "right")
_LOBES = [label.name for label in structures() if label.name.startswith("Lung ")]


@pytest.fixture(scope="module")
def bodies():
    return {sex: make_anatomy(spacing_mm=6.0, sex=sex, seed=seed)[0] for sex, seed in (("F", 1), ("M", 2))}


@pytest.fixture(scope="module")
def cases(bodies):
    """Every fault with several seeds, half of them in a body stored another way."""
    other = Labelmap(*reoriented(bodies["M"].values, bodies["M"].grid, (2, 0, 1), (True, False, True)))
    return {
        name: [inject(name, (bodies["F"], other)[seed % 2], rng=np.random.default_rng(seed)) for seed in _SEEDS]
        for name in FAULTS
    }


def _pairs(injected):
    """True and wrong names of the changed voxels, each pair once."""
    old, new = injected.original.values[injected.changed], injected.labelmap.values[injected.changed]
    pairs = np.unique(np.stack([old, new]), axis=1).T.tolist()
    return [(label_by_id(old).name, label_by_id(new).name) for old, new in pairs]


def _now(injected, name):
    """What the voxels of a structure are called now, and how many by each name."""
    found = np.unique(injected.labelmap.values[injected.original.values == id_of(name)], return_counts=True)
    return {label_by_id(int(label)).name: int(count) for label, count in zip(*found, strict=True)}


def _pieces(mask):
    return ndimage.label(mask, np.ones((3, 3, 3)))[1]


def _heights(injected, mask):
    return injected.original.grid.ras_from_ijk(np.argwhere(mask))[:, 2]


def _holds(labelmap, name):
    return bool((labelmap.values == id_of(name)).any())


@pytest.mark.parametrize("name", FAULTS)
def test_changed_is_where_labels_differ_and_no_label_is_unknown(cases, name):
    known = {label.id for label in structures()} | {0, id_of("Unknown Tissue")}
    for injected in cases[name]:
        assert injected.fault == name
        assert injected.labelmap.grid == injected.original.grid
        assert np.array_equal(injected.changed, injected.labelmap.values != injected.original.values)
        assert injected.changed.any() or name == "cropped"
        assert {*np.unique(injected.labelmap.values).tolist()} <= known


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_the_same_however_the_body_is_stored(bodies, name):
    here = inject(name, bodies["F"], rng=np.random.default_rng(7))
    for order, flips in (((2, 1, 0), (True, True, False)), ((1, 2, 0), (False, True, True))):
        there = inject(
            name,
            Labelmap(*reoriented(bodies["F"].values, bodies["F"].grid, order, flips)),
            rng=np.random.default_rng(7),
        )
        expected, expected_grid = reoriented(here.labelmap.values, here.labelmap.grid, order, flips)
        assert np.array_equal(there.labelmap.values, expected)
        assert np.allclose(there.labelmap.grid.affine, expected_grid.affine)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_possible_on_a_turned_grid_and_leaves_its_input_alone(bodies, name):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (12, -9, 15), degrees=True).as_matrix() @ np.diag([-6.0, 6.0, 6.0])
    values = bodies["F"].values[:, ::-1].copy()
    before = values.copy()
    injected = inject(name, Labelmap(values, Grid(values.shape, affine)), rng=np.random.default_rng(1))
    assert np.array_equal(values, before)
    if name != "cropped":
        assert np.array_equal(injected.original.values, before)
        assert np.array_equal(injected.labelmap.grid.affine, affine)


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_seed_makes_the_same_fault_and_other_seeds_others(bodies, name):
    made = [inject(name, bodies["M"], rng=np.random.default_rng(seed)).labelmap.values for seed in (0, 0, 1, 2, 3)]
    assert np.array_equal(made[0], made[1])
    assert any(not np.array_equal(made[0], other) for other in made[2:])


def test_swapped_voxels_carry_the_partners_name_in_one_patch_a_structure(cases):
    for injected in cases["left-right-swap"]:
        pairs = _pairs(injected)
        groups = {label_by_name(old).group for old, _ in pairs}
        assert {"Ribs", "Bones", "Respiratory", "Musculature"} < groups
        for old, new in pairs:
            assert label_by_name(old).partner == id_of(new)
            assert _pieces(injected.changed & (injected.original.values == id_of(old))) == 1
            assert _now(injected, old)[new] <= 0.45 * sum(_now(injected, old).values()) + 1


def test_a_structure_swapped_as_a_whole_has_the_partners_name_everywhere(cases):
    for injected in cases["left-right-swap-whole"]:
        renamed = _pairs(injected)
        assert 1 <= len({frozenset(pair) for pair in renamed}) <= 3
        for old, new in renamed:
            assert label_by_name(old).partner == id_of(new)
            assert [*_now(injected, old)] == [new]


def _steps(injected, series):
    """By how many places each structure of a series that is there has moved in it; it carries one name."""
    steps = []
    for place, name in enumerate(series):
        if _holds(injected.original, name):
            (now,) = _now(injected, name)
            steps.append(series.index(now) - place)
    return steps


def _shifted_from_one_end(steps):
    """Whether all from some place to one end have moved by the same one step (the outermost may have nowhere to go)."""
    moved = np.flatnonzero(steps)
    inner = np.diff(moved).max(initial=1) == 1 and abs(sum(steps)) == len(moved)
    return bool(inner and (moved[0] <= 1 or moved[-1] >= len(steps) - 2))


def test_shifted_vertebrae_are_one_level_off_from_a_level_on_and_stay_in_order(cases):
    for injected in cases["vertebrae-shifted"]:
        assert _shifted_from_one_end(_steps(injected, VERTEBRAE))
        heights = [_heights(injected, injected.original.values == id_of(name)).mean() for name in VERTEBRAE]
        names = [VERTEBRAE.index(next(iter(_now(injected, name)))) for name in VERTEBRAE]
        assert heights == sorted(heights, reverse=True)
        assert names == sorted(names)
        assert {label_by_name(old).group for old, _ in _pairs(injected)} == {"Vertebras"}


def test_shifted_ribs_are_one_off_from_one_on_and_keep_their_side(cases):
    for injected in cases["ribs-shifted"]:
        steps = {side: _steps(injected, ribs(side)) for side in _SIDES}
        assert any(map(any, steps.values()))
        assert all(_shifted_from_one_end(moved) for moved in steps.values() if any(moved))
        assert {label_by_name(old).group for old, _ in _pairs(injected)} == {"Ribs"}


def test_a_fragment_of_a_vertebra_is_one_piece_with_the_neighbours_name(cases):
    for injected in cases["vertebra-fragment"]:
        pairs = _pairs(injected)
        assert 1 <= len(pairs) <= 3
        for old, new in pairs:
            assert abs(VERTEBRAE.index(old) - VERTEBRAE.index(new)) == 1
            assert _pieces(injected.changed & (injected.original.values == id_of(old))) == 1
            assert _now(injected, old)[new] <= 0.4 * sum(_now(injected, old).values()) + 1


def test_merged_ribs_are_two_neighbours_with_one_name(cases):
    for injected in cases["ribs-merged"]:
        ((old, new),) = _pairs(injected)
        series = next(ribs(side) for side in _SIDES if old in ribs(side))
        assert abs(series.index(old) - series.index(new)) == 1
        assert not _holds(injected.labelmap, old)
        both = np.isin(injected.original.values, [id_of(old), id_of(new)])
        assert np.array_equal(injected.labelmap.values == id_of(new), both)


def test_a_split_rib_carries_two_names_and_the_others_theirs(cases):
    for injected in cases["rib-split"]:
        ((old, new),) = _pairs(injected)
        series = next(ribs(side) for side in _SIDES if old in ribs(side))
        assert abs(series.index(old) - series.index(new)) == 1
        now = _now(injected, old)
        assert {*now} == {old, new}
        assert min(now.values()) >= 0.2 * sum(now.values())
        assert _pieces(injected.changed) == 1
        assert _pieces(injected.labelmap.values == id_of(old)) == 1


def test_a_missing_rib_is_soft_tissue_and_those_above_are_one_too_low(cases):
    bony = ids_where(lambda label: label.group in ("Ribs", "Bones", "Vertebras"))
    for injected in cases["rib-missing"]:
        lost = [old for old, new in _pairs(injected) if id_of(new) not in bony]
        missing = lost[0]
        assert {*lost} == {missing}
        assert id_of("Background") not in injected.labelmap.values[injected.original.values == id_of(missing)]
        for side in _SIDES:
            series = ribs(side)
            for place, rib in enumerate(series):
                too_low = missing in series and place < series.index(missing)
                if rib != missing and _holds(injected.original, rib):
                    assert [*_now(injected, rib)] == [series[place + 1] if too_low else rib]


def test_satellites_are_new_components_of_what_occurs_once(cases):
    for injected in cases["satellites"]:
        names = [piece["structure"] for piece in injected.details["pieces"]]
        assert 1 <= len(names) <= 10
        assert {new for _, new in _pairs(injected)} == {*names}
        for name in {*names}:
            assert label_by_name(name).once
            before, after = (_pieces(m.values == id_of(name)) for m in (injected.original, injected.labelmap))
            assert after == before + names.count(name)
        assert injected.changed.sum() == sum(piece["voxels"] for piece in injected.details["pieces"])


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("colon-in-head", {("Nasal Cavity", "Colon")}),
        ("gonads-in-head", {(f"Eyeball {side}", "Gonads") for side in ("Left", "Right")}),
        ("thyroid-in-cheeks", {(f"Cheek {side}", f"Thyroid {side}") for side in ("Left", "Right")}),
        ("bronchi-above-lungs", {("Trachea", "Bronchus")}),
    ],
)
def test_misplaced_structures_take_what_looks_like_them(cases, name, allowed):
    for injected in cases[name]:
        assert {*_pairs(injected)} <= allowed
        for old, _ in _pairs(injected):
            assert _pieces(injected.changed & (injected.original.values == id_of(old))) == 1


def test_bronchi_lie_above_both_lungs_and_the_bladder_above_the_hips(cases):
    below = {"bronchi-above-lungs": _LOBES, "bladder-in-abdomen": ["Hip Left", "Hip Right"]}
    for name, names in below.items():
        for injected in cases[name]:
            top = _heights(injected, np.isin(injected.original.values, [id_of(n) for n in names])).max()
            assert _heights(injected, injected.changed).min() > top


def test_a_bladder_in_the_abdomen_is_one_piece_of_one_organ_of_at_most_forty_ml(cases):
    for injected in cases["bladder-in-abdomen"]:
        ((_, new),) = _pairs(injected)
        assert new == "Bladder"
        assert _pieces(injected.changed) == 1
        assert injected.changed.sum() * injected.labelmap.grid.voxel_volume_ml <= 40.0 + 0.3


def test_organs_of_the_other_sex_are_small_and_lie_beside_bladder_prostate_or_uterus(cases):
    pelvic = [id_of(name) for name in ("Bladder", "Prostate", "Uterus", "Uterocervix")]
    for injected in cases["other-sex"]:
        sexes = {label.sex for label in structures() if label.sex and _holds(injected.original, label.name)}
        painted = {new for _, new in _pairs(injected)}
        assert {label_by_name(new).sex for new in painted} == {"F", "M"} - sexes
        organs = injected.original.grid.ras_from_ijk(np.argwhere(np.isin(injected.original.values, pelvic)))
        places = injected.original.grid.ras_from_ijk(np.argwhere(injected.changed))
        outside = np.maximum(organs.min(axis=0) - places, places - organs.max(axis=0)).max(axis=1)
        assert outside.min() <= 15.0 + 6.0
        assert injected.changed.sum() * injected.labelmap.grid.voxel_volume_ml <= 3 * 8.2


def test_a_missing_lobe_has_wholly_gone_to_one_neighbour_or_to_unknown_tissue(cases):
    for injected in cases["lobe-missing"]:
        ((old, new),) = _pairs(injected)
        assert old in _LOBES
        assert new in {*_LOBES, "Unknown Tissue"} - {old}
        assert not _holds(injected.labelmap, old)
        if new in _LOBES:
            lobe, beside = (injected.original.values == id_of(name) for name in (old, new))
            assert (ndimage.binary_dilation(lobe) & beside).any()


def test_a_cropped_body_is_a_part_of_the_whole_at_the_same_places(bodies):
    whole = Labelmap(*reoriented(bodies["M"].values, bodies["M"].grid, (2, 0, 1), (True, False, True)))
    for seed in range(8):
        injected = inject("cropped", whole, rng=np.random.default_rng(seed))
        values, part = injected.labelmap.values, injected.labelmap.grid
        corner = np.rint(whole.grid.ijk_from_ras(part.affine[:3, 3])).astype(int)
        window = tuple(slice(start, start + count) for start, count in zip(corner, values.shape, strict=True))
        assert np.array_equal(values, whole.values[window])
        for index in [(0, 0, 0), tuple(count - 1 for count in values.shape)]:
            assert np.allclose(part.ras_from_ijk(index), whole.grid.ras_from_ijk(np.array(index) + corner))
        assert sum(a < b for a, b in zip(values.shape, whole.values.shape, strict=True)) == 1
        assert 0.29 < values.size / whole.values.size < 0.81
        assert np.array_equal(injected.original.values, values)
        assert values.any()
        assert not injected.changed.any()


def test_a_blurred_borders_voxel_takes_a_neighbours_label_and_the_outline_stays(cases):
    for injected in cases["borders"]:
        true, wrong = injected.original.values, injected.labelmap.values
        near = np.lib.stride_tricks.sliding_window_view(np.pad(true, 1), (3, 3, 3))[injected.changed].reshape(-1, 27)
        assert (near == wrong[injected.changed][:, None]).any(axis=1).all()
        assert np.array_equal(true == 0, wrong == 0)
        assert 0.002 < injected.changed.sum() / (true > 0).sum() < 0.2


def test_no_border_moves_across_the_contrast_of_a_ct():
    labels = np.ones((20, 20, 20), dtype=np.uint8)
    labels[10:] = 2
    flat, steep = np.zeros(labels.shape, np.float32), np.where(labels == 1, -800.0, 200.0).astype(np.float32)
    moved, still = (
        traded(labels, (1.0, 1.0, 1.0), within_body, rng=np.random.default_rng(3), hu=hu) for hu in (flat, steep)
    )
    assert {*np.argwhere(moved != labels)[:, 0].tolist()} == {9, 10}
    assert np.array_equal(still, labels)


def _refusal(name, body, seed):
    """Why a fault is not possible; "" where it is made."""
    try:
        injected = inject(name, body, rng=np.random.default_rng(seed))
    except NotPossible as error:
        return str(error)
    return "" if injected.changed.any() or name == "cropped" else "nothing changed"


def test_every_fault_is_made_or_refused_in_bodies_with_variants():
    reasons = {
        (name, seed): _refusal(name, body, seed)
        for seed in range(10)
        for body in [make_anatomy(spacing_mm=8.0, sex="FM"[seed % 2], seed=seed, variants=True)[0]]
        for name in FAULTS
    }
    assert all(reason.startswith("not possible: the fault needs ") for reason in reasons.values() if reason)
    assert 0 < sum(map(bool, reasons.values())) < len(reasons) / 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("left-right-swap", "a left and a right partner"),
        ("left-right-swap-whole", "a left and a right partner"),
        ("vertebrae-shifted", "two vertebrae in the field of view"),
        ("vertebra-fragment", "two neighbouring vertebrae"),
        ("ribs-merged", "two neighbouring ribs"),
        ("rib-split", "a rib"),
        ("rib-missing", "a rib"),
        ("ribs-shifted", "two ribs of one side"),
        ("satellites", "a structure that occurs once"),
        ("colon-in-head", "the nasal cavity"),
        ("gonads-in-head", "an eyeball"),
        ("bladder-in-abdomen", "an organ of the abdomen"),
        ("bronchi-above-lungs", "a lung"),
        ("thyroid-in-cheeks", "a cheek"),
        ("other-sex", "organs that tell the sex"),
        ("lobe-missing", "a lobe of a lung"),
    ],
)
def test_a_body_of_fat_alone_is_refused_with_what_is_missing(name, words):
    fat = Labelmap(np.full((6, 5, 4), id_of("Fat"), dtype=np.uint8), grid((6, 5, 4)))
    with pytest.raises(NotPossible, match=words):
        inject(name, fat, rng=np.random.default_rng(0))


def _blocks(*names):
    """A body of fat with one block of each structure, the first at the top."""
    values = np.full((8, 8, 4 * len(names) + 2), id_of("Fat"), dtype=np.uint8)
    for number, name in enumerate(reversed(names)):
        values[2:6, 2:6, 4 * number + 2 : 4 * number + 5] = id_of(name)
    return Labelmap(values, Grid(values.shape, np.diag([5.0, 5.0, 5.0, 1.0])))


@pytest.mark.parametrize(
    ("name", "names", "words"),
    [
        ("bronchi-above-lungs", ("Lung Upper Lobe Left", "Trachea"), "trachea above the lungs"),
        ("bronchi-above-lungs", ("Lung Upper Lobe Left",), "the trachea"),
        ("bladder-in-abdomen", ("Hip Left", "Small Bowel"), "an organ above the pelvis"),
        ("other-sex", ("Breast Left",), "the bladder"),
        ("other-sex", ("Prostate", "Uterus"), "organs of both"),
        ("vertebra-fragment", ("Vertebra T1", "Vertebra T3"), "two neighbouring vertebrae"),
        ("ribs-merged", ("Costa 3 Left", "Costa 3 Right"), "two neighbouring ribs"),
        ("satellites", ("Liver",), None),
    ],
)
def test_what_lies_in_the_wrong_place_is_refused_too(name, names, words):
    body = _blocks(*names)
    if words is None:
        body = Labelmap(np.where(body.values == id_of("Fat"), id_of("Skin"), body.values), body.grid)
        words = "other tissue that can hold a piece"
    with pytest.raises(NotPossible, match=words):
        inject(name, body, rng=np.random.default_rng(0))


def test_an_empty_map_and_a_single_slice_cannot_be_cropped():
    for values in (np.zeros((4, 4, 4), np.uint8), np.ones((1, 1, 1), np.uint8)):
        with pytest.raises(NotPossible, match="several slices"):
            inject("cropped", Labelmap(values, grid(values.shape)), rng=np.random.default_rng(0))


def test_a_lobe_alone_is_lost_to_unknown_tissue():
    injected = inject("lobe-missing", _blocks("Lung Middle Lobe Right"), rng=np.random.default_rng(0))
    assert _pairs(injected) == [("Lung Middle Lobe Right", "Unknown Tissue")]


def test_a_rib_with_only_bone_around_it_becomes_unknown_tissue():
    values = np.full((9, 9, 9), id_of("Hip Left"), dtype=np.uint8)
    values[4, 2:7, 4] = id_of("Costa 5 Left")
    injected = inject("rib-missing", Labelmap(values, grid(values.shape)), rng=np.random.default_rng(0))
    assert _pairs(injected) == [("Costa 5 Left", "Unknown Tissue")]


def test_unknown_faults_and_unknown_labels_are_named():
    fat = np.full((4, 4, 4), id_of("Fat"), dtype=np.uint8)
    with pytest.raises(UsageError, match="known are left-right-swap"):
        inject("upside-down", Labelmap(fat, grid(fat.shape)), rng=np.random.default_rng(0))
    for values in (np.full((4, 4, 4), 200, np.uint8), np.full((4, 4, 4), 300, np.uint16)):
        with pytest.raises(UnknownLabel):
            inject("cropped", Labelmap(values, grid(values.shape)), rng=np.random.default_rng(0))


def test_a_map_of_sixteen_bits_gets_the_same_fault(bodies):
    wide = Labelmap(bodies["F"].values.astype(np.uint16), bodies["F"].grid)
    first, second = (inject("satellites", body, rng=np.random.default_rng(4)) for body in (bodies["F"], wide))
    assert np.array_equal(first.labelmap.values, second.labelmap.values)


@pytest.mark.parametrize("name", FAULTS)
def test_the_description_is_json_and_counts_every_changed_voxel(cases, name):
    injected = cases[name][0]
    told = json.loads(json.dumps(described(injected)))
    assert (told["fault"], told["title"]) == (name, FAULTS[name].title)
    assert told["changed_voxels"] == injected.changed.sum() == sum(row["voxels"] for row in told["moved"])
    for row in told["moved"]:
        both = (injected.original.values == id_of(row["from"])) & (injected.labelmap.values == id_of(row["to"]))
        assert row["voxels"] == both.sum()


def test_storage_names_the_axes_and_leads_back():
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    affine = np.array([[0, 0, -3.0, 9], [2.0, 0, 0, -7], [0, -4.0, 0, 11], [0, 0, 0, 1]])  # i to A, j to I, k to L
    source = Grid((2, 3, 4), affine)
    storage = storage_of(source)
    assert storage.order == (2, 0, 1)
    assert storage.flips == (True, False, True)
    turned, there = storage.along_ras(values), storage.grid_along_ras(source)
    assert np.array_equal(storage.as_stored(turned), values)
    assert np.allclose(there.affine, [[3, 0, 0, 0], [0, 2, 0, -7], [0, 0, 4, 3], [0, 0, 0, 1]])
    for place in np.ndindex(2, 3, 4):
        found = np.argwhere(turned == values[place])[0]
        assert np.allclose(source.ras_from_ijk(place), there.ras_from_ijk(found))


def test_noise_is_a_straight_line_between_its_knots():
    noise = SmoothNoise(np.array([0.0, 1.0, -1.0], np.float32).reshape(3, 1, 1).repeat(2, 1).repeat(2, 2), (4, 9, 9))
    field = noise.at((slice(0, 8), slice(0, 3), slice(0, 1)))
    assert field[:, 1, 0].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0, 0.5, 0.0, -0.5]
    assert np.array_equal(noise.at((slice(3, 6), slice(0, 3), slice(0, 1))), field[3:6])


def test_a_patch_has_the_wanted_voxels_in_one_piece_around_its_seed():
    values = np.full((24, 20, 16), id_of("Fat"), dtype=np.uint8)
    values[4:20, 4:16, 3:13] = id_of("Liver")
    canvas = FaultCanvas(Labelmap(values, grid(values.shape)))
    for seed in ((4, 4, 3), (12, 10, 8)):
        patch = grown_in(canvas, "Liver", np.array(seed), voxels=150, rng=np.random.default_rng(2))
        places = np.argwhere(patch.mask) + [side.start for side in patch.box]
        assert list(seed) in places.tolist()
        assert _pieces(patch.mask) == 1
        assert (values[tuple(places.T)] == id_of("Liver")).all()
        assert 100 <= patch.voxels <= 150
    whole = grown_in(canvas, "Liver", np.array((12, 10, 8)), voxels=10**6, rng=np.random.default_rng(2))
    assert whole.voxels == 16 * 12 * 10


def test_slabs_cover_a_box_once():
    box = (slice(1, 900), slice(0, 200), slice(5, 300))
    counted = np.zeros(900, dtype=int)
    for slab in slabs(box, across=0):
        assert slab[1:] == box[1:]
        counted[slab[0]] += 1
    assert counted.tolist() == [0] + [1] * 899
