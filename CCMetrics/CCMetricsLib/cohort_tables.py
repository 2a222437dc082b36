"""A cohort's scores as tables: a row a case, a row a lesion, and each metric over all cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from CCMetricsLib import bootstrap

Row = dict[str, object]

ALL_CLASSES = "all"  # the row that stands for a case where several classes were scored
SPACING = ("spacing_i_mm", "spacing_j_mm", "spacing_k_mm")
FALSE_POSITIVES = ("fp_volume_ml", "fpv_ml")  # all that a case without a reference lesion counts in
STATISTICS = (
    "model",
    "class",
    "metric",
    "n",
    "undefined",
    "without_lesion",
    "mean",
    "ci_low",
    "ci_high",
    "sd",
    "min",
    "q25",
    "median",
    "q75",
    "max",
)

_KEYS = ("case", "model", "class")
_SPACING_DIGITS = 3


def case_rows(results: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The scores of each case: one row, or with several classes one a class and one for all of them."""
    return [row for result in results for row in _rows(result)]


def lesion_rows(results: Iterable[Mapping[str, Any]]) -> list[Row]:
    """One row a lesion of the reference, case by case and model by model."""
    return [
        {"case": row["case"], "model": result["model"], **row} for result in results for row in result["components"]
    ]


def columns(rows: Iterable[Mapping[str, object]], *, first: Sequence[str] = ()) -> list[str]:
    """The columns that any of the rows has, in the order in which they appear, `first` in front.

    >>> columns([{"b": 1}, {"a": 2, "b": 3}], first=["case"])
    ['case', 'b', 'a']
    """
    return list(dict.fromkeys([*first, *(name for row in rows for name in row)]))


def whole_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that stand for a case as a whole, one a case and model."""
    of_all = [row for row in rows if row["class"] == ALL_CLASSES]
    return of_all or list(rows)


def metrics_of(rows: Sequence[Row]) -> list[str]:
    """The columns that hold scores, volumes and counts."""
    return [name for name in columns(rows) if name not in (*_KEYS, *SPACING)]


def counts(row: Mapping[str, object], metric: str) -> bool:
    """Whether a case counts in a metric: without a lesion in the reference it counts in false-positive volume only."""
    return bool(row["components"]) or metric in FALSE_POSITIVES


def values_of(rows: Iterable[Row], metric: str) -> list[float]:
    """The metric's values of the cases that count in it and have one."""
    return [value for row in rows if counts(row, metric) and (value := number(row.get(metric))) is not None]


def number(cell: object) -> float | None:
    """The cell's number; nothing where it is empty."""
    return float(cell) if isinstance(cell, int | float) else None


def statistics(rows: Sequence[Row], *, seed: int, resamples: int) -> list[Row]:
    """Each metric over the cases of each model and class, with the keys of `STATISTICS`; `None` where undefined.

    Quartiles interpolate linearly; `sd` is the sample's; the interval is of the mean (`bootstrap.mean_interval`).
    """
    groups = dict.fromkeys((row["model"], row["class"]) for row in rows)
    return [
        {"model": model, "class": name, "metric": metric, **_over_cases(of_group, metric, seed, resamples)}
        for model, name in groups
        for of_group in [[row for row in rows if (row["model"], row["class"]) == (model, name)]]
        for metric in metrics_of(rows)
    ]


def spacings(rows: Sequence[Row]) -> list[Row]:
    """The different spacings of the cohort in mm, with the number of cases that have them, the most frequent first."""
    of_case = {row["case"]: tuple(round(float(str(row[axis])), _SPACING_DIGITS) for axis in SPACING) for row in rows}
    found = {spacing: list(of_case.values()).count(spacing) for spacing in of_case.values()}
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [{"spacing_mm": list(spacing), "cases": count} for spacing, count in ordered]


def _rows(result: Mapping[str, Any]) -> list[Row]:
    classes = list(result["classes"])
    if len(classes) > 1:
        classes.append({"class": ALL_CLASSES, "summary": result["summary"]})
    spacing = dict(zip(SPACING, result["grid"]["spacing_mm"], strict=True))
    case = {"case": result["case"], "model": result["model"]}
    return [{**case, "class": of_one["class"], **of_one["summary"], **spacing} for of_one in classes]


def _over_cases(rows: Sequence[Row], metric: str, seed: int, resamples: int) -> Row:
    values = values_of(rows, metric)
    without_lesion = sum(not counts(row, metric) for row in rows)
    counted: Row = {
        "n": len(values),
        "undefined": len(rows) - len(values) - without_lesion,
        "without_lesion": without_lesion,
    }
    return counted | _described(values, seed, resamples)


def _described(values: Sequence[float], seed: int, resamples: int) -> Row:
    names = [
        name for name in STATISTICS if name not in ("model", "class", "metric", "n", "undefined", "without_lesion")
    ]
    if not values:
        return dict.fromkeys(names)
    interval = bootstrap.mean_interval(values, rng=np.random.default_rng(seed), resamples=resamples)
    low, high = interval or (None, None)
    least, q25, median, q75, most = (float(q) for q in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    told = (float(np.mean(values)), low, high, sd, least, q25, median, q75, most)
    return dict(zip(names, told, strict=True))
