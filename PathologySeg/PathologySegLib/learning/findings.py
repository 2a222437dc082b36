"""What the trials say: means with intervals, paired differences, who beats whom, ranks, and rules that hold or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

import numpy as np
from CCMetricsLib.bootstrap import mean_interval
from CCMetricsLib.ranking import rank_models

from PathologySegLib.learning.arms import Arm
from PathologySegLib.learning.plan import BASELINE, Rule, Statistics
from PathologySegLib.learning.scoring import METRICS
from PathologySegLib.learning.trial import Scores

Interval = Mapping[str, float | None]
Findings = Mapping[str, Mapping[str, object]]


def by_case(splits: Sequence[Scores], metric: str) -> dict[str, float]:
    """Each case's mean of a metric over the splits that predicted it; cases without a value are left out.

    >>> by_case([{"a": {"dice": 0.5}}, {"a": {"dice": 0.7}, "b": {"dice": None}}], "dice")
    {'a': 0.6}
    """
    values: dict[str, list[float]] = {}
    for split in splits:
        for case, scores in split.items():
            value = scores[metric]
            if value is not None:
                values.setdefault(case, []).append(value)
    return {case: float(np.mean(found)) for case, found in values.items()}


def interval(values: Sequence[float], how: Statistics) -> Interval:
    """The mean and its bootstrap interval over cases; without limits for fewer than two."""
    if not values:
        return {"mean": None, "low": None, "high": None}
    rng = np.random.default_rng(how.seed)
    limits = mean_interval(values, rng=rng, resamples=how.resamples, level=how.level) or (None, None)
    return {"mean": float(np.mean(values)), "low": limits[0], "high": limits[1]}


def paired(own: Sequence[Scores], other: Sequence[Scores], metric: str, how: Statistics) -> Interval:
    """The mean over cases of the own value minus the other's, of cases that both have."""
    mine, others = by_case(own, metric), by_case(other, metric)
    return interval([mine[case] - others[case] for case in sorted(mine) if case in others], how)


def summary(arms: Mapping[str, Arm], scores: Mapping[str, Sequence[Scores]], how: Statistics) -> Findings:
    """By arm its metrics, the difference of Dice to the baseline and to its own reference, and its average rank."""
    found: dict[str, dict[str, object]] = {}
    for name, arm in arms.items():
        own = scores[name]
        found[name] = {metric: interval(list(by_case(own, metric).values()), how) for metric in METRICS}
        found[name] |= {"vs_baseline": paired(own, scores[BASELINE], "dice", how), "oracle": arm.anatomy == "true"}
        if arm.reference in scores and name != arm.reference:
            found[name] |= {"reference": arm.reference, "vs_reference": paired(own, scores[arm.reference], "dice", how)}
        if arm.control in scores and name != arm.control:
            found[name] |= {"control": arm.control, "vs_control": paired(own, scores[arm.control], "dice", how)}
        found[name]["dice_by_split"] = [_rounded_mean(by_case([split], "dice").values()) for split in own]
    _add_ranks(found)
    for name, arm in arms.items():
        found[name] |= verdict(name, arm, found)
    return found


def verdict(name: str, arm: Arm, found: Findings) -> dict[str, object]:
    """Whether the gain's interval lies above 0, and that of the arm's control over the same reference does not.

    Without the control, or its interval, nobody knows, which `not_evaluable` says.
    """
    gains = _gains(found[name])
    if not gains or not arm.control:
        return {"beats_reference": gains}
    if arm.control not in found:
        return {"beats_reference": False, "not_evaluable": f"control {arm.control} was not run"}
    if _low(found[arm.control]) is None:
        return {"beats_reference": False, "not_evaluable": f"control {arm.control} has no interval"}
    return {"beats_reference": not _gains(found[arm.control])}


def judged(rules: Sequence[Rule], found: Findings) -> list[dict[str, object]]:
    """Each rule with what was found and whether it holds: null for one about an arm that was not run."""
    return [{**asdict(rule), **_judgement(rule, found)} for rule in rules]


def _judgement(rule: Rule, found: Findings) -> dict[str, object]:
    if rule.arm not in found or (rule.of and rule.of not in found):
        return {"found": None, "holds": None}
    gain = _gain(found, rule.arm)
    mean, low, high = (gain[key] for key in ("mean", "low", "high"))
    if mean is None or low is None or high is None:
        return {"found": gain, "holds": False}
    if rule.kind == "gains_at_least":
        return {"found": gain, "holds": mean >= rule.least}
    if rule.kind == "gains_less_than_share":
        other = _gain(found, rule.of)["mean"]
        return {"found": gain, "holds": other is not None and mean < rule.share * other}
    holds = low > 0 if rule.kind == "interval_above_0" else low <= 0 <= high
    return {"found": gain, "holds": holds}


def _gain(found: Findings, arm: str) -> Interval:
    gain = found[arm]["vs_baseline"]
    return gain if isinstance(gain, Mapping) else {}


def _gains(found: Mapping[str, object]) -> bool:
    """Whether the interval of the gain over the reference lies above 0."""
    low = _low(found)
    return low is not None and low > 0


def _low(found: Mapping[str, object]) -> float | None:
    gain = found.get("vs_reference")
    return gain["low"] if isinstance(gain, Mapping) else None


def _add_ranks(found: Mapping[str, dict[str, object]]) -> None:
    """Nothing; each arm has its mean rank over the four metrics, 1 for the best."""
    rows = [{"model": name, **{metric: _mean(arm[metric]) for metric in METRICS}} for name, arm in found.items()]
    ranking = rank_models(rows, metrics=METRICS)
    for name, rank in zip(ranking.models, ranking.average, strict=True):
        found[name]["average_rank"] = rank


def _rounded_mean(values: Collection[float]) -> float | None:
    """None of no values, as a split without lesions has."""
    return round(float(np.mean(list(values))), 4) if values else None


def _mean(value: object) -> float | None:
    return value["mean"] if isinstance(value, Mapping) else None
