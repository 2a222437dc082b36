"""Who is learned from and who is tried: folds by patient, healthy ones left out (thesis, 4.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from AnatomyGuidedLib.errors import UsageError

from PathologySegLib.apex.slices import PatientSlices

Case = TypeVar("Case")


def fold_of(cases: Sequence[Case], fold: int, folds: int, *, seed: int = 0) -> tuple[list[Case], list[Case]]:
    """The cases to learn from, and those of the fold: each case is in one fold, the same however often it is asked.

    >>> learned, tried = fold_of("abcdefg", 1, 5)
    >>> sorted(learned + tried), len(tried)
    (['a', 'b', 'c', 'd', 'e', 'f', 'g'], 2)

    Raises:
        UsageError: There is no such fold, or there are fewer cases than folds.
    """
    if not 0 <= fold < folds:
        raise UsageError(f"The setting fold is {fold}, but 0 to {folds - 1} was expected.")
    if len(cases) < folds:
        raise UsageError(f"{folds} folds need as many patients with lesions, but there are {len(cases)}.")
    order = np.random.default_rng(seed).permutation(len(cases))
    tried = {int(place) for place in order[fold::folds]}
    return [c for i, c in enumerate(cases) if i not in tried], [c for i, c in enumerate(cases) if i in tried]


def with_pathology(patients: Sequence[PatientSlices]) -> list[PatientSlices]:
    """The patients that have a lesion."""
    return [patient for patient in patients if patient.lesions.any()]
