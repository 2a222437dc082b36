"""The cases of the study: patients that are made, or a user's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.progress import stop_if

from PathologySegLib.data_sets import cases_of, patients_note
from PathologySegLib.learning.cases import Case, Cases
from PathologySegLib.learning.fingerprints import file_stamps
from PathologySegLib.learning.plan import Plan


def for_cohort(plan: Plan) -> tuple[Plan, list[str]]:
    """The plan without the arms that need true anatomy, which no patient has, and a sentence about each."""
    arms = {name: arm for name, arm in plan.arms.items() if arm.anatomy != "true"}
    notes = [
        f"The arm {name} is left out: nobody knows the true anatomy of a cohort."
        for name in plan.arms
        if name not in arms
    ]
    return replace(plan, arms=arms, settings=replace(plan.settings, arms=tuple(arms))), notes


def cohort_told(source: Path) -> list[list[str]]:
    """Names, patients and files as they are of a cohort's cases: a study of others is another one.

    Raises:
        AnatomyGuidedError: The cohort cannot be read, names a case twice, or lacks a file.
    """
    cases = cases_of(source, needs_patient=False)
    return [[case.name, case.patient, *file_stamps(case)] for case in cases]


def cohort_notes(source: Path, cases: Sequence[Case]) -> list[str]:
    """What a reader of the study must know of the cohort's patients."""
    several = sum(count > 1 for count in Counter(case.whose for case in cases).values())
    drawn = f"Intervals draw cases, but {several} patients have several: they are wider in truth." if several else ""
    return [note for note in (patients_note(source), drawn) if note]


def study_cases(plan: Plan, cohort: Path | None, kept: Path, console: Console, share: float) -> list[Case]:
    """All cases, each prepared once and kept in the folder; `share` is how much of the progress that is.

    Raises:
        UsageError: There are too few patients to learn from some and predict others, or no lesion on a side of them.
        AnatomyGuidedError: A case of the cohort cannot be read.
        Cancelled: The user stopped; what was prepared stays.
    """
    from PathologySegLib.learning.trial import both_sides

    cases, found = _cases(plan, cohort, kept), list[Case]()
    for number in range(len(cases)):
        stop_if(console.cancelled)
        console.progress(share * number / len(cases), f"Patient {number + 1} of {len(cases)}")
        found.append(cases.case(number))
    tried = [number for split in range(plan.settings.splits) for number in both_sides(found, plan.settings, split)[1]]
    if all(found[number].healthy for number in tried):
        raise UsageError(
            f"None of the {len(set(tried))} cases to predict has a lesion, so arms cannot be compared; give more cases "
            "with lesions, more splits, or another training_share."
        )
    return found


def _cases(plan: Plan, cohort: Path | None, kept: Path) -> Cases:
    from PathologySegLib.learning.atlas_models import AtlasModel

    settings, predict = plan.settings, AtlasModel(plan.settings.atlas).labels
    if cohort:
        from PathologySegLib.learning.cohort_cases import CohortCases

        return CohortCases(cohort, settings.phantoms.spacing_mm, kept, predict, settings.atlas)
    from PathologySegLib.learning.phantom_cases import PhantomCases

    return PhantomCases(settings.phantoms, settings.cases, kept, predict)
