"""From activity in Bq/ml to SUVbw, for what can be computed without guessing.

SUVbw = activity x weight in g / (dose in Bq x 2^(-elapsed / half-life)), where for DecayCorrection START the elapsed
time runs from the injection to the start of the series.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

Header = Any

_LONGEST_UPTAKE = timedelta(hours=12)


def suv_factor(headers: Sequence[Header]) -> float:
    """What activity in Bq/ml is multiplied with to give SUVbw (g/ml).

    Raises:
        AnatomyGuidedError: Units are not BQML, DecayCorrection is not START, or weight, dose, half-life, a slope
            or a time is missing or implausible; the message names it.
    """
    first = headers[0]
    for header in headers:
        _positive(header, "RescaleSlope")
    _require(first, "Units", "BQML")
    _require(first, "DecayCorrection", "START")
    weight_kg = _positive(first, "PatientWeight")
    sequence = first.get("RadiopharmaceuticalInformationSequence")
    if not sequence:
        raise _missing("RadiopharmaceuticalInformationSequence")
    if len(sequence) != 1:
        raise AnatomyGuidedError(
            f"The PET has {len(sequence)} radiopharmaceuticals, but SUV is computed for one alone."
        )
    tracer = sequence[0]
    dose_bq, half_life_s = _positive(tracer, "RadionuclideTotalDose"), _positive(tracer, "RadionuclideHalfLife")
    elapsed_s = (_series_start(headers) - _injection(tracer, first)).total_seconds()
    if not 0 <= elapsed_s <= _LONGEST_UPTAKE.total_seconds():
        raise AnatomyGuidedError(
            f"The PET's injection lies {elapsed_s / 60:.0f} min before its series, but 0 to "
            f"{_LONGEST_UPTAKE.total_seconds() / 60:.0f} min were expected: SUV cannot be computed; correct the times "
            "(does the study cross midnight?)."
        )
    return weight_kg * 1000.0 / (dose_bq * math.exp2(-elapsed_s / half_life_s))


def _series_start(headers: Sequence[Header]) -> datetime:
    """The series' time, or the earliest acquisition where that lies before it (a series written after reprocessing)."""
    series = _moment(headers[0], "SeriesDate", "SeriesTime")
    with_time = [header for header in headers if header.get("AcquisitionDate") and header.get("AcquisitionTime")]
    acquired = [_moment(header, "AcquisitionDate", "AcquisitionTime") for header in with_time]
    return min([series, *acquired])


def _injection(tracer: Header, first: Header) -> datetime:
    if tracer.get("RadiopharmaceuticalStartDateTime"):
        text = str(tracer.RadiopharmaceuticalStartDateTime)
        _require_series_zone(text, str(first.get("TimezoneOffsetFromUTC") or ""))
        return _parsed(text, "RadiopharmaceuticalStartDateTime")
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


def _require_series_zone(date_time: str, series_zone: str) -> None:
    """Nothing unless the injection is told in a time zone that the series' own times are not known to be in."""
    zone = re.search(r"[+-]\d{4}$", date_time.strip())
    if zone and zone[0] != series_zone.strip():
        raise AnatomyGuidedError(
            f"The PET's RadiopharmaceuticalStartDateTime is in the time zone {zone[0]}, but its series is in "
            f"{series_zone or 'none that is told'} (TimezoneOffsetFromUTC): SUV cannot be computed; correct the times."
        )


def _parsed(text: str, name: str) -> datetime:
    """DICOM's date and time: hours at least; minutes, seconds and their fraction where they are given."""
    parts = re.fullmatch(r"(\d{10}(?:\d{2}){0,2})(\.\d{1,6})?([+-]\d{4})?", text.strip())
    try:
        if not parts:
            raise ValueError(text)
        moment = datetime.strptime(parts[1].ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError as error:
        raise AnatomyGuidedError(f"The PET's {name} is {text!r}, which is no DICOM date and time.") from error
    return moment + timedelta(seconds=float(parts[2] or 0))


def _require(header: Header, name: str, expected: str) -> None:
    value = str(header.get(name, "")) or "absent"
    if value != expected:
        raise AnatomyGuidedError(
            f"The PET's {name} is {value}, but only {expected} is handled: SUV cannot be computed; "
            "export the PET as SUVbw in NIfTI, or reconstruct it so."
        )


def _positive(header: Header, name: str) -> float:
    value = header.get(name)
    if value in (None, ""):
        raise _missing(name)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise AnatomyGuidedError(
            f"The PET's {name} is {value}, but must be one number above 0: SUV cannot be computed."
        )
    return number


def _missing(name: str) -> AnatomyGuidedError:
    return AnatomyGuidedError(f"The PET has no {name}: SUV cannot be computed; add it, or give the PET in SUVbw.")
