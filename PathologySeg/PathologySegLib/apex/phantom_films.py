"""Made chest films to learn from and to try: a body has a few, each with findings of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.phantom import make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.xray import Xray, make_xray
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.study_options import require_positive

from PathologySegLib.apex.film import Film, shrunk
from PathologySegLib.apex.paxray import from_dap

_TEST_BODIES = 500_000


@dataclass(frozen=True)
class FilmCohort:
    """So many bodies to learn from in folds and others held out, `films` of each; a film's side in pixels."""

    bodies: int = 40
    test: int = 10
    films: int = 2
    spacing_mm: float = 7.0
    pixels: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "bodies", "test", "films", "spacing_mm", "pixels")


def learning_films(
    cohort: FilmCohort,
    names: Sequence[str],
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[list[Film]]:
    """By body the films of the folds, those without a finding left out."""
    return _made(cohort, names, range(cohort.bodies), progress, cancelled)


def held_out_films(
    cohort: FilmCohort,
    names: Sequence[str],
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[list[Film]]:
    """By body the films of the held-out test."""
    return _made(cohort, names, range(_TEST_BODIES, _TEST_BODIES + cohort.test), progress, cancelled)


def _made(
    cohort: FilmCohort, names: Sequence[str], numbers: Sequence[int], progress: Progress, cancelled: CancelCheck
) -> list[list[Film]]:
    made = []
    for place, number in enumerate(numbers):
        stop_if(cancelled)
        progress(place / len(numbers), f"Filming body {place + 1} of {len(numbers)}")
        films = made_films(cohort, names, number)
        made += [films] if films else []
    return made


def made_films(cohort: FilmCohort, names: Sequence[str], number: int) -> list[Film]:
    """The films of body `number`, always the same ones; those on which a finding shows."""
    seed = cohort.seed * 1_000_003 + number
    rng = np.random.default_rng([seed, 11])
    body = make_body(spacing_mm=cohort.spacing_mm, sex="FM"[number % 2], seed=seed)
    hu = make_ct(body, make_lesions(body, count=0, rng=rng), rng=rng)
    films = [
        film_of(make_xray(body, hu, rng=rng), f"body_{number:06d}_{place}", names) for place in range(cohort.films)
    ]
    return [shrunk(film, cohort.pixels) for film in films if film.findings]


def film_of(xray: Xray, name: str, names: Sequence[str]) -> Film:
    """A made film with the anatomy's classes asked for."""
    findings = tuple((CATEGORIES.index(finding.category), finding.mask) for finding in xray.instances)
    image = np.asarray(xray.image / 255, np.float32)
    return Film(name, image, from_dap(xray.anatomy, names), findings)
