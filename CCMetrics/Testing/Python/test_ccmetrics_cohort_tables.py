"""A cohort's numbers, each against one found by hand: statistics, bootstrap, Table 16, and two models compared."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from CCMetricsLib import bootstrap, compare, table16
from CCMetricsLib.cohort_tables import case_rows, lesion_rows, spacings, statistics, whole_rows
from scipy.stats import binom


def row(case: str, model: str = "prediction", *, components: int = 2, **scores: float | None) -> dict[str, object]:
    spacing = {f"spacing_{axis}_mm": 2.0 for axis in "ijk"}
    return {"case": case, "model": model, "class": "foreground", **scores, "components": components, **spacing}


def over_cases(rows, metric: str) -> dict[str, object]:
    (found,) = [one for one in statistics(rows, seed=0, resamples=200) if one["metric"] == metric]
    return found


def test_the_statistics_of_five_cases_are_those_found_by_hand() -> None:
    rows = [row(str(index), dice=value) for index, value in enumerate((0.5, 0.1, 0.3, 0.2, 0.9))]
    found = over_cases(rows, "dice")
    assert (found["n"], found["undefined"], found["without_lesion"]) == (5, 0, 0)
    assert found["mean"] == pytest.approx(0.4)
    assert found["sd"] == pytest.approx(0.1**0.5)  # squared deviations 0.01 + 0.09 + 0.01 + 0.04 + 0.25, over 4
    assert [found[name] for name in ("min", "q25", "median", "q75", "max")] == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.9])


def test_a_case_without_a_lesion_counts_in_false_positive_volume_only() -> None:
    empty = row("b", components=0, dice=1.0, fp_volume_ml=8.0, fn_volume_ml=0.0, fpv_ml=6.0)
    rows = [row("a", dice=0.5, fp_volume_ml=2.0, fn_volume_ml=3.0, fpv_ml=2.0), empty]
    assert over_cases(rows, "fp_volume_ml")["mean"] == 5.0
    assert over_cases(rows, "fpv_ml")["mean"] == 4.0
    for metric, value in (("dice", 0.5), ("fn_volume_ml", 3.0)):
        found = over_cases(rows, metric)
        assert (found["mean"], found["n"], found["without_lesion"]) == (value, 1, 1)


def test_what_is_undefined_is_counted_and_a_metric_without_a_value_is_empty() -> None:
    rows = [row("a", nsd=None, dice=0.5), row("b", nsd=None, dice=None)]
    assert over_cases(rows, "nsd") == {
        **dict.fromkeys(over_cases(rows, "nsd")),
        "model": "prediction",
        "class": "foreground",
        "metric": "nsd",
        "n": 0,
        "undefined": 2,
        "without_lesion": 0,
    }
    alone = over_cases(rows, "dice")
    assert (alone["n"], alone["undefined"], alone["mean"]) == (1, 1, 0.5)
    assert (alone["ci_low"], alone["sd"]) == (None, None)


def test_classes_have_their_own_rows_and_one_for_all() -> None:
    result = {
        "case": "a",
        "model": "prediction",
        "grid": {"spacing_mm": [1.0, 2.0, 3.0]},
        "summary": {"dice": 0.5, "components": 3},
        "classes": [
            {"class": "1", "summary": {"dice": 0.4, "components": 2}},
            {"class": "5", "summary": {"dice": 0.6, "components": 1}},
        ],
        "components": [{"case": "a", "class": "1", "component": 1, "dice": 0.4}],
    }
    rows = case_rows([result])
    assert [(one["class"], one["dice"]) for one in rows] == [("1", 0.4), ("5", 0.6), ("all", 0.5)]
    assert whole_rows(rows) == [rows[2]]
    assert lesion_rows([result]) == [{"case": "a", "model": "prediction", "class": "1", "component": 1, "dice": 0.4}]
    only = case_rows([{**result, "classes": result["classes"][:1]}])
    assert [one["class"] for one in whole_rows(only)] == ["1"]


def test_spacings_are_counted_by_case_and_rounding_does_not_tell_them_apart() -> None:
    rows = [{**row(case, model), "spacing_k_mm": k} for case, k in (("a", 3.0), ("b", 2.0000001)) for model in "xy"]
    rows.append(row("c"))
    assert spacings(rows) == [{"spacing_mm": [2.0, 2.0, 2.0], "cases": 2}, {"spacing_mm": [2.0, 2.0, 3.0], "cases": 1}]


def test_the_bootstrap_of_zeros_and_ones_is_the_binomial_distribution() -> None:
    """The sum of n draws from k ones among n values is binomial(n, k / n): its quantiles are known."""
    for count, ones in ((60, 6), (20, 4), (35, 28)):
        expected = binom.ppf([0.025, 0.975], count, ones / count)
        for quantile, sum_of_ones in zip((0.025, 0.975), expected, strict=True):
            steps = binom.cdf([sum_of_ones - 1, sum_of_ones], count, ones / count)
            assert abs(steps - quantile).min() > 0.003, "too near a step to be told by 50,000 draws"
        values = [1.0] * ones + [0.0] * (count - ones)
        interval = bootstrap.mean_interval(values, rng=np.random.default_rng(1), resamples=50_000)
        assert np.multiply(interval, count) == pytest.approx(expected)


def test_the_bootstrap_of_two_values_has_the_three_means_there_are() -> None:
    means = set(bootstrap._resampled_means(np.array([0.0, 1.0]), np.random.default_rng(0), 1000).tolist())
    assert means == {0.0, 0.5, 1.0}


def test_the_bootstrap_is_the_same_for_the_same_seed_and_moves_with_its_values() -> None:
    values = np.random.default_rng(5).normal(size=37)
    first, again, other, shifted = (
        bootstrap.mean_interval(numbers, rng=np.random.default_rng(seed))
        for numbers, seed in ((values, 3), (values, 3), (values, 4), (2 * values + 5, 3))
    )
    assert first == again
    assert first != other
    assert shifted == pytest.approx([2 * first[0] + 5, 2 * first[1] + 5])
    assert first[0] < values.mean() < first[1]


def test_the_bootstrap_in_pieces_has_as_many_means_as_were_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 50)
    assert bootstrap._resampled_means(np.arange(20.0), np.random.default_rng(0), 7).shape == (7,)


def test_the_bootstrap_says_what_it_cannot_do() -> None:
    rng = np.random.default_rng(0)
    assert bootstrap.mean_interval([], rng=rng) is None
    assert bootstrap.mean_interval([0.5], rng=rng) is None
    for options in ({"resamples": 0}, {"level": 1.0}, {"level": 0.0}):
        with pytest.raises(ValueError, match="needs resamples and a level"):
            bootstrap.mean_interval([0.1, 0.2], rng=rng, **options)


def test_the_wider_level_gives_the_wider_interval() -> None:
    values = [0.1, 0.5, 0.4, 0.9, 0.3]
    narrow, wide = (bootstrap.mean_interval(values, rng=np.random.default_rng(0), level=level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_table_16_has_means_in_percent_and_mm_with_a_row_a_model() -> None:
    scores = {"dice": 0.6, "cc_dice": 0.4, "nsd": 0.5, "cc_nsd": 0.3, "hd95_mm": 10.0, "cc_hd95_mm": 4.0}
    rows = [
        row("a", **scores),
        row("b", **{name: 2 * value for name, value in scores.items()} | {"dice": 0.9}),
        row("c", components=0, **{**scores, "hd95_mm": 500.0}),
        row("a", "unet", dice=0.25),
    ]
    first, second = table16.table16(rows)
    assert first["model"] == "prediction"
    assert first["cases"] == 2
    assert [first[name] for name in table16.COLUMNS[2:]] == pytest.approx([75, 60, 75, 45, 15, 6])
    assert [second[name] for name in table16.COLUMNS] == ["unet", 1, 25.0, None, None, None, None, None]
    assert table16.as_markdown([first, second]).splitlines() == [
        "| model | cases | Dice | CC-Dice | SD | CC-SD | HD | CC-HD |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| prediction | 2 | 75.0 | 60.0 | 75.0 | 45.0 | 15.0 | 6.0 |",
        "| unet | 1 | 25.0 | - | - | - | - | - |",
    ]
    assert len({len(line) for line in table16.as_text([first, second])}) == 1


def both(first: list[float | None], other: list[float | None], metric: str = "dice") -> list[dict[str, object]]:
    columns = (("prediction", first), ("unet", other))
    return [row(f"c{index}", model, **{metric: value}) for model, many in columns for index, value in enumerate(many)]


def compared(rows, metric: str = "dice") -> dict[str, object]:
    (found,) = [
        one for one in compare.compare(rows, "prediction", "unet", seed=0, resamples=500) if one["metric"] == metric
    ]
    return found


def test_two_models_are_compared_on_the_cases_that_both_have() -> None:
    found = compared(both([0.1, 0.2, 0.3, 0.4, 0.5, None, 0.9], [0.2, 0.4, 0.6, 0.8, 1.0, 0.7]))
    assert found["n"] == 5
    assert [found[name] for name in ("mean", "mean_other", "mean_difference", "median_difference")] == pytest.approx(
        [0.3, 0.6, 0.3, 0.3]
    )
    assert (found["better"], found["other_better"], found["equal"]) == (0, 5, 0)
    assert (found["wilcoxon_n"], found["wilcoxon_statistic"]) == (5, 0.0)
    assert found["wilcoxon_p"] == pytest.approx(2 / 2**5)  # one of the 32 signs is as one-sided, and its opposite
    assert found["ci_low"] < 0.3 < found["ci_high"]


def test_wilcoxons_p_is_the_share_of_signs_that_are_as_uneven() -> None:
    differences = [0.11, -0.02, 0.23, 0.34, -0.05, 0.46, 0.17]
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    observed = min(ranks[np.array(differences) > 0].sum(), ranks[np.array(differences) < 0].sum())
    sums = [
        sum(rank for rank, up in zip(ranks, signs, strict=True) if up) for signs in itertools.product((0, 1), repeat=7)
    ]
    as_uneven = sum(min(total, 28 - total) <= observed for total in sums) / 2**7
    assert compare.signed_rank(differences) == (7, float(observed), pytest.approx(as_uneven))


def test_equal_models_have_no_p_value_and_an_interval_of_nothing() -> None:
    found = compared(both([0.5, 0.7], [0.5, 0.7]))
    assert (found["equal"], found["wilcoxon_n"], found["wilcoxon_p"]) == (2, 0, None)
    assert (found["ci_low"], found["ci_high"]) == (0.0, 0.0)


def test_models_without_a_common_case_are_compared_in_nothing() -> None:
    found = compared(both([0.5, None], [None, 0.7]))
    assert found["n"] == 0
    assert {found[name] for name in compare.COMPARISON[2:]} == {None}


def test_the_smaller_distance_and_the_smaller_volume_error_are_the_better() -> None:
    assert compared(both([5.0, 5.0], [2.0, 9.0], "hd95_mm"), "hd95_mm")["other_better"] == 1
    found = compared(both([-3.0, 1.0, 1.0], [1.0, -1.0, 2.0], "volume_difference_ml"), "volume_difference_ml")
    assert (found["better"], found["other_better"], found["equal"]) == (1, 1, 1)


def test_columns_in_which_no_model_is_better_are_not_compared() -> None:
    rows = [row(case, model, dice=0.5, reference_volume_ml=3.0) for case in "ab" for model in ("prediction", "unet")]
    assert [one["metric"] for one in compare.compare(rows, "prediction", "unet", seed=0, resamples=10)] == ["dice"]


def test_the_cases_of_figure_34_come_first() -> None:
    """The thesis's two examples: 46.7 % against 74.4 %, and 85.3 % against 20.1 %."""
    scores = {"left": (0.467, 0.744), "right": (0.853, 0.201), "agrees": (0.8, 0.79), "undefined": (0.8, None)}
    rows = [row(case, dice=dice, cc_dice=cc, missed_components=1) for case, (dice, cc) in scores.items()]
    rows.append(row("empty", components=0, dice=1.0, cc_dice=0.0))
    found = compare.disagreements(rows)
    assert [one["case"] for one in found] == ["right", "left", "agrees"]
    assert [one["difference"] for one in found] == pytest.approx([0.652, -0.277, 0.01])
    assert tuple(found[0]) == compare.DISAGREEMENTS


def test_cases_where_dice_and_cc_dice_prefer_different_models_are_marked() -> None:
    rows = [
        row("opposite", dice=0.8, cc_dice=0.2),
        row("same", dice=0.5, cc_dice=0.5),
        row("opposite", "unet", dice=0.7, cc_dice=0.6),
        row("same", "unet", dice=0.6, cc_dice=0.6),
    ]
    first, second = compare.paired_cases(rows, "prediction", "unet")
    assert (first["case"], first["is_opposite"], second["is_opposite"]) == ("opposite", 1, 0)
    assert [first[name] for name in ("dice_difference", "cc_dice_difference", "gap")] == pytest.approx([-0.1, 0.4, 0.5])
