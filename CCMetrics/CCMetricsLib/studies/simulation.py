"""Simulated failures of models: the n smallest or n largest lesions degraded (thesis, 5.1.5.1 and E.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Literal

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.study_options import require_positive

from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from CCMetricsLib.metrics import EmptyPolicy
from CCMetricsLib.studies import degradations
from CCMetricsLib.studies.cases import CaseParameters, Cases
from CCMetricsLib.studies.degradations import Edit, Lesions

Order = Literal["smallest", "largest"]
Group = Literal["at_least_n", "fixed"]

DEGRADATIONS = ("drop", "enlarge", "insert", "erode")
ORDERS: tuple[Order, ...] = ("smallest", "largest")
GROUPS: tuple[Group, ...] = ("at_least_n", "fixed")
METRICS = ("dice", "nsd", "hd95_mm")
SCORES = tuple(name for metric in METRICS for name in (metric, f"cc_{metric}"))
VALUE_COLUMNS = ("case", "lesions", "degradation", "order", "n", "missed_components", *SCORES)
QUARTILE_COLUMNS = ("group", "degradation", "order", "n", "score", "patients", "q25", "median", "q75")


@dataclass(frozen=True)
class SimulationParameters:
    """What is simulated.

    seed: of the generated patients and of the places of inserted lesions.
    most: n runs from 0, the perfect prediction, to this.
    erode_mm, enlarge_mm: the rim that a lesion loses or gains; at least a voxel should be as wide.
    tolerance_mm: of the surface Dice.
    worst_mm: the HD95 of a missed lesion (thesis, 5.1.5.2).
    generated: the patients, where no cohort is given.

    Raises:
        UsageError: A number is not above 0.
    """

    seed: int = 0
    most: int = 10
    erode_mm: float = 2.0
    enlarge_mm: float = 2.0
    tolerance_mm: float = 1.0
    worst_mm: float = 50.0
    generated: CaseParameters = field(default_factory=CaseParameters)

    def __post_init__(self) -> None:
        require_positive(self, "most", "erode_mm", "enlarge_mm", "tolerance_mm", "worst_mm")

    @property
    def evaluation(self) -> EvaluationParameters:
        """How each prediction is scored."""
        policy = EmptyPolicy(worst="thesis", worst_mm=self.worst_mm)
        return EvaluationParameters(metrics=METRICS, tolerance_mm=self.tolerance_mm, policy=policy)


@dataclass(frozen=True)
class Simulated:
    """One row a prediction, with the keys of `VALUE_COLUMNS`, and why cases failed, by their names."""

    rows: list[dict[str, object]]
    failed: dict[str, str]


def simulate(
    cases: Cases,
    parameters: SimulationParameters,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Simulated:
    """All predictions of all patients; a patient without a lesion has no row, one that cannot be read is listed.

    Raises:
        Cancelled: `cancelled` came true.
    """
    done = Simulated([], {})
    for index, (name, load) in enumerate(cases.items()):
        progress(index / len(cases), f"Degrading {name}")
        try:
            rows = simulate_case(load(), parameters, (parameters.seed, index), cancelled=cancelled)
        except AnatomyGuidedError as error:
            done.failed[name] = str(error)
            continue
        done.rows.extend({"case": name, **row} for row in rows)
    return done


def simulate_case(
    reference: Labelmap,
    parameters: SimulationParameters,
    seed: tuple[int, ...] = (0,),
    *,
    cancelled: CancelCheck = never_cancelled,
) -> list[dict[str, object]]:
    """One patient's rows: each degradation of the 0, 1, 2, ... smallest and largest lesions, while there are any."""
    lesions = Lesions.of(reference)
    rows: list[dict[str, object]] = []
    for degradation, order in product(DEGRADATIONS, ORDERS):
        rng = np.random.default_rng((*seed, DEGRADATIONS.index(degradation), ORDERS.index(order)))
        for n, edits in _edits(lesions, degradation, order, parameters, rng):
            stop_if(cancelled)
            evaluation = evaluate(reference, lesions.edited(edits), parameters.evaluation)
            key = {"lesions": lesions.components.count, "degradation": degradation, "order": order, "n": n}
            scores = {name: evaluation.scores[name].value for name in SCORES}
            rows.append({**key, "missed_components": evaluation.missed, **scores})
    return rows


def quartiles(rows: Sequence[Mapping[str, object]], most: int) -> list[dict[str, object]]:
    """Median and quartiles over the patients of each group, one row a score, with the keys of `QUARTILE_COLUMNS`.

    The group "at_least_n" has at each n all patients with enough lesions, as in Figures 30 to 33; "fixed" has at every
    n the patients with enough lesions for the last one, as in Figures 42 to 45.
    """
    told: list[dict[str, object]] = []
    for group, degradation, order, n in product(GROUPS, DEGRADATIONS, ORDERS, range(most + 1)):
        least = lesions_needed(degradation, most if group == "fixed" else n)
        key = {"degradation": degradation, "order": order, "n": n}
        chosen = [row for row in rows if row.items() >= key.items() and _count(row) >= least]
        told.extend({"group": group, **key, "score": name, **_spread(chosen, name)} for name in SCORES if chosen)
    return told


def lesions_needed(degradation: str, n: int) -> int:
    """How many lesions a patient must have so that n can be degraded: when n are dropped, one must stay.

    >>> lesions_needed("drop", 10), lesions_needed("erode", 10)
    (11, 10)
    """
    return n + 1 if degradation == "drop" else n


def _edits(
    lesions: Lesions, degradation: str, order: Order, parameters: SimulationParameters, rng: np.random.Generator
) -> Iterator[tuple[int, tuple[Edit, ...]]]:
    """n, and the edits of the first n lesions, from none on."""
    degrade = _degradation(degradation, parameters, rng)
    numbers = lesions.by_size() if order == "smallest" else lesions.by_size()[::-1]
    edits: tuple[Edit, ...] = ()
    for n in range(parameters.most + 1):
        if lesions_needed(degradation, n) > len(numbers) or not numbers:
            return
        if n:
            edits = (*edits, degrade(lesions, numbers[n - 1]))
        yield n, edits


def _degradation(
    name: str, parameters: SimulationParameters, rng: np.random.Generator
) -> Callable[[Lesions, int], Edit]:
    table: Mapping[str, Callable[[Lesions, int], Edit]] = {
        "drop": degradations.drop,
        "enlarge": partial(degradations.enlarge, amount_mm=parameters.enlarge_mm),
        "insert": partial(degradations.insert, rng=rng),
        "erode": partial(degradations.erode, amount_mm=parameters.erode_mm),
    }
    return table[name]


def _count(row: Mapping[str, object]) -> int:
    return int(str(row["lesions"]))


def _spread(rows: Sequence[Mapping[str, object]], score: str) -> dict[str, object]:
    values = [float(str(row[score])) for row in rows if row[score] is not None]
    if not values:
        return {"patients": 0, "q25": None, "median": None, "q75": None}
    q25, median, q75 = (float(value) for value in np.percentile(values, (25, 50, 75)))
    return {"patients": len(values), "q25": q25, "median": median, "q75": q75}
