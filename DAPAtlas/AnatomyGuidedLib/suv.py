"""From activity in Bq/ml to SUVbw, for what can be computed without guessing.

SUVbw = activity x weight in g / (dose in Bq x 2^(-elapsed / half-life)), where for DecayCorrection START the elapsed
time runs from the injection to the start of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

Header = Any

_LONGEST_UPTAKE = timedelta(hours=12)


def suv_factor(headers: Sequence[Header]) -> float:
    """What activity in Bq/ml is multiplied with to give SUVbw (g/ml).

    Raises:
        AnatomyGuidedError: Units are not BQML, DecayCorrection is not START, or weight, dose, half-life or a time is
            missing or implausible; the message names it.
    """
    first = headers[0]
    _require(first, "Units", "BQML")
    _require(first, "DecayCorrection", "START")
    weight_kg = _positive(first, "PatientWeight")
    sequence = first.get("RadiopharmaceuticalInformationSequence")
    if not sequence:
        raise _missing("RadiopharmaceuticalInformationSequence")
    tracer = sequence[0]
    dose_bq, half_life_s = _positive(tracer, "RadionuclideTotalDose"), _positive(tracer, "RadionuclideHalfLife")
    elapsed_s = (_series_start(headers) - _injection(tracer, first)).total_seconds()
    if not 0 <= elapsed_s <= _LONGEST_UPTAKE.total_seconds():
        raise AnatomyGuidedError(
            f"The PET's injection lies {elapsed_s / 60:.0f} min before its series, but 0 to "
            f"{_LONGEST_UPTAKE.total_seconds() / 60:.0f} min were expected: SUV cannot be computed; correct the times "
            "(does the study cross midnight?)."
        )
    return weight_kg * 1000.0 / (dose_bq * 2.0 ** (-elapsed_s / half_life_s))


def _series_start(headers: Sequence[Header]) -> datetime:
    """The series' time, or the earliest acquisition where that lies before it (a series written after reprocessing)."""
    series = _moment(headers[0], "SeriesDate", "SeriesTime")
    with_time = [header for header in headers if header.get("AcquisitionDate") and header.get("AcquisitionTime")]
    acquired = [_moment(header, "AcquisitionDate", "AcquisitionTime") for header in with_time]
    return min([series, *acquired])


def _injection(tracer: Header, first: Header) -> datetime:
    if tracer.get("RadiopharmaceuticalStartDateTime"):
        return _parsed(str(tracer.RadiopharmaceuticalStartDateTime), "RadiopharmaceuticalStartDateTime")
    if not tracer.get("RadiopharmaceuticalStartTime"):
        raise _missing("RadiopharmaceuticalStartTime")
    if not first.get("SeriesDate"):
        raise _missing("SeriesDate")
    return _parsed(f"{first.SeriesDate}{tracer.RadiopharmaceuticalStartTime}", "RadiopharmaceuticalStartTime")


def _moment(header: Header, date: str, time: str) -> datetime:
    for needed in (date, time):
        if not header.get(needed):
            raise _missing(needed)
    return _parsed(f"{header.get(date)}{header.get(time)}", time)


def _parsed(text: str, name: str) -> datetime:
    plain = text.split("+")[0].split("-")[0].strip()
    whole, _, fraction = plain.partition(".")
    try:
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S")
        return moment + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError as error:
        raise AnatomyGuidedError(f"The PET's {name} is {text!r}, which is no DICOM date and time.") from error


def _require(header: Header, name: str, expected: str) -> None:
    value = str(header.get(name, "")) or "absent"
    if value != expected:
        raise AnatomyGuidedError(
            f"The PET's {name} is {value}, but only {expected} is handled: SUV cannot be computed; "
            "export the PET as SUVbw in NIfTI, or reconstruct it so."
        )


def _positive(header: Header, name: str) -> float:
    value = header.get(name)
    if value is None or value == "":
        raise _missing(name)
    number = float(value)
    if not number > 0:
        raise AnatomyGuidedError(f"The PET's {name} is {number:g}, but must be above 0: SUV cannot be computed.")
    return number


def _missing(name: str) -> AnatomyGuidedError:
    return AnatomyGuidedError(f"The PET has no {name}: SUV cannot be computed; add it, or give the PET in SUVbw.")
