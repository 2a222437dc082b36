"""Overlap metrics on counts that can be checked by hand, and what they are where there is nothing to compare."""

from __future__ import annotations

import pytest
from CCMetricsLib.metrics import EmptyPolicy, Overlap, Score, dice, iou, mean_over_components

EMPTY_CASES = {"both_empty": Overlap(0, 0, 0), "no_reference": Overlap(0, 3, 0), "no_prediction": Overlap(3, 0, 0)}


def test_dice_and_iou_of_counts_by_hand() -> None:
    overlap = Overlap(reference_voxels=8, prediction_voxels=12, shared_voxels=5)
    assert dice(overlap, policy=EmptyPolicy()) == Score(10 / 20)
    assert iou(overlap, policy=EmptyPolicy()) == Score(5 / 15)


@pytest.mark.parametrize("metric", [dice, iou])
def test_a_perfect_prediction_scores_1_and_one_beside_it_0(metric) -> None:
    assert metric(Overlap(4, 4, 4), policy=EmptyPolicy()).value == 1.0
    assert metric(Overlap(4, 4, 0), policy=EmptyPolicy()).value == 0.0


@pytest.mark.parametrize("metric", [dice, iou])
@pytest.mark.parametrize(("name", "value"), [("both_empty", None), ("no_reference", None), ("no_prediction", 0.0)])
def test_by_default_only_a_missing_prediction_has_a_score(metric, name: str, value: float | None) -> None:
    assert metric(EMPTY_CASES[name], policy=EmptyPolicy()).value == value


@pytest.mark.parametrize("metric", [dice, iou])
@pytest.mark.parametrize("name", list(EMPTY_CASES))
def test_the_policy_decides_every_empty_case(metric, name: str) -> None:
    score = metric(EMPTY_CASES[name], policy=EmptyPolicy(**{name: 0.25}))
    assert score.value == 0.25
    assert metric(EMPTY_CASES[name], policy=EmptyPolicy(**{name: None})).value is None


def test_an_undefined_score_says_why() -> None:
    assert dice(EMPTY_CASES["no_reference"], policy=EmptyPolicy()).reason == "the reference has no voxel here"


def test_the_mean_counts_each_component_once_and_leaves_out_undefined_ones() -> None:
    assert mean_over_components([Score(1.0), Score(0.0), Score(0.5)]).value == 0.5
    assert mean_over_components([Score(1.0), Score(None, "why")]).value == 1.0


def test_a_mean_of_nothing_is_undefined_with_a_reason() -> None:
    assert mean_over_components([]) == Score(None, "the reference has no lesion")
    assert mean_over_components([Score(None, "why")]) == Score(None, "why")
