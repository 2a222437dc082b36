"""Two models on the same cases, and the cases where Dice and CC-Dice disagree (thesis, 5.1.6 and Figure 34)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from AnatomyGuidedLib.errors import UsageError

from CCMetricsLib import bootstrap
from CCMetricsLib.cohort_tables import Row, counts, metrics_of, number
from CCMetricsLib.metrics import Better
from CCMetricsLib.ranking import direction

COMPARISON = (
    "metric",
    "n",
    "mean",
    "mean_other",
    "mean_difference",
    "ci_low",
    "ci_high",
    "median_difference",
    "better",
    "other_better",
    "equal",
    "wilcoxon_n",
    "wilcoxon_statistic",
    "wilcoxon_p",
)
DISAGREEMENTS = ("model", "case", "dice", "cc_dice", "difference", "components", "missed_components")
PAIRED_CASES = ("case", "dice_difference", "cc_dice_difference", "gap", "is_opposite")


def compare(rows: Sequence[Row], model: str, other: str, *, seed: int, resamples: int) -> list[Row]:
    """How `other` differs from `model` on the cases that both have a value for: a row a metric, keys of `COMPARISON`.

    A difference is `other` minus `model`; the interval is of its mean over cases (paired bootstrap), and the test is
    Wilcoxon's signed-rank test, two-sided, without the cases where the difference is 0. Nothing is corrected for the
    number of metrics.
    """
    return [
        {"metric": metric, **_compared(_paired(rows, metric, model, other), direction(metric), seed, resamples)}
        for metric in metrics_of(rows)
        if _has_direction(metric)
    ]


def disagreements(rows: Sequence[Row]) -> list[Row]:
    """The cases of each model by how far Dice and CC-Dice lie apart, the farthest first; keys of `DISAGREEMENTS`."""
    found: list[tuple[float, Row]] = []
    for row in rows:
        dice, cc_dice = number(row.get("dice")), number(row.get("cc_dice"))
        if dice is not None and cc_dice is not None and counts(row, "dice"):
            cells = {**row, "difference": dice - cc_dice}
            found.append((abs(dice - cc_dice), {name: cells[name] for name in DISAGREEMENTS}))
    models = list(dict.fromkeys(row["model"] for row in rows))
    return [row for _, row in sorted(found, key=lambda item: (models.index(item[1]["model"]), -item[0]))]


def paired_cases(rows: Sequence[Row], model: str, other: str) -> list[Row]:
    """The cases by how differently Dice and CC-Dice tell the two models apart; keys of `PAIRED_CASES`.

    `is_opposite` is 1 where one of the two scores prefers `model` and the other prefers `other`.
    """
    dice, cc_dice = (_paired(rows, metric, model, other) for metric in ("dice", "cc_dice"))
    table = [_told_apart(case, dice[case], cc_dice[case]) for case in dice if case in cc_dice]
    return sorted(table, key=lambda row: -float(str(row["gap"])))


def signed_rank(differences: Sequence[float]) -> tuple[int, float | None, float | None]:
    """Wilcoxon's signed-rank test (doi 10.2307/3001968): how many differences are not 0, the statistic, two-sided p.

    >>> signed_rank([0.1, 0.2, 0.3, 0.4, 0.5, 0.0])
    (5, 0.0, 0.0625)
    """
    nonzero = [difference for difference in differences if difference != 0]
    if not nonzero:
        return 0, None, None
    from scipy.stats import wilcoxon  # scipy.stats takes longer to import than all of this package

    test = wilcoxon(nonzero)
    return len(nonzero), float(test.statistic), float(test.pvalue)


def _paired(rows: Sequence[Row], metric: str, model: str, other: str) -> dict[str, tuple[float, float]]:
    """Both models' values, by case, where both have one."""
    of_model, of_other = (_values(rows, metric, name) for name in (model, other))
    return {case: (value, of_other[case]) for case, value in of_model.items() if case in of_other}


def _values(rows: Sequence[Row], metric: str, model: str) -> dict[str, float]:
    return {
        str(row["case"]): value
        for row in rows
        if row["model"] == model and counts(row, metric) and (value := number(row.get(metric))) is not None
    }


def _has_direction(metric: str) -> bool:
    try:
        direction(metric)
    except UsageError:
        return False
    return True


def _compared(pairs: Mapping[str, tuple[float, float]], better: Better, seed: int, resamples: int) -> Row:
    differences = [other - value for value, other in pairs.values()]
    compared: Row = dict.fromkeys(COMPARISON[1:]) | {"n": len(pairs)}
    if not pairs:
        return compared
    means = np.mean(list(pairs.values()), axis=0)
    interval = bootstrap.mean_interval(differences, rng=np.random.default_rng(seed), resamples=resamples)
    gains = [_gain(value, other, better) for value, other in pairs.values()]
    tested = zip(("wilcoxon_n", "wilcoxon_statistic", "wilcoxon_p"), signed_rank(differences), strict=True)
    return compared | {
        "mean": float(means[0]),
        "mean_other": float(means[1]),
        "mean_difference": float(np.mean(differences)),
        "ci_low": interval[0] if interval else None,
        "ci_high": interval[1] if interval else None,
        "median_difference": float(np.median(differences)),
        "better": sum(gain < 0 for gain in gains),
        "other_better": sum(gain > 0 for gain in gains),
        "equal": sum(gain == 0 for gain in gains),
        **dict(tested),
    }


def _gain(value: float, other: float, better: Better) -> float:
    """Above 0 where the other value is the better one.

    >>> _gain(0.5, 0.75, "higher"), _gain(0.5, 0.75, "lower"), _gain(-2.0, 1.0, "zero")
    (0.25, -0.25, 1.0)
    """
    return {"higher": other - value, "lower": value - other, "zero": abs(value) - abs(other)}[better]


def _told_apart(case: str, dice: tuple[float, float], cc_dice: tuple[float, float]) -> Row:
    by_dice, by_cc_dice = dice[1] - dice[0], cc_dice[1] - cc_dice[0]
    return {
        "case": case,
        "dice_difference": by_dice,
        "cc_dice_difference": by_cc_dice,
        "gap": abs(by_dice - by_cc_dice),
        "is_opposite": int(by_dice * by_cc_dice < 0),
    }
