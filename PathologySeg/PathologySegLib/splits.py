"""Splits of cases for training and test: no patient is on both sides of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from AnatomyGuidedLib.errors import UsageError

from PathologySegLib.data_sets import PetCtCase

Split = tuple[tuple[PetCtCase, ...], tuple[PetCtCase, ...]]


def random_splits(
    cases: Sequence[PetCtCase], *, rng: np.random.Generator, count: int = 5, share: float = 0.7
) -> Iterator[Split]:
    """`count` random splits of the patients, the share of them to learn from, the others to test (4.2.3: 70:30).

    Raises:
        UsageError: A side would be empty.
    """
    patients = sorted({case.patient for case in cases})
    learned = round(share * len(patients))
    if not 0 < learned < len(patients):
        raise UsageError(f"{len(patients)} patients cannot be split {share:.0%} to {1 - share:.0%}; give more.")
    for _ in range(count):
        chosen = {patients[number] for number in rng.permutation(len(patients))[:learned]}
        yield _parted(cases, chosen)


def stratified_folds(
    cases: Sequence[PetCtCase], *, rng: np.random.Generator, strata: Sequence[str] = (), count: int = 5
) -> Iterator[Split]:
    """`count` folds: each patient is tested once, and facts such as diagnosis and sex are spread evenly (E.1.2.2).

    A patient's facts are those of the first case.

    Raises:
        UsageError: There are fewer patients than folds, or a case lacks a fact.
    """
    first = {case.patient: case for case in reversed(cases)}
    if len(first) < count:
        raise UsageError(f"{len(first)} patients cannot make {count} folds; give more, or ask for fewer folds.")
    by_stratum: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for patient in sorted(first):
        by_stratum[_stratum(first[patient], strata)].append(patient)
    shuffled = [patients[i] for _, patients in sorted(by_stratum.items()) for i in rng.permutation(len(patients))]
    for fold in range(count):
        yield _parted(cases, set(shuffled) - set(shuffled[fold::count]))


def _stratum(case: PetCtCase, strata: Sequence[str]) -> tuple[str, ...]:
    lacking = [name for name in strata if name not in case.facts]
    if lacking:
        raise UsageError(f"The case {case.name} has no {lacking[0]} to spread over folds; add the column to the table.")
    return tuple(case.facts[name] for name in strata)


def _parted(cases: Sequence[PetCtCase], learned: set[str]) -> Split:
    return (
        tuple(case for case in cases if case.patient in learned),
        tuple(case for case in cases if case.patient not in learned),
    )
