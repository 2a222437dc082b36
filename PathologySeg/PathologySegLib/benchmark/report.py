"""Models side by side as in the thesis's Table 16, with ranks by Dice and CC-Dice, and how sure differences are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from CCMetricsLib import table16
from CCMetricsLib.cohort_tables import Row, case_rows, number, statistics, whole_rows
from CCMetricsLib.compare import COMPARISON, compare
from CCMetricsLib.ranking import rank_models

METRICS: Mapping[str, str] = {
    "Dice": "dice", "CC-Dice": "cc_dice", "SD": "nsd", "CC-SD": "cc_nsd", "HD": "hd95_mm", "CC-HD": "cc_hd95_mm",
}  # fmt: skip
RANKED = ("Dice", "CC-Dice")
PAIRS = ("data_set", "model", "other", *COMPARISON)
_INTERVAL = ("mean", "ci_low", "ci_high")


def data_set_report(
    name: str, results: Sequence[Mapping[str, Any]], not_run: Mapping[str, str], *, seed: int, resamples: int
) -> dict[str, Any]:
    """A data set's tables: `table16` with ranks, `intervals` of means, `pairs` of models, `orders` by Dice and CC-Dice.

    `results` are `evaluate`'s JSON with the model's name, `not_run` the reason of each model that there is nothing of.
    """
    rows = whole_rows(case_rows(results))
    again = {"seed": seed, "resamples": resamples}
    table = with_ranks(table16.table16(rows))
    return {
        "data_set": name,
        "table16": table,
        "intervals": _intervals(statistics(rows, **again)),
        "pairs": _pairs(name, rows, **again),
        "orders": {title: _order(table, title) for title in RANKED},
        "not_run": dict(not_run),
    }


def with_ranks(table: Sequence[Row]) -> list[Row]:
    """The rows of Table 16, with `rank_METRIC` (1 the best, ties share their mean) where all models have a number.

    >>> rows = [{"model": "a", "Dice": 60.0, "CC-Dice": 40.0}, {"model": "b", "Dice": 70.0, "CC-Dice": 30.0}]
    >>> [(row["model"], row["rank_dice"], row["rank_cc_dice"]) for row in with_ranks(rows)]
    [('a', 2.0, 1.0), ('b', 1.0, 2.0)]
    """
    ranked = [dict(row) for row in table]
    for title, metric in METRICS.items():
        values = [{"model": row["model"], metric: row.get(title)} for row in table]
        try:
            ranks = rank_models(values, metrics=[metric]).ranks[metric]
        except AnatomyGuidedError:  # a model without a number has no rank, and nor have the others beside it
            continue
        for row, rank in zip(ranked, ranks, strict=True):
            row[f"rank_{metric}"] = rank
    return ranked


def as_markdown(report: Mapping[str, Any]) -> str:
    """Table 16 for a text: percent and mm with one decimal, the ranks by Dice and CC-Dice beside them.

    >>> print(as_markdown({"table16": [{"model": "a", "cases": 2, "Dice": 60.0, "rank_dice": 1.0}],
    ...     "not_run": {"b": "it is not installed."}}).splitlines()[2:])
    ['| a | 2 | 60.0 | 1 | - | - | - | - | - | - |', '| b | not run, because it is not installed. | | | | | | | | |']
    """
    header = ["model", "cases"]
    for title in METRICS:
        header += [title, "rank"] if title in RANKED else [title]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    lines += [_cells(row) for row in report["table16"]]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    for model, reason in report["not_run"].items():
        text += f"| {model} | not run, because {reason} |{' |' * (len(header) - 2)}\n"
    return text


def _cells(row: Row) -> list[str]:
    cells = [str(row["model"]), str(row["cases"])]
    for title, metric in METRICS.items():
        value, rank = number(row.get(title)), number(row.get(f"rank_{metric}"))
        cells.append("-" if value is None else f"{value:.1f}")
        if title in RANKED:
            cells.append("-" if rank is None else f"{rank:g}")
    return cells


def _order(table: Sequence[Row], title: str) -> list[str]:
    """The models from the best to the worst; empty where they have no ranks."""
    key = f"rank_{METRICS[title]}"
    if not all(key in row for row in table):
        return []
    return [str(row["model"]) for row in sorted(table, key=lambda row: float(str(row[key])))]


def _intervals(told: Sequence[Row]) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in told:
        if row["metric"] in METRICS.values():
            found.setdefault(str(row["model"]), {})[str(row["metric"])] = {key: row[key] for key in _INTERVAL}
    return found


def _pairs(name: str, rows: Sequence[Row], *, seed: int, resamples: int) -> list[Row]:
    """Each pair of models on the same cases: the difference is the second's minus the first's."""
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    return [
        {"data_set": name, "model": one, "other": other, **row}
        for one, other in combinations(models, 2)
        for row in compare(rows, one, other, seed=seed, resamples=resamples)
        if row["metric"] in METRICS.values()
    ]
