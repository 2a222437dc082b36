"""When the tracer was injected, and to which moment a PET's activity was corrected."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.suv_clock import parsed
from AnatomyGuidedLib.suv_private import ge_scan_start
from AnatomyGuidedLib.suv_series import MOST_HALF_LIVES, missing, require_few_half_lives

Header = Any

_LONGEST_UPTAKE_S = 12 * 3600.0
_LONGEST_UNDATED_S = 24 * 3600.0  # of half-lives: zirconium-89 and iodine-124 are scanned days later
_DAY = timedelta(days=1)
_SAME_S = 60.0  # headers round times to minutes


@dataclass(frozen=True)
class Injection:
    """The moment of the injection; without a date of its own it may be the day before the scan."""

    moment: datetime
    dated: bool


def injection(tracer: Header, first: Header, scan: datetime) -> Injection:
    """When the injection began, by its date and time, or by its time on the scan's date.

    Raises:
        AnatomyGuidedError: Neither is there, both are and contradict each other, or the zone is another one.
    """
    date_time, time = tracer.get("RadiopharmaceuticalStartDateTime"), tracer.get("RadiopharmaceuticalStartTime")
    if not date_time and not time:
        raise missing("RadiopharmaceuticalStartTime")
    if not date_time:
        return Injection(parsed(f"{scan:%Y%m%d}{time}", "RadiopharmaceuticalStartTime"), dated=False)
    _require_series_zone(str(date_time), str(first.get("TimezoneOffsetFromUTC") or ""))
    moment = parsed(str(date_time), "RadiopharmaceuticalStartDateTime")
    if time:
        _require_same_clock(moment, parsed(f"{moment:%Y%m%d}{time}", "RadiopharmaceuticalStartTime"))
    return Injection(moment, dated=True)


def scan_start(headers: Sequence[Header], half_life_s: float) -> datetime:
    """The moment to which activity was corrected where DecayCorrection is START.

    It is the series' time, unless that lies after an acquisition (a series written after reprocessing): then GE's own
    scan time, else what the frames tell (acquisition - frame reference time + time of the mean count rate), else the
    earliest acquisition.

    Raises:
        AnatomyGuidedError: No time is there, GE's lies after an acquisition, or frames tell different starts.
    """
    series = _moment(headers[0], "SeriesDate", "SeriesTime")
    with_time = [header for header in headers if header.get("AcquisitionDate") and header.get("AcquisitionTime")]
    acquired = [_moment(header, "AcquisitionDate", "AcquisitionTime") for header in with_time]
    if not acquired or series <= min(acquired):
        return series
    told = ge_scan_start(headers[0])
    if told:
        return _start_of_ge(told, min(acquired))
    return _start_by_frames(with_time, acquired, half_life_s) or min(acquired)


def uptake_s(injected: Injection, scan: datetime, half_life_s: float) -> float:
    """Seconds from the injection to the scan; a time without a date that lies after the scan was the day before.

    Raises:
        AnatomyGuidedError: They are negative, more than 6 half-lives, or without a date more than 12 hours; or there is
            no date, and the tracer lives so long that the scan may have been on another day.
    """
    if not injected.dated and half_life_s > _LONGEST_UNDATED_S:
        raise AnatomyGuidedError(
            f"The PET's injection is told by its time alone, but its tracer (half-life {half_life_s / 3600:.0f} h) may "
            "be scanned days later: SUV cannot be computed; give the date, in RadiopharmaceuticalStartDateTime."
        )
    elapsed_s = (scan - injected.moment).total_seconds()
    if elapsed_s < 0 and not injected.dated:
        overnight_s = elapsed_s + _DAY.total_seconds()
        elapsed_s = overnight_s if overnight_s <= _LONGEST_UPTAKE_S else elapsed_s
    require_few_half_lives(elapsed_s, half_life_s, "from injection to scan")
    longest_s = MOST_HALF_LIVES * half_life_s if injected.dated else _LONGEST_UPTAKE_S
    if not 0 <= elapsed_s <= longest_s:
        is_just_after = -_SAME_S < elapsed_s < 0
        lies = f"{-elapsed_s:.0f} s after" if is_just_after else f"{elapsed_s / 60:.0f} min before"
        raise AnatomyGuidedError(
            f"The PET's injection lies {lies} its scan, but 0 to {longest_s / 60:.0f} min "
            "were expected: SUV cannot be computed; correct the times."
        )
    return elapsed_s


def _start_of_ge(told: str, acquired: datetime) -> datetime:
    start = parsed(told, "GE scan time (0009,100D)")
    late_s = (start - acquired).total_seconds()
    if late_s > _SAME_S:
        raise AnatomyGuidedError(
            f"The PET's GE scan time (0009,100D) lies {late_s / 60:.0f} min after its first acquisition, but a scan "
            "starts before it: SUV cannot be computed; correct the times, or export the series without private tags."
        )
    return start


def _start_by_frames(headers: Sequence[Header], acquired: Sequence[datetime], half_life_s: float) -> datetime | None:
    """The start that every frame tells; None where a frame tells none."""
    frames = [(_number(header, "FrameReferenceTime"), _number(header, "ActualFrameDuration")) for header in headers]
    if any(reference_ms <= 0 or duration_ms <= 0 for reference_ms, duration_ms in frames):
        return None
    starts = [
        moment + timedelta(seconds=_mean_rate_s(duration_ms / 1000.0, half_life_s) - reference_ms / 1000.0)
        for moment, (reference_ms, duration_ms) in zip(acquired, frames, strict=True)
    ]
    apart_s = (max(starts) - min(starts)).total_seconds()
    if apart_s > _SAME_S:
        raise AnatomyGuidedError(
            f"The PET's frames tell starts of the scan that lie {apart_s:.0f} s apart: SUV cannot be computed; "
            "export the series as it was reconstructed."
        )
    return min(starts)


def _mean_rate_s(duration_s: float, half_life_s: float) -> float:
    """When, after a frame's start, its count rate is the frame's mean (DICOM PS3.3, C.8.9.4.1.5)."""
    decayed = math.log(2.0) / half_life_s * duration_s
    return duration_s / decayed * math.log(decayed / -math.expm1(-decayed))


def _number(header: Header, name: str) -> float:
    try:
        return float(header.get(name) or 0)
    except (TypeError, ValueError):
        return 0.0


def _moment(header: Header, date: str, time: str) -> datetime:
    for needed in (date, time):
        if not header.get(needed):
            raise missing(needed)
    return parsed(f"{header.get(date)}{header.get(time)}", time)


def _require_series_zone(date_time: str, series_zone: str) -> None:
    """Nothing unless the injection is told in a time zone that the series' own times are not known to be in."""
    zone = re.search(r"[+-]\d{4}$", date_time.strip())
    if zone and zone[0] != series_zone.strip():
        raise AnatomyGuidedError(
            f"The PET's RadiopharmaceuticalStartDateTime is in the time zone {zone[0]}, but its series is in "
            f"{series_zone or 'none that is told'} (TimezoneOffsetFromUTC): SUV cannot be computed; correct the times."
        )


def _require_same_clock(first: datetime, second: datetime) -> None:
    if abs((first - second).total_seconds()) > _SAME_S:
        raise AnatomyGuidedError(
            f"The PET's injection is at {first:%H:%M:%S} by RadiopharmaceuticalStartDateTime, but at {second:%H:%M:%S} "
            "by RadiopharmaceuticalStartTime: SUV cannot be computed; correct the times."
        )
