"""Who is learned from and who is tried: folds by patient, healthy ones left out (thesis, 4.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from AnatomyGuidedLib.errors import UsageError

from PathologySegLib.apex.slices import PatientSlices

Case = TypeVar("Case")


def fold_of(
    cases: Sequence[Case], fold: int, folds: int, *, seed: int = 0, whose: Callable[[Case], object] = id
) -> tuple[list[Case], list[Case]]:
    """The cases to learn from, and those of the fold: each case is in one fold, the same however often it is asked.

    Cases of one patient (`whose`) are on one side.

    >>> learned, tried = fold_of(["Ann 1", "Bob 1", "Ann 2", "Eve 1"], 1, 3, whose=lambda case: case[:3])
    >>> sorted({case[:3] for case in learned} & {case[:3] for case in tried}), len(learned) + len(tried)
    ([], 4)

    Raises:
        UsageError: There is no such fold, or there are fewer patients than folds.
    """
    if not 0 <= fold < folds:
        raise UsageError(f"The setting fold is {fold}, but 0 to {folds - 1} was expected.")
    patients = list(dict.fromkeys(whose(case) for case in cases))
    if len(patients) < folds:
        raise UsageError(f"{folds} folds need as many patients with lesions, but there are {len(patients)}.")
    order = np.random.default_rng(seed).permutation(len(patients))
    tried = {patients[int(place)] for place in order[fold::folds]}
    sides = [whose(case) in tried for case in cases]
    return [c for c, side in zip(cases, sides, strict=True) if not side], [
        c for c, side in zip(cases, sides, strict=True) if side
    ]


def with_pathology(patients: Sequence[PatientSlices]) -> list[PatientSlices]:
    """The patients that have a lesion."""
    return [patient for patient in patients if len(patient.with_lesion)]
