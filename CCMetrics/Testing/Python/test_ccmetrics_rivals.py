"""The rivals of CC-Metrics on counts that can be checked by hand, and against loops over whole images."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import UsageError
from CCMetricsLib.component_pairs import component_pairs, components_of_voxels
from CCMetricsLib.components import connected_components, foreground_voxels
from CCMetricsLib.lesion_dice import BRATS_2023, LesionDiceParameters, dilated
from CCMetricsLib.metrics import EmptyPolicy, Score
from CCMetricsLib.rivals import RIVALS, RivalParameters, rival_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

CUBIC = (10.0, 10.0, 10.0)  # a voxel is 1 ml
RATIOS = [name for name in RIVALS if not name.endswith("_ml")]
NOT_MERGED = LesionDiceParameters(dilation=0, ignored_reference=0)
STRUCTURES = {connectivity: ndimage.generate_binary_structure(3, n) for n, connectivity in ((1, 6), (2, 18), (3, 26))}


def line(text: str) -> np.ndarray:
    """A row of voxels along i: "11.1" is two components."""
    return np.array([character not in ".0" for character in text]).reshape(-1, 1, 1)


def scores_of(reference: str, prediction: str, **parameters) -> dict[str, float | None]:
    parameters.setdefault("lesion_dice", NOT_MERGED)
    scores = rival_scores(line(reference), line(prediction), spacing_mm=CUBIC, parameters=RivalParameters(**parameters))
    return {name: score.value for name, score in scores.items()}


def random_masks(seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Lumps and single voxels of a reference, and a prediction that is a damaged copy of it; now and then one slice."""
    rng = np.random.default_rng(seed)
    shape = (*rng.integers(4, 14, 2), int(rng.choice([1, rng.integers(2, 9)])))
    reference = ndimage.binary_dilation(rng.random(shape) < 0.02, iterations=int(rng.integers(1, 3)))
    moved = np.roll(reference, rng.integers(-1, 2, 3), axis=(0, 1, 2))
    prediction = (moved & (rng.random(shape) < 0.9)) | (rng.random(shape) < 0.02)
    return reference, prediction, tuple(rng.uniform(0.5, 4.0, 3))


def labelled(mask: np.ndarray, connectivity: int) -> list[np.ndarray]:
    numbers, count = ndimage.label(mask, STRUCTURES[connectivity])
    return [numbers == number for number in range(1, count + 1)]


def every_iou(lesions: list[np.ndarray], found: list[np.ndarray]) -> np.ndarray:
    return np.array([[(one & two).sum() / (one | two).sum() for two in found] for one in lesions])


def test_all_rivals_of_a_small_case_by_hand() -> None:
    scores = scores_of(
        "1111.111.11.1...",
        "111..11111....11",
    )
    # lesions of 4, 3, 2 and 1, finds of 3, 5 and 2; they share 3 (IoU 3/4), 3 (IoU 3/5) and 1 (IoU 1/6)
    assert scores["sq"] == pytest.approx((3 / 4 + 3 / 5) / 2)
    assert scores["rq"] == pytest.approx(2 * 2 / (4 + 3))
    assert scores["pq"] == pytest.approx((3 / 4 + 3 / 5) * 2 / 7)
    # finds in lesions 3/3, 3/5; lesions in finds 3/4, 3/3, and 1/2 into the find that holds one already
    assert scores["cc_dice_topological"] == pytest.approx(4 / 7)
    assert scores["lesion_dice"] == pytest.approx((6 / 7 + 6 / 8 + 2 / 7 + 0) / (4 + 1))
    assert scores["lesion_sensitivity"] == pytest.approx(3 / 4)
    assert scores["lesion_precision"] == pytest.approx(2 / 3)
    assert scores["lesion_f1"] == pytest.approx(12 / 17)
    assert scores["fpv_ml"] == pytest.approx(2)
    assert scores["fnv_ml"] == pytest.approx(1)


def test_topological_dice_takes_each_component_once_in_each_role() -> None:
    # one lesion, two finds inside it: one of them fits into it; it fits into neither, as no find has half of it
    assert scores_of("11111", "11.11")["cc_dice_topological"] == pytest.approx(1 / 3)
    # one of the finds has three fifths of the lesion: it fits both ways
    assert scores_of("11111", "111.1")["cc_dice_topological"] == pytest.approx(2 / 3)
    # a single find over two lesions mirrors this
    assert scores_of("111.1", "11111")["cc_dice_topological"] == pytest.approx(2 / 3)


def test_topological_dice_takes_the_tightest_fit_first() -> None:
    """One find lies to 5/10 in the first lesion and to 4/10 in the second, in which another one lies wholly."""
    reference = "1" * 30 + "." + "1" * 20
    prediction = "." * 25 + "1" * 10 + "." + "111" + "." * 12
    assert scores_of(reference, prediction, inclusion=0.3)["cc_dice_topological"] == pytest.approx(2 / 4)
    mirrored = scores_of(prediction, reference, inclusion=0.3)
    assert mirrored["cc_dice_topological"] == pytest.approx(2 / 4)


def test_topological_dice_counts_fits_in_both_directions() -> None:
    # the small lesion lies wholly in the find, which lies to a third in either lesion; the large one to a quarter in it
    assert scores_of("1.1111", "111...", inclusion=0.3)["cc_dice_topological"] == pytest.approx(2 / 3)


def test_inclusion_is_how_much_of_a_component_its_partner_must_hold() -> None:
    half = {"reference": "1111....", "prediction": "..1111.."}
    assert scores_of(**half, inclusion=0.5)["cc_dice_topological"] == 1.0
    assert scores_of(**half, inclusion=0.51)["cc_dice_topological"] == 0.0


def test_panoptic_quality_wants_more_than_half() -> None:
    at_half = scores_of("111.", ".111")
    assert (at_half["pq"], at_half["rq"], at_half["sq"]) == (0.0, 0.0, None)
    above = scores_of("11111", "1111.")
    assert (above["pq"], above["rq"], above["sq"]) == (0.8, 1.0, 0.8)


def test_without_a_match_segmentation_quality_says_why_it_is_undefined() -> None:
    scores = rival_scores(line("111."), line(".111"), spacing_mm=CUBIC)
    assert scores["sq"] == Score(None, "no predicted component has an IoU above 0.5 with a lesion")


def test_detection_counts_both_sides_on_their_own() -> None:
    """One find over three lesions: all are found, and no find is false."""
    scores = scores_of("1.1.1", "11111")
    assert (scores["lesion_sensitivity"], scores["lesion_precision"], scores["lesion_f1"]) == (1.0, 1.0, 1.0)


def test_detection_with_an_iou_threshold_demands_more_than_it() -> None:
    scores = [scores_of("1111", "..11", detection_iou=iou)["lesion_f1"] for iou in (0.0, 0.49, 0.5, 0.6)]
    assert scores == [1.0, 1.0, 0.0, 0.0]


def test_lesion_dice_gives_one_find_to_every_lesion_that_it_touches() -> None:
    """One mask over both lesions, one over the first only, and one for each with a stray voxel between."""
    assert scores_of("111...111", "111111111")["lesion_dice"] == pytest.approx(2 * 3 / (3 + 9))
    assert scores_of("111...111", "111......")["lesion_dice"] == pytest.approx(0.5)
    assert scores_of("111...111", "111.1.111")["lesion_dice"] == pytest.approx(2 / 3)


def test_dilation_merges_neighbouring_lesions() -> None:
    """Three lesions at gaps of 2 and 3: one step closes the first, two steps both."""
    scores = [
        scores_of("111..111...111", "111...........", lesion_dice=LesionDiceParameters(dilation=n))["lesion_dice"]
        for n in (0, 1, 2)
    ]
    assert scores == pytest.approx([1 / 3, 2 * 3 / (6 + 3) / 2, 2 * 3 / (9 + 3)])


def test_a_find_beside_a_lesion_is_no_false_positive_within_the_dilation() -> None:
    near, far = "111.11....", "111..11..."
    parameters = {"lesion_dice": LesionDiceParameters(dilation=2, ignored_reference=0)}
    assert scores_of("111.......", near, **parameters)["lesion_dice"] == pytest.approx(2 * 3 / (3 + 5))
    assert scores_of("111.......", far, **parameters)["lesion_dice"] == pytest.approx(1 / 2)


def test_a_dilation_in_mm_is_a_ball() -> None:
    mask = np.zeros((9, 9, 5), bool)
    mask[4, 4, 2] = True
    parameters = LesionDiceParameters(dilation=2.0, dilation_unit="mm")
    ball = dilated(connected_components(mask), spacing_mm=(1.0, 2.0, 3.0), parameters=parameters)
    assert sorted(map(tuple, ball.voxels_ijk.tolist())) == sorted(
        [(i, 4, 2) for i in range(2, 7)] + [(4, 3, 2), (4, 5, 2)]
    )


def test_lesions_up_to_the_ignored_size_are_not_scored_and_finds_there_are_not_false() -> None:
    parameters = {"lesion_dice": LesionDiceParameters(dilation=0, ignored_reference=2)}
    assert scores_of("11....111", "11....111", **parameters)["lesion_dice"] == 1.0
    assert scores_of("11....111", "......111", **parameters)["lesion_dice"] == 1.0
    assert scores_of("11....111", "11.......", **parameters)["lesion_dice"] == 0.0
    assert scores_of("11.1..111", "......111", **parameters)["lesion_dice"] == 1.0


def test_finds_up_to_the_ignored_size_are_no_false_positives() -> None:
    for ignored, expected in ((1, 0.5), (2, 1.0)):
        parameters = {"lesion_dice": LesionDiceParameters(dilation=0, ignored_prediction=ignored)}
        assert scores_of("111....", "111..11", **parameters)["lesion_dice"] == expected


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 2.9)])
def test_sizes_in_ml_and_in_voxels_agree_to_the_voxel(spacing: tuple[float, float, float]) -> None:
    for voxels in range(1, 60):
        ml = LesionDiceParameters(ignored_reference=voxels * float(np.prod(spacing)) / 1000, size_unit="ml")
        limit = ml.reference_limit_voxels(spacing)
        assert voxels < limit < voxels + 1


def test_the_presets_are_those_of_brats_2023() -> None:
    told = {name: (preset.dilation, preset.ignored_reference) for name, preset in BRATS_2023.items()}
    assert told == {"GLI": (3, 50), "SSA": (3, 50), "PED": (3, 50), "MEN": (1, 50), "MET": (1, 2)}


def test_volumes_of_untouched_components_use_18_neighbours_and_the_voxels_size() -> None:
    reference, prediction = np.zeros((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
    prediction[0, 0, 0] = prediction[1, 1, 1] = prediction[2, 2, 1] = True  # a corner, then an edge
    reference[2, 2, 1] = reference[3, 3, 3] = True
    scores = rival_scores(reference, prediction, spacing_mm=(2.0, 3.0, 5.0), parameters=RivalParameters(connectivity=6))
    assert scores["fpv_ml"].value == pytest.approx(0.03)
    assert scores["fnv_ml"].value == pytest.approx(0.03)


def test_a_perfect_prediction_scores_1_everywhere() -> None:
    scores = scores_of("111..1111.11", "111..1111.11")
    assert [scores[name] for name in RATIOS] == [1.0] * len(RATIOS)
    assert (scores["fpv_ml"], scores["fnv_ml"]) == (0.0, 0.0)


def test_a_prediction_beside_the_lesions_scores_0_and_counts_in_full() -> None:
    scores = scores_of("111.......", "......1111")
    assert [scores[name] for name in RATIOS if name != "sq"] == [0.0] * (len(RATIOS) - 1)
    assert (scores["sq"], scores["fpv_ml"], scores["fnv_ml"]) == (None, 4.0, 3.0)


def test_without_a_lesion_only_fpv_counts() -> None:
    scores = scores_of("....", ".11.")
    assert scores.pop("fpv_ml") == 2.0
    assert set(scores.values()) == {None}


def test_without_a_find_everything_is_missed() -> None:
    scores = scores_of(".111", "....")
    assert [scores[name] for name in RATIOS if name != "sq"] == [0.0] * (len(RATIOS) - 1)
    assert (scores["sq"], scores["fpv_ml"], scores["fnv_ml"]) == (None, 0.0, 3.0)


def test_where_both_are_empty_nothing_is_scored_and_nothing_is_false() -> None:
    scores = scores_of("....", "....")
    assert scores.pop("fpv_ml") == 0.0
    assert set(scores.values()) == {None}


@pytest.mark.parametrize(
    ("field", "reference", "prediction"),
    [("both_empty", "...", "..."), ("no_reference", "...", ".1."), ("no_prediction", "111", "...")],
)
def test_the_policy_decides_every_empty_case(field: str, reference: str, prediction: str) -> None:
    policy = EmptyPolicy(**{"no_prediction": None, field: 0.25})
    scores = scores_of(reference, prediction, policy=policy)
    assert [scores[name] for name in RATIOS if name != "sq"] == [0.25] * (len(RATIOS) - 1)
    assert scores["sq"] is None


def test_every_undefined_score_has_a_reason() -> None:
    for reference, prediction in (("...", "..."), ("...", "111"), ("111", "...")):
        policy = EmptyPolicy(no_prediction=None)
        scores = rival_scores(
            line(reference), line(prediction), spacing_mm=CUBIC, parameters=RivalParameters(policy=policy)
        )
        assert all(score.reason for score in scores.values() if score.value is None)


def test_lesion_dice_says_that_all_lesions_are_too_small() -> None:
    tiny = rival_scores(line("11..."), line("11..."), spacing_mm=CUBIC)["lesion_dice"]
    assert tiny == Score(None, "the reference has no lesion that is large enough to count")


def test_maps_of_instances_keep_touching_lesions_apart() -> None:
    reference = np.array([1, 1, 2, 2, 0, 0]).reshape(-1, 1, 1)
    prediction = np.array([1, 1, 0, 0, 0, 0]).reshape(-1, 1, 1)
    found = {
        instances: rival_scores(
            reference, prediction, spacing_mm=CUBIC, parameters=RivalParameters(instances=instances)
        )["lesion_sensitivity"].value
        for instances in ("none", "reference", "both")
    }
    assert found == {"none": 1.0, "reference": 0.5, "both": 0.5}
    swapped = rival_scores(prediction, reference, spacing_mm=CUBIC, parameters=RivalParameters(instances="prediction"))
    assert swapped["lesion_precision"].value == 0.5


def test_connectivity_decides_what_a_lesion_is() -> None:
    reference, prediction = np.zeros((2, 2, 1), bool), np.zeros((2, 2, 1), bool)
    reference[0, 0, 0] = reference[1, 1, 0] = prediction[0, 0, 0] = True
    values = [
        rival_scores(reference, prediction, spacing_mm=CUBIC, parameters=RivalParameters(connectivity=connectivity))
        for connectivity in (6, 26)
    ]
    assert [scores["lesion_sensitivity"].value for scores in values] == [0.5, 1.0]


@pytest.mark.parametrize("seed", range(60))
def test_matching_metrics_equal_a_loop_over_all_pairs(seed: int) -> None:
    reference, prediction, spacing = random_masks(seed)
    reference[0, 0, 0] = prediction[-1, -1, -1] = True
    connectivity = (6, 18, 26)[seed % 3]
    lesions, found = labelled(reference, connectivity), labelled(prediction, connectivity)
    parameters = RivalParameters(connectivity=connectivity, detection_iou=(0.0, 0.3)[seed % 2], inclusion=0.6)
    scores = rival_scores(reference, prediction, spacing_mm=spacing, parameters=parameters)
    iou = every_iou(lesions, found)
    matched = iou[iou > 0.5]
    f1 = matched.size / (matched.size + (len(lesions) - matched.size) / 2 + (len(found) - matched.size) / 2)
    assert scores["rq"].value == pytest.approx(f1)
    assert scores["pq"].value == pytest.approx(matched.mean() * f1 if matched.size else 0.0)
    hit = iou > parameters.detection_iou
    assert scores["lesion_sensitivity"].value == pytest.approx(hit.any(axis=1).mean())
    assert scores["lesion_precision"].value == pytest.approx(hit.any(axis=0).mean())
    # above one half a component fits into one other at most, so that ccDice counts those that something fits into
    into_lesions = sum(any((p & r).sum() >= 0.6 * p.sum() for p in found) for r in lesions)
    into_found = sum(any((p & r).sum() >= 0.6 * r.sum() for r in lesions) for p in found)
    expected = (into_lesions + into_found) / (len(lesions) + len(found))
    assert scores["cc_dice_topological"].value == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(60))
def test_untouched_volumes_equal_a_loop_over_components(seed: int) -> None:
    reference, prediction, spacing = random_masks(seed)
    scores = rival_scores(reference, prediction, spacing_mm=spacing)
    false_positive = sum(int(part.sum()) for part in labelled(prediction, 18) if not (part & reference).any())
    assert scores["fpv_ml"].value == pytest.approx(false_positive * np.prod(spacing) / 1000)
    if reference.any():
        false_negative = sum(int(part.sum()) for part in labelled(reference, 18) if not (part & prediction).any())
        assert scores["fnv_ml"].value == pytest.approx(false_negative * np.prod(spacing) / 1000)


@pytest.mark.parametrize("seed", range(60))
def test_lesion_dice_equals_dilating_whole_images_lesion_by_lesion(seed: int) -> None:
    reference, prediction, spacing = random_masks(seed)
    in_mm = seed % 3 == 0
    parameters = LesionDiceParameters(
        dilation=3.0 if in_mm else seed % 4, dilation_unit="mm" if in_mm else "steps", ignored_prediction=seed % 2
    )
    score = rival_scores(reference, prediction, spacing_mm=spacing, parameters=RivalParameters(lesion_dice=parameters))[
        "lesion_dice"
    ]

    def grown(mask: np.ndarray) -> np.ndarray:
        if in_mm:
            return ndimage.distance_transform_edt(~mask, sampling=spacing) <= 3.0 if mask.any() else mask
        steps = int(parameters.dilation)
        return ndimage.binary_dilation(mask, STRUCTURES[18], iterations=steps) if steps else mask

    lesions = [part & reference for part in labelled(grown(reference), 26)]
    found = labelled(prediction, 26)
    near = [[(grown(lesion) & part).any() for part in found] for lesion in lesions]
    values = []
    for lesion, row in zip(lesions, near, strict=True):
        if lesion.sum() > 2:
            whole = np.any(
                [part for part, touches in zip(found, row, strict=True) if touches] or [lesion & False], axis=0
            )
            values.append(2 * (whole & lesion).sum() / (whole.sum() + lesion.sum()))
    stray = sum(
        not any(row[n] for row in near) and part.sum() > parameters.ignored_prediction for n, part in enumerate(found)
    )
    if not values:
        assert score.value is None
    else:
        assert score.value == pytest.approx(sum(values) / (len(values) + stray))


@pytest.mark.parametrize("seed", range(30))
def test_components_of_a_list_of_voxels_are_those_of_the_image(seed: int) -> None:
    mask, _, _ = random_masks(seed)
    for connectivity, structure in STRUCTURES.items():
        found = components_of_voxels(foreground_voxels(mask), mask.shape, connectivity=connectivity)
        numbers = ndimage.label(mask.transpose(2, 1, 0), structure)[0].transpose(2, 1, 0)
        np.testing.assert_array_equal(found.numbers, numbers[tuple(found.voxels_ijk.T)])


@given(
    seed=st.integers(0, 10_000), order=st.permutations(range(3)), flips=st.lists(st.booleans(), min_size=3, max_size=3)
)
@settings(max_examples=25, deadline=None)
def test_permuted_and_flipped_axes_change_nothing(seed: int, order: list[int], flips: list[bool]) -> None:
    reference, prediction, spacing = random_masks(seed)
    turn = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    parameters = RivalParameters(inclusion=0.6, lesion_dice=LesionDiceParameters(dilation=2.5, dilation_unit="mm"))
    plain = rival_scores(reference, prediction, spacing_mm=spacing, parameters=parameters)
    turned = rival_scores(
        reference.transpose(order)[turn],
        prediction.transpose(order)[turn],
        spacing_mm=tuple(spacing[axis] for axis in order),
        parameters=parameters,
    )
    assert {name: score.value for name, score in turned.items()} == pytest.approx(
        {name: score.value for name, score in plain.items()}
    )


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_laws_that_tie_the_metrics_together(seed: int) -> None:
    reference, prediction, spacing = random_masks(seed)
    reference[0, 0, 0] = prediction[-1, -1, -1] = True
    parameters = RivalParameters(detection_iou=0.5)
    scores = {
        name: score.value
        for name, score in rival_scores(reference, prediction, spacing_mm=spacing, parameters=parameters).items()
    }
    assert scores["lesion_f1"] == pytest.approx(scores["rq"])
    assert scores["pq"] == pytest.approx(scores["rq"] * (scores["sq"] or 0.0))
    assert all(0 <= scores[name] <= 1 for name in RATIOS if scores[name] is not None)
    swapped = rival_scores(prediction, reference, spacing_mm=spacing)
    assert swapped["fpv_ml"].value == pytest.approx(scores["fnv_ml"])
    assert swapped["pq"].value == pytest.approx(scores["pq"])


def test_a_pair_holds_what_both_components_share() -> None:
    pairs = component_pairs(connected_components(line("1111.1")), connected_components(line("11.111")))
    assert pairs.reference.tolist(), pairs.prediction.tolist() == ([1, 1, 2], [1, 2, 2])
    assert pairs.share_of_reference.tolist() == [0.5, 0.25, 1.0]
    assert pairs.share_of_prediction.tolist() == pytest.approx([1.0, 1 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"connectivity": 8}, "connectivity"),
        ({"instances": "all"}, "instances"),
        ({"detection_iou": 1.0}, "detection_iou"),
        ({"detection_iou": float("nan")}, "detection_iou"),
        ({"inclusion": 0.0}, "inclusion"),
    ],
)
def test_a_parameter_out_of_range_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        RivalParameters(**options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dilation": -1}, "dilation"),
        ({"dilation": 1.5}, "whole number of steps"),
        ({"dilation_unit": "cm"}, "dilation_unit"),
        ({"size_unit": "mm3"}, "size_unit"),
        ({"ignored_reference": float("nan")}, "ignored_reference"),
        ({"ignored_prediction": -2}, "ignored_prediction"),
    ],
)
def test_a_choice_of_lesion_dice_out_of_range_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        LesionDiceParameters(**options)


def test_masks_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        rival_scores(line("11"), line("111"), spacing_mm=CUBIC)
    with pytest.raises(ValueError, match="one voxel along k"):
        rival_scores(np.ones((3, 3)), np.ones((3, 3)), spacing_mm=CUBIC)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, float("inf"), 1.0)])
def test_a_spacing_that_is_none_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="spacing"):
        rival_scores(line("11"), line("11"), spacing_mm=spacing)
