"""The made patient's images: labels, CT in HU, PET in SUV, and lesions, all on one grid."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.phantom.anatomy import Body, make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import Lesions, make_lesions
from AnatomyGuidedLib.phantom.pet import make_pet
from AnatomyGuidedLib.phantom.randomised import make_randomised_ct
from AnatomyGuidedLib.phantom.scan import Phase, Scan, draw_scan
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

FORMAT, VERSION = "anatomyguided-phantom-case", 2
_LESIONS_STREAM, _CT_STREAM, _PET_STREAM, _SCAN_STREAM = 1, 3, 4, 5


@dataclass(frozen=True)
class PatientOptions:
    """Which patient: the same options give the same voxels.

    Without a number of `lesions` the pattern draws it, without a `phase` the scan. `randomised` from 0 to 1 gives the
    CT contrasts that no scanner makes, for training.
    """

    spacing_mm: float = 4.0
    sex: str = "F"
    seed: int = 0
    lesions: int | None = 4
    pattern: str = "scattered"
    variants: bool = False
    phase: Phase | None = None
    randomised: float = 0.0

    def __post_init__(self) -> None:
        if self.lesions is not None and self.lesions < 0:
            raise AnatomyGuidedError(f"Lesions must be 0 or more, but came as {self.lesions}.")
        if self.seed < 0:
            raise AnatomyGuidedError(f"The seed must be 0 or more, but came as {self.seed}.")


@dataclass(frozen=True, eq=False)
class Images:
    """A patient's images before they are stored: [i, j, k] along R, A and S on the body's grid."""

    options: PatientOptions
    body: Body
    lesions: Lesions
    scan: Scan
    hu: Field
    suv: Field


@dataclass(frozen=True)
class Patient:
    """One patient on one grid: HU, SUV, DAP ids, one number a lesion; and how it was made."""

    ct: Volume
    pet: Volume
    anatomy: Labelmap
    lesions: Labelmap
    description: dict[str, object]


def make_patient(
    options: PatientOptions | None = None,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Patient:
    """The patient of these options, stored as its files would be.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, or another option is none that there is.
        Cancelled: `cancelled` came true.
    """
    return stored_patient(make_images(options or PatientOptions(), progress=progress, cancelled=cancelled))


def make_images(
    options: PatientOptions, *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled
) -> Images:
    """The same patient before its axes are stored in their order.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, or another option is none that there is.
        Cancelled: `cancelled` came true.
    """
    progress(0.0, "Making the anatomy")
    spacing_mm, sex, seed = options.spacing_mm, options.sex, options.seed
    body = make_body(spacing_mm=spacing_mm, sex=sex, seed=seed, variants=options.variants)
    stop_if(cancelled)
    progress(0.3, "Placing lesions")
    lesions = make_lesions(body, count=options.lesions, pattern=options.pattern, rng=_rng(options, _LESIONS_STREAM))
    stop_if(cancelled)
    progress(0.4, "Scanning the CT")
    scan = draw_scan(body.plan, _rng(options, _SCAN_STREAM), phase=options.phase, abnormal=options.variants)
    hu = _ct(options, body, lesions, scan)
    stop_if(cancelled)
    progress(0.8, "Scanning the PET")
    return Images(options, body, lesions, scan, hu, make_pet(body, lesions, rng=_rng(options, _PET_STREAM)))


def stored_patient(images: Images) -> Patient:
    """The images in the order and direction of axes that the patient's files have, with all that is known of them."""
    body = images.body
    return Patient(
        Volume(*body.stored(images.hu), "HU"),
        Volume(*body.stored(images.suv), "SUV"),
        Labelmap(*body.stored(body.labels)),
        Labelmap(*body.stored(images.lesions.numbers)),
        _description(images),
    )


def _ct(options: PatientOptions, body: Body, lesions: Lesions, scan: Scan) -> Field:
    rng = _rng(options, _CT_STREAM)
    if options.randomised:
        return make_randomised_ct(body, lesions, strength=options.randomised, rng=rng)
    return make_ct(body, lesions, scan, rng=rng)


def _description(images: Images) -> dict[str, object]:
    options = images.options
    contrast = {"randomised": options.randomised} if options.randomised else {"scan": images.scan.description()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": "made by rules from a seed; no real patient",
        "seed": options.seed,
        "sex": options.sex,
        "spacing_mm": options.spacing_mm,
        **images.body.description(),
        **contrast,
        "pattern": options.pattern,
        "lesions": len(images.lesions.each),
        "lesion_list": [asdict(lesion) for lesion in images.lesions.each],
    }


def _rng(options: PatientOptions, stream: int) -> np.random.Generator:
    """Random numbers of one part of the patient: other parts' draws do not shift them."""
    return np.random.default_rng([options.seed, stream])
