"""How far a data set's volumes of a structure are from those of other data sets (thesis, Figure 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

_BINS = 20


def jensen_shannon(one: npt.ArrayLike, other: npt.ArrayLike, edges: npt.ArrayLike) -> float:
    """The divergence (base 2: 0 where the histograms are equal, 1 where they share no bin) of two samples."""
    p, q = (np.histogram(np.asarray(sample, np.float64), np.asarray(edges))[0].astype(float) for sample in (one, other))
    p, q = p / p.sum(), q / q.sum()
    return float((_relative_entropy(p, (p + q) / 2) + _relative_entropy(q, (p + q) / 2)) / 2)


def average_divergences(samples: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """By data set its average divergence from all others, over bins that span all of them; needs two at least.

    >>> average_divergences({"a": [1, 2], "b": [1, 2], "c": [9, 9]})
    {'a': 0.5, 'b': 0.5, 'c': 1.0}
    """
    values = np.concatenate([np.asarray(sample, np.float64) for sample in samples.values()])
    edges = np.linspace(values.min(), values.max() + 1e-9, _BINS + 1)
    return {
        name: float(np.mean([jensen_shannon(sample, samples[other], edges) for other in samples if other != name]))
        for name, sample in samples.items()
        if len(samples) > 1
    }


def _relative_entropy(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
