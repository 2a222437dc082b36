"""Ranks and rank correlations that can be checked by hand, on Table 16 of the thesis among others."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from CCMetricsLib.metrics import METRICS
from CCMetricsLib.ranking import correlate, direction, expert_ranks, rank_models, ranking_rows
from CCMetricsLib.rivals import RIVALS
from hypothesis import given, settings
from hypothesis import strategies as st

AUTOPET = """model,dice,cc_dice,hd95_mm,cc_hd95_mm
nnUNet,67.5,47.4,71.1,46.4
DynUnet,62.5,44.0,127,22
MedNext,67.7,46.1,73.8,28.18
UNETR,41.6,28.0,211,157
SUNETR,54.8,38.4,174,130
"""
METRIC_NAMES = ["dice", "cc_dice", "hd95_mm", "cc_hd95_mm"]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def autopet():
    return rank_models(table(AUTOPET), metrics=METRIC_NAMES)


def by_metric(correlations, kind: str) -> dict[str, float | None]:
    return {correlation.metric: getattr(correlation, kind).value for correlation in correlations}


def test_table_16_is_ranked_as_a_reader_would() -> None:
    ranking = autopet()
    assert ranking.models == ("nnUNet", "DynUnet", "MedNext", "UNETR", "SUNETR")
    assert ranking.ranks["dice"] == (2, 3, 1, 5, 4)
    assert ranking.ranks["cc_dice"] == (1, 3, 2, 5, 4)
    assert ranking.ranks["hd95_mm"] == (1, 3, 2, 5, 4)
    assert ranking.ranks["cc_hd95_mm"] == (3, 1, 2, 5, 4)
    assert ranking.average == (7 / 4, 10 / 4, 7 / 4, 5, 4)


def test_the_ranking_as_a_table_has_a_row_a_model() -> None:
    rows = ranking_rows(autopet())
    assert list(rows[0]) == ["model", *METRIC_NAMES, "average_rank"]
    assert rows[1] == {
        "model": "DynUnet", "dice": 3, "cc_dice": 3, "hd95_mm": 3, "cc_hd95_mm": 1, "average_rank": 2.5
    }  # fmt: skip


def test_ties_share_the_mean_of_their_ranks() -> None:
    rows = [{"model": name, "nsd": value} for name, value in zip("abcd", (0.5, 0.9, 0.5, 0.5), strict=True)]
    assert rank_models(rows, metrics=["nsd"]).ranks["nsd"] == (3, 1, 3, 3)


def test_a_difference_is_best_near_0_on_either_side() -> None:
    rows = [{"model": name, "volume_difference_ml": value} for name, value in zip("abc", (-3, 1, 2), strict=True)]
    assert rank_models(rows, metrics=["volume_difference_ml"]).ranks["volume_difference_ml"] == (3, 1, 2)


@pytest.mark.parametrize("name", [*METRICS, *(f"cc_{name}" for name in METRICS), *RIVALS, "missed_components"])
def test_every_metric_has_a_direction(name: str) -> None:
    assert direction(name) in ("higher", "lower", "zero")


def test_what_counts_errors_is_better_when_lower() -> None:
    errors = ("hd_mm", "cc_hd95_mm", "assd_mm", "fpv_ml", "fnv_ml", "fp_volume_ml", "fn_volume_ml", "missed_components")
    assert {direction(name) for name in errors} == {"lower"}


def test_a_metric_of_ones_own_is_ranked_with_its_direction() -> None:
    rows = [{"model": "a", "seconds": 3}, {"model": "b", "seconds": 1}]
    assert rank_models(rows, metrics=["seconds"], directions={"seconds": "lower"}).ranks["seconds"] == (2, 1)
    with pytest.raises(UsageError, match=r"seconds.*name its direction"):
        rank_models(rows, metrics=["seconds"])
    with pytest.raises(UsageError, match="must be one of higher, lower, zero, but is 'up'"):
        rank_models(rows, metrics=["seconds"], directions={"seconds": "up"})


def test_correlations_with_an_expert_by_hand() -> None:
    """The expert agrees with CC-Dice; Dice swaps the first two, and CC-HD95 moves the third to the front."""
    expert = expert_ranks(table("model,rank\nMedNext,2\nnnUNet,1\nDynUnet,3\nSUNETR,4\nUNETR,5\n"))
    correlations = correlate(autopet(), expert)
    spearman, kendall = by_metric(correlations, "spearman"), by_metric(correlations, "kendall")
    assert list(spearman) == [*METRIC_NAMES, "average_rank"]
    assert spearman["cc_dice"] == pytest.approx(1)
    assert kendall["cc_dice"] == pytest.approx(1)
    assert spearman["dice"] == pytest.approx(1 - 6 * 2 / 120)
    assert kendall["dice"] == pytest.approx((9 - 1) / 10)
    assert spearman["cc_hd95_mm"] == pytest.approx(1 - 6 * (4 + 4) / 120)
    assert kendall["cc_hd95_mm"] == pytest.approx((7 - 3) / 10)
    # averages 1.75, 2.5, 1.75, 5, 4: one tied pair of ten, all others agree
    assert kendall["average_rank"] == pytest.approx(9 / np.sqrt(9 * 10))


def test_a_reversed_expert_gives_minus_1() -> None:
    expert = {"nnUNet": 5, "MedNext": 4, "DynUnet": 3, "SUNETR": 2, "UNETR": 1}
    assert by_metric(correlate(autopet(), expert), "spearman")["cc_dice"] == pytest.approx(-1)


def test_where_all_models_tie_there_is_no_correlation_and_a_reason() -> None:
    ranking = rank_models([{"model": "a", "dice": 1}, {"model": "b", "dice": 1}], metrics=["dice"])
    for correlation in correlate(ranking, {"a": 1, "b": 2}):
        assert correlation.spearman.value is None
        assert "same rank" in correlation.kendall.reason
    ranked = rank_models([{"model": "a", "dice": 1}, {"model": "b", "dice": 0}], metrics=["dice"])
    assert correlate(ranked, {"a": 1, "b": 1})[0].spearman.value is None


@pytest.mark.parametrize("cell", ["", None, "n/a", "nan", "inf"])
def test_cells_without_a_number_are_listed(cell: object) -> None:
    rows = [{"model": "a", "dice": cell, "iou": 0.4}, {"model": "b", "dice": 0.5}]
    with pytest.raises(AnatomyGuidedError, match=r"lacking are a \(dice\), b \(iou\)\."):
        rank_models(rows, metrics=["dice", "iou"])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no row"),
        ([{"dice": 1}], 'Row 1 of the table has no name under "model"'),
        ([{"model": "a", "dice": 1}, {"model": " a ", "dice": 1}], "one row only; more have a"),
    ],
)
def test_a_table_that_names_models_badly_is_refused(rows: list[dict[str, object]], words: str) -> None:
    with pytest.raises(AnatomyGuidedError, match=words):
        rank_models(rows, metrics=["dice"])


def test_a_ranking_by_no_metric_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one metric"):
        rank_models([{"model": "a"}], metrics=[])


@pytest.mark.parametrize("rank", ["", "first", "0", "-1", "nan"])
def test_an_experts_rank_must_be_a_number_above_0(rank: str) -> None:
    with pytest.raises(AnatomyGuidedError, match=r"above 0.*it is not for b"):
        expert_ranks([{"model": "a", "rank": "1"}, {"model": "b", "rank": rank}])


def test_models_that_only_one_side_knows_are_listed() -> None:
    ranking = rank_models([{"model": "a", "dice": 1}, {"model": "b", "dice": 0}], metrics=["dice"])
    with pytest.raises(AnatomyGuidedError, match="have no scores: B, c; scored are a, b"):
        correlate(ranking, {"a": 1, "B": 2, "c": 3})
    with pytest.raises(AnatomyGuidedError, match="lacks models that have scores: b"):
        correlate(ranking, {"a": 1})


def test_one_model_has_no_rank_correlation() -> None:
    with pytest.raises(AnatomyGuidedError, match="at least two models"):
        correlate(rank_models([{"model": "a", "dice": 1}], metrics=["dice"]), {"a": 1})


@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_rank_is_one_more_than_the_better_ones_and_half_of_the_equal_ones(values: list[int]) -> None:
    rows = [{"model": str(n), "dice": value} for n, value in enumerate(values)]
    expected = tuple(1 + sum(other > value for other in values) + (values.count(value) - 1) / 2 for value in values)
    assert rank_models(rows, metrics=["dice"]).ranks["dice"] == expected
    negated = [{"model": str(n), "hd_mm": -value} for n, value in enumerate(values)]
    assert rank_models(negated, metrics=["hd_mm"]).ranks["hd_mm"] == expected
