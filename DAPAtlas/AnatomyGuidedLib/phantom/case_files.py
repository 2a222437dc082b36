"""A made patient as files in a folder: what `anatomyguided phantom` writes for each case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from AnatomyGuidedLib.dicom_write import BODY_PARTS, PatientDetails, write_pet_ct
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.phantom.faults import described, inject
from AnatomyGuidedLib.phantom.patient import Images, Patient, PatientOptions, make_images, stored_patient
from AnatomyGuidedLib.phantom.variants import FIELDS_OF_VIEW
from AnatomyGuidedLib.phantom.xray import make_xray
from AnatomyGuidedLib.phantom.xray_files import write_xray
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

_FAULT_STREAM, _XRAY_STREAM, _INJECTION_STREAM = 6, 7, 8
_BODY_PARTS = dict(zip(FIELDS_OF_VIEW, BODY_PARTS, strict=True))


@dataclass(frozen=True)
class Extras:
    """What a case holds beside its images: DICOM of the PET/CT, a chest X-ray, a label map with a named fault.

    With `if_possible` a body without a thorax has no X-ray, and the case says why; without, it is not made.
    """

    dicom: bool = False
    xray: bool = False
    fault: str = ""
    if_possible: bool = False


def write_case(
    folder: Path,
    options: PatientOptions,
    extras: Extras | None = None,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Mapping[str, object]:
    """How the patient was made; the existing folder holds ct, pet, anatomy, lesions (.nii.gz) and case.json.

    Raises:
        AnatomyGuidedError: An option is none that there is; the fault or the X-ray is not possible in this body.
        Cancelled: `cancelled` came true.
    """
    extras = extras or Extras()
    images = make_images(options, progress=part_of(progress, 0.0, 0.7), cancelled=cancelled)
    patient = stored_patient(images)
    stop_if(cancelled)
    progress(0.7, "Writing the images")
    write_volume(patient.ct, folder / "ct.nii.gz")
    write_volume(patient.pet, folder / "pet.nii.gz")
    write_labelmap(patient.anatomy, folder / "anatomy.nii.gz")
    write_labelmap(patient.lesions, folder / "lesions.nii.gz")
    told = {**patient.description, **_extras(folder, images, patient, extras, part_of(progress, 0.85, 1.0), cancelled)}
    write_json(folder / "case.json", told)
    progress(1.0, "Done")
    return told


def _extras(
    folder: Path, images: Images, patient: Patient, extras: Extras, progress: Progress, cancelled: CancelCheck
) -> dict[str, object]:
    """What is to be said about them."""
    told: dict[str, object] = {}
    if extras.fault:
        told["fault"] = _or_why(lambda: _write_fault(folder, images, patient, extras.fault), extras)
    stop_if(cancelled)
    if extras.xray:
        told["xray"] = _or_why(lambda: _write_xray(folder / "xray", images), extras)
    stop_if(cancelled)
    if extras.dicom:
        _write_dicom(folder / "dicom", images, patient, progress, cancelled)
        told["dicom"] = "dicom/ct and dicom/pet"
    return told


def _or_why(write: Callable[[], dict[str, object]], extras: Extras) -> dict[str, object]:
    """What was written, or why this body does not allow it."""
    try:
        return write()
    except AnatomyGuidedError as error:
        if not extras.if_possible:
            raise
        return {"not_possible": str(error)}


def _write_fault(folder: Path, images: Images, patient: Patient, name: str) -> dict[str, object]:
    injected = inject(name, patient.anatomy, rng=np.random.default_rng([images.options.seed, _FAULT_STREAM]))
    write_labelmap(injected.labelmap, folder / "anatomy_fault.nii.gz")
    told = described(injected)
    write_json(folder / "fault.json", told)
    return told


def _write_xray(folder: Path, images: Images) -> dict[str, object]:
    rng = np.random.default_rng([images.options.seed, _XRAY_STREAM])
    film = make_xray(images.body, images.hu, rng=rng)
    folder.mkdir()
    write_xray(film, folder)
    return {"findings": [finding.category for finding in film.instances], "pixel_mm": film.pixel_mm}


def _write_dicom(folder: Path, images: Images, patient: Patient, progress: Progress, cancelled: CancelCheck) -> None:
    plan, seed = images.body.plan, images.options.seed
    details = PatientDetails(
        patient_id=f"PHANTOM-{plan.sex}{seed:04d}",
        name=f"Phantom^Seed {seed}",
        sex=plan.sex,
        age_years=plan.age_years,
        height_cm=plan.height_cm,
        weight_kg=plan.weight_kg,
    )
    folder.mkdir()
    write_pet_ct(
        folder,
        patient.ct,
        patient.pet,
        patient=details,
        body_part=_BODY_PARTS[images.body.variants.field_of_view],
        rng=np.random.default_rng([seed, _INJECTION_STREAM]),
        progress=progress,
        cancelled=cancelled,
    )
