"""Several models ranked by each metric, and how well each metric's ranking agrees with an expert's (thesis, 7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import get_args

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

from CCMetricsLib import metrics as region_metrics
from CCMetricsLib.metrics import Better, Score
from CCMetricsLib.rivals import RIVALS

MODEL, RANK, AVERAGE_RANK = "model", "rank", "average_rank"
ALL_EQUAL = "one of the two rankings puts every model on the same rank"

_OF_A_CASE: Mapping[str, Better] = {"missed_components": "lower", "fp_volume_ml": "lower", "fn_volume_ml": "lower"}
_KNOWN: Mapping[str, Better] = MappingProxyType({**_OF_A_CASE, **RIVALS})
_NO_OVERRIDES: Mapping[str, Better] = MappingProxyType({})


@dataclass(frozen=True)
class Ranking:
    """The rank of each model, 1 for the best, by each metric; `ranks[metric]` is in the order of `models`."""

    models: tuple[str, ...]
    ranks: Mapping[str, tuple[float, ...]]

    @property
    def average(self) -> tuple[float, ...]:
        """Each model's mean rank over the metrics, all of which count the same."""
        return tuple(float(rank) for rank in np.mean(list(self.ranks.values()), axis=0))


@dataclass(frozen=True)
class RankCorrelation:
    """How a metric's ranking of the models goes with the expert's: 1 the same, -1 reversed."""

    metric: str
    spearman: Score
    kendall: Score


def direction(metric: str) -> Better:
    """Which values of a metric are better: "higher", "lower", or "zero" for those nearer to 0.

    >>> direction("pq"), direction("fpv_ml"), direction("cc_dice")
    ('higher', 'lower', 'higher')

    Raises:
        UsageError: Nothing is known about this metric.
    """
    if metric in _KNOWN:
        return _KNOWN[metric]
    if metric.removeprefix("cc_") in region_metrics.METRICS:
        return region_metrics.direction(metric)
    names = region_metrics.METRICS
    raise UsageError(
        f'Which values of "{metric}" are better is not known: name its direction. Known are '
        f"{_told([*names, *_KNOWN])}, and the first {len(names)} with cc_ before them."
    )


def rank_models(
    rows: Iterable[Mapping[str, object]],
    *,
    metrics: Sequence[str],
    directions: Mapping[str, Better] = _NO_OVERRIDES,
) -> Ranking:
    """The models' ranks from a table with one row a model: its name under `model`, and a number under each metric.

    Models that tie share the mean of their ranks. `directions` holds "higher", "lower" or "zero" for metrics that
    `direction` does not know.

    >>> table = [{"model": "A", "dice": 0.6, "fpv_ml": 9.0}, {"model": "B", "dice": 0.6, "fpv_ml": 2.0}]
    >>> ranking = rank_models(table, metrics=["dice", "fpv_ml"])
    >>> ranking.ranks["dice"], ranking.ranks["fpv_ml"], ranking.average
    ((1.5, 1.5), (2.0, 1.0), (1.75, 1.25))

    Raises:
        AnatomyGuidedError: There is no row, a model has no name or two rows, or cells without a number.
        UsageError: No metric is named, or a metric's direction is not known or is none of the three.
    """
    if not metrics:
        raise UsageError("A ranking needs at least one metric, but none is named.")
    table = list(rows)
    models = _models(table)
    better = {metric: _direction(metric, directions) for metric in metrics}
    values = {metric: [_number(row.get(metric)) for row in table] for metric in metrics}
    lacking = [
        f"{model} ({metric})"
        for metric in metrics
        for model, value in zip(models, values[metric], strict=True)
        if value is None
    ]
    if lacking:
        raise AnatomyGuidedError(f"A ranking needs a number for every model and metric; lacking are {_told(lacking)}.")
    ranks = {
        metric: _ranked([_badness(value, better[metric]) for value in values[metric] if value is not None])
        for metric in metrics
    }
    return Ranking(models, MappingProxyType(ranks))


def expert_ranks(rows: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """An expert's rank of each model from the rows of a table with the columns `model` and `rank`; 1 is the best.

    >>> expert_ranks([{"model": "A", "rank": "2"}, {"model": "B", "rank": "1"}])
    {'A': 2.0, 'B': 1.0}

    Raises:
        AnatomyGuidedError: There is no row, a model has no name or two rows, or a rank is no number above 0.
    """
    table = list(rows)
    models = _models(table)
    ranks = {model: _number(row.get(RANK)) for model, row in zip(models, table, strict=True)}
    bad = [model for model, rank in ranks.items() if rank is None or rank <= 0]
    if bad:
        raise AnatomyGuidedError(
            f"An expert's rank must be a number above 0 (1 is the best); it is not for {_told(bad)}."
        )
    return {model: rank for model, rank in ranks.items() if rank is not None}


def correlate(ranking: Ranking, expert: Mapping[str, float]) -> tuple[RankCorrelation, ...]:
    """Spearman's and Kendall's (tau-b) correlation with the expert of each metric, and last of the average rank.

    Raises:
        AnatomyGuidedError: The expert and the table do not name the same models, or there are fewer than two.
    """
    unknown = [model for model in expert if model not in ranking.models]
    unranked = [model for model in ranking.models if model not in expert]
    if unknown:
        raise AnatomyGuidedError(
            f"The expert ranks models that have no scores: {_told(unknown)}; scored are {_told(ranking.models)}."
        )
    if unranked:
        raise AnatomyGuidedError(f"The expert's ranking lacks models that have scores: {_told(unranked)}.")
    if len(ranking.models) < 2:
        raise AnatomyGuidedError("A rank correlation needs at least two models, but there is one.")
    wanted = [expert[model] for model in ranking.models]
    columns = {**ranking.ranks, AVERAGE_RANK: ranking.average}
    return tuple(_correlation(metric, ranks, wanted) for metric, ranks in columns.items())


def ranking_rows(ranking: Ranking) -> list[dict[str, object]]:
    """The ranking as a table: one row a model with its rank by each metric and its average rank."""
    return [
        {
            MODEL: model,
            **{metric: ranks[place] for metric, ranks in ranking.ranks.items()},
            AVERAGE_RANK: ranking.average[place],
        }
        for place, model in enumerate(ranking.models)
    ]


def _models(rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    names = [str(row.get(MODEL) or "").strip() for row in rows]
    if not names:
        raise AnatomyGuidedError("A ranking needs a table with one row a model, but the table has no row.")
    if "" in names:
        raise AnatomyGuidedError(f'Row {names.index("") + 1} of the table has no name under "{MODEL}".')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnatomyGuidedError(f"A model may have one row only; more have {_told(twice)}.")
    return tuple(names)


def _direction(metric: str, directions: Mapping[str, Better]) -> Better:
    if metric not in directions:
        return direction(metric)
    if directions[metric] not in get_args(Better):
        raise UsageError(
            f"The direction of {metric} must be one of {_told(get_args(Better))}, but is {directions[metric]!r}."
        )
    return directions[metric]


def _badness(value: float, better: Better) -> float:
    """A number that grows as the value gets worse."""
    return {"higher": -value, "lower": value, "zero": abs(value)}[better]


def _number(cell: object) -> float | None:
    """The cell's finite number; nothing where it is empty or holds something else."""
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if isfinite(value) else None


def _ranked(badness: Sequence[float]) -> tuple[float, ...]:
    from scipy.stats import rankdata  # scipy.stats takes longer to import than all of this package

    return tuple(float(rank) for rank in rankdata(badness, method="average"))


def _correlation(metric: str, ranks: Sequence[float], wanted: Sequence[float]) -> RankCorrelation:
    from scipy.stats import kendalltau, spearmanr

    if len(set(ranks)) == 1 or len(set(wanted)) == 1:
        return RankCorrelation(metric, Score(None, ALL_EQUAL), Score(None, ALL_EQUAL))
    spearman, kendall = spearmanr(ranks, wanted).statistic, kendalltau(ranks, wanted, variant="b").statistic
    return RankCorrelation(metric, Score(float(spearman)), Score(float(kendall)))


def _told(names: Sequence[str]) -> str:
    return ", ".join(names)
