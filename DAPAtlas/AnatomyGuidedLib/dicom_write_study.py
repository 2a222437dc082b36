"""Who the tags of a made PET/CT speak of: the patient, the injection of FDG, and the study that both series share."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid

BODY_PARTS = ("WHOLEBODY", "HEADNECK", "CHEST", "ABDOMEN", "PELVIS")
HALF_LIFE_S = 6586.2  # fluorine-18: 1.82951 h (Unterweger 2002, doi 10.1016/S0969-8043(01)00177-4)
# EANM guideline 2.0 (Boellaard 2015, doi 10.1007/s00259-014-2961-x): 14 MBq min/kg over the minutes a bed position
# takes, here 4; uptake for 60 min, 55 to 75 allowed.
_MBQ_PER_KG, _DOSE_SPREAD = 3.5, (0.9, 1.1)
_UPTAKE_MIN, _UPTAKE_RANGE_MIN = 60.0, (55.0, 75.0)
_LONGEST_TEXT = 64


@dataclass(frozen=True)
class PatientDetails:
    """Who the tags say the patient is. Nobody real: the number and the name are the made patient's.

    Raises:
        AnatomyGuidedError: The sex is not F, M or O; a measure is out of range; an identifier is empty, longer than 64
            characters or holds what DICOM's text fields cannot (line breaks, backslashes, letters beyond ASCII).
    """

    sex: str
    age_years: int
    height_cm: float
    weight_kg: float
    patient_id: str
    name: str = "Phantom^Made by rules"

    def __post_init__(self) -> None:
        if self.sex not in ("F", "M", "O"):
            raise AnatomyGuidedError(f"The patient's sex must be F, M or O, but is {self.sex!r}.")
        _require_within("age in years", self.age_years, 0, 130)
        _require_within("height in cm", self.height_cm, 20, 280)
        _require_within("weight in kg", self.weight_kg, 0.3, 650)
        for what, text in (("number", self.patient_id), ("name", self.name)):
            _require_text(what, text)


@dataclass(frozen=True)
class Injection:
    """How much FDG was given, and how long before the PET began."""

    dose_bq: int
    uptake_s: int

    @classmethod
    def of(cls, patient: PatientDetails, rng: np.random.Generator | None = None) -> Injection:
        """3.5 MBq/kg an hour before the scan; with `rng`, up to 10 % off and 55 to 75 min before."""
        factor, minutes = 1.0, _UPTAKE_MIN
        if rng is not None:
            factor, minutes = float(rng.uniform(*_DOSE_SPREAD)), float(rng.uniform(*_UPTAKE_RANGE_MIN))
        return cls(round(_MBQ_PER_KG * factor * patient.weight_kg * 100) * 10_000, round(60 * minutes))


@dataclass(frozen=True)
class Study:
    """What the CT and the PET share; identifiers derive from the fingerprint.

    Raises:
        AnatomyGuidedError: The body part is none of `BODY_PARTS`.
    """

    patient: PatientDetails
    injection: Injection
    grid: Grid
    body_part: str
    fingerprint: str

    def __post_init__(self) -> None:
        if self.body_part not in BODY_PARTS:
            raise AnatomyGuidedError(
                f"The body part must be one of {', '.join(BODY_PARTS)}, but is {self.body_part!r}."
            )

    def uid(self, what: str) -> str:
        """The identifier of a part of the study, derived from a UUID (PS3.5, B.2): no registered root is needed."""
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'AnatomyGuided/{self.fingerprint}/{what}').int}"


def activity_per_suv(study: Study) -> float:
    """Activity in Bq/ml at the start of the scan that is an SUVbw of 1.

    >>> patient = PatientDetails("F", 54, 165.0, 70.0, "PHANTOM-0007")
    >>> study = Study(patient, Injection(280_000_000, 0), Grid((1, 1, 1), np.eye(4)), "CHEST", "")
    >>> activity_per_suv(study)  # 280 MBq in 70 000 g
    4000.0
    """
    left = math.exp2(-study.injection.uptake_s / HALF_LIFE_S)
    return study.injection.dose_bq * left / (study.patient.weight_kg * 1000.0)


def _require_within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise AnatomyGuidedError(f"The patient's {what} must be {low:g} to {high:g}, but is {value}.")


def _require_text(what: str, text: str) -> None:
    if not (0 < len(text) <= _LONGEST_TEXT and text.isascii() and text.isprintable() and "\\" not in text):
        raise AnatomyGuidedError(
            f"The patient's {what} must be 1 to {_LONGEST_TEXT} plain ASCII characters without a backslash, "
            f"but is {text!r}."
        )
