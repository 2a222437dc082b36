"""How sure a pooled score and its difference from another arm's are: patients drawn anew, the same for both arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple

import numpy as np
import numpy.typing as npt

from PathologySegLib.apex.segmentation_scores import Counts

SCORES = ("iou", "dice", "boundary_iou")
RESAMPLES, LEVEL, SEED = 10_000, 0.95, 0

Interval = Mapping[str, float]


def score_intervals(counts: Sequence[Counts]) -> dict[str, Interval]:
    """By score its value over all patients, and the percentile interval of patients drawn with replacement."""
    drawn = _drawn(counts)
    return {name: _interval(getattr(sum(counts, Counts()), name), _of(drawn, name)) for name in SCORES}


def differences(counts: Sequence[Counts], reference: Sequence[Counts]) -> dict[str, Interval]:
    """By score how much more than the reference's it is; entry i of both is the same patient.

    Raises:
        ValueError: There are not as many.
    """
    if len(counts) != len(reference):
        raise ValueError(f"Paired counts need the same patients, but there are {len(counts)} and {len(reference)}.")
    own, other = _drawn(counts), _drawn(reference)
    totals = sum(counts, Counts()), sum(reference, Counts())
    return {
        name: _interval(getattr(totals[0], name) - getattr(totals[1], name), _of(own, name) - _of(other, name))
        for name in SCORES
    }


def mean_difference(values: Sequence[float], others: Sequence[float]) -> Interval:
    """The mean of paired differences with its interval.

    >>> mean_difference([1.0, 1.0], [0.5, 0.5])
    {'mean': 0.5, 'low': 0.5, 'high': 0.5}
    """
    pairs = np.asarray(values, np.float64) - np.asarray(others, np.float64)
    rng = np.random.default_rng(SEED)
    return _interval(float(pairs.mean()), pairs[rng.integers(len(pairs), size=(RESAMPLES, len(pairs)))].mean(1))


def _drawn(counts: Sequence[Counts]) -> npt.NDArray[np.float64]:
    """Totals (resamples, 4) of patients drawn anew; as many patients draw the same ones each time."""
    table = np.array([astuple(one) for one in counts], np.float64)
    rng = np.random.default_rng(SEED)
    return np.asarray(table[rng.integers(len(table), size=(RESAMPLES, len(table)))].sum(1))


def _of(totals: npt.NDArray[np.float64], score: str) -> npt.NDArray[np.float64]:
    shared, either, band_shared, band_either = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "iou": shared / either,
            "dice": 2 * shared / (shared + either),
            "boundary_iou": band_shared / band_either,
        }
    return np.asarray(found[score])


def _interval(value: float, drawn: npt.NDArray[np.float64]) -> Interval:
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
