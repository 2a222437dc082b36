"""How sure a mean over cases is: the bootstrap (Efron 1979, doi 10.1214/aos/1176344552)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from AnatomyGuidedLib.grid import FloatArray

RESAMPLES, LEVEL, SEED = 10_000, 0.95, 0

_DRAWS_AT_ONCE = 2**22


def mean_interval(
    values: Sequence[float],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """The percentile interval of the mean when cases are drawn anew with replacement; `None` for fewer than 2 values.

    The draw of cases depends on the generator and on the number of values alone: one generator seeded alike gives two
    metrics of the same cases the same draws.

    >>> mean_interval([1.0, 1.0, 1.0], rng=np.random.default_rng(0))
    (1.0, 1.0)

    Raises:
        ValueError: There is no resample, or the level is not between 0 and 1.
    """
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"A bootstrap needs resamples and a level from 0 to 1, but has {resamples} and {level}.")
    if len(values) < 2:
        return None
    means = _resampled_means(np.asarray(values, np.float64), rng, resamples)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled_means(values: FloatArray, rng: np.random.Generator, resamples: int) -> FloatArray:
    rows = max(1, _DRAWS_AT_ONCE // values.size)
    parts = [
        values[rng.integers(values.size, size=(min(rows, resamples - start), values.size))].mean(axis=1)
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(parts)
