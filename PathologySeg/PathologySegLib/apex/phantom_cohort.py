"""Made PET/CT patients with lesions, for training and for trying out: folds by patient, and a held-out test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from AnatomyGuidedLib.phantom import PatientOptions, make_images
from AnatomyGuidedLib.phantom.lesion_patterns import PATTERNS
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.study_options import require_positive

from PathologySegLib.apex.slices import PatientSlices, slices_of

_TEST_SEEDS = 500_000  # far from those of the patients that are learned from


@dataclass(frozen=True)
class PhantomCohort:
    """So many made patients to learn from in folds, and so many others that nobody learns from; each has lesions.

    Patient `number` is always the same one, whatever the cohort's size.
    """

    patients: int = 40
    test: int = 10
    spacing_mm: float = 6.0
    frame: tuple[int, int] = (80, 64)
    variants: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "patients", "test", "spacing_mm", "frame")


def learning_patients(
    cohort: PhantomCohort, *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled
) -> list[PatientSlices]:
    """The patients of the folds."""
    return _made(cohort, range(cohort.patients), progress, cancelled)


def held_out_patients(
    cohort: PhantomCohort, *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled
) -> list[PatientSlices]:
    """The held-out patients."""
    return _made(cohort, range(_TEST_SEEDS, _TEST_SEEDS + cohort.test), progress, cancelled)


def _made(
    cohort: PhantomCohort, numbers: Sequence[int], progress: Progress, cancelled: CancelCheck
) -> list[PatientSlices]:
    made = []
    for place, number in enumerate(numbers):
        stop_if(cancelled)
        progress(place / len(numbers), f"Making patient {place + 1} of {len(numbers)}")
        made.append(made_patient(cohort, number))
    return made


def made_patient(cohort: PhantomCohort, number: int) -> PatientSlices:
    """Patient `number`: sexes and diseases by turns; of one whose disease drew no lesion, one with a single lesion."""
    pattern = list(PATTERNS)[number // 2 % len(PATTERNS)]
    options = PatientOptions(
        spacing_mm=cohort.spacing_mm,
        sex="FM"[number % 2],
        seed=cohort.seed * 1_000_003 + number,
        lesions=None,
        pattern=pattern,
        variants=cohort.variants,
    )
    images = make_images(options)
    if not images.lesions.numbers.any():
        images = make_images(replace(options, lesions=1))
    side = cohort.spacing_mm
    return slices_of(
        f"made_{number:06d}",
        images.hu,
        images.suv,
        images.body.labels,
        images.lesions.numbers,
        frame=cohort.frame,
        spacing_mm=(side, side, side),
    )
