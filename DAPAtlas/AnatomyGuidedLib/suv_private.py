"""Private DICOM tags of GE and Philips that SUV is computed from; a creator's block may lie anywhere in its group.

Names are those of pydicom's dictionary. GE tells activities in MBq, which its tags do not say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.suv_clock import parsed
from AnatomyGuidedLib.suv_series import different, require_few_half_lives

Header = Any

_GE, _PHILIPS = (0x0009, "GEMS_PETD_01"), (0x7053, "Philips PET Private Group")
_SCAN_START, _MEASURED, _MEASURED_AT, _GIVEN_AT, _LEFT, _LEFT_AT = 0x0D, 0x38, 0x39, 0x3B, 0x3C, 0x3D
_TO_SUV, _TO_ACTIVITY = 0x00, 0x09
_BLOCKS = range(0x10, 0x20)

PRIVATE_TAGS = (
    *(group << 16 | block for group in (_GE[0], _PHILIPS[0]) for block in _BLOCKS),
    *(
        group << 16 | block << 8 | element
        for group, elements in (
            (_GE[0], (_SCAN_START, _MEASURED, _MEASURED_AT, _GIVEN_AT, _LEFT, _LEFT_AT)),
            (_PHILIPS[0], (_TO_SUV, _TO_ACTIVITY)),
        )
        for block in _BLOCKS
        for element in elements
    ),
)


def ge_scan_start(header: Header) -> str | None:
    """The moment to which GE corrected activity for decay, as DICOM text; None where it is not told."""
    value = _private(header, _GE, _SCAN_START)
    return str(value) if value not in (None, "") else None


def ge_dose_bq(header: Header, half_life_s: float) -> float | None:
    """The dose at the injection: what was measured before, less what was left after; None where it is not told."""
    at, given, left_at = (_private(header, _GE, element) for element in (_MEASURED_AT, _GIVEN_AT, _LEFT_AT))
    measured = _activity_mbq(header, _MEASURED)
    if not measured or any(value in (None, "") for value in (at, given)):
        return None
    moment = _moment(given)
    waited_s = (moment - _moment(at)).total_seconds()
    require_few_half_lives(abs(waited_s), half_life_s, "from GE's measurement to the injection")
    before = measured * math.exp2(-waited_s / half_life_s)
    left = _activity_mbq(header, _LEFT)
    if not left:
        return before * 1e6
    if left_at in (None, ""):
        raise AnatomyGuidedError("The PET's activity that was left after the injection (0009,103C) has no time.")
    return (before - left * math.exp2((_moment(left_at) - moment).total_seconds() / half_life_s)) * 1e6


def philips_suv_factor(headers: Sequence[Header]) -> float | None:
    """What Philips' counts are multiplied with to give SUVbw; None where it is not told or 0."""
    return _one_factor(headers, _TO_SUV)


def philips_activity_factor(headers: Sequence[Header]) -> float | None:
    """What Philips' counts are multiplied with to give Bq/ml; None where it is not told or 0."""
    return _one_factor(headers, _TO_ACTIVITY)


def _activity_mbq(header: Header, element: int) -> float:
    """An activity of GE's; 0 where it is not told."""
    value = _private(header, _GE, element)
    try:
        found = float(value or 0)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 <= found < math.inf:
        raise AnatomyGuidedError(
            f"The PET's GE activity (0009,10{element:02X}) is {value!r}, but one number of 0 or more was expected: SUV "
            "cannot be computed; add RadionuclideTotalDose, or correct the tag."
        )
    return found


def _one_factor(headers: Sequence[Header], element: int) -> float | None:
    values = different(_private(header, _PHILIPS, element) for header in headers)
    if len(values) > 1:
        raise AnatomyGuidedError(
            f"The PET's slices differ in Philips' factor (7053,10{element:02X}), but one series has one: SUV cannot be "
            "computed; export one series alone."
        )
    try:
        found = float(values.pop() or 0)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise AnatomyGuidedError(f"The PET's Philips factor (7053,10{element:02X}) is no number of 0 or more.")
    return found or None


def _private(header: Header, owner: tuple[int, str], element: int) -> Any:
    """A private tag's value; None where the creator has no block, or the block has not the element."""
    group, creator = owner
    for block in _BLOCKS:
        named = header.get((group, block))
        if named is not None and str(named.value).strip() == creator:
            found = header.get((group, block << 8 | element))
            return None if found is None else _plain(found.value)
    return None


def _plain(value: Any) -> Any:
    """Text where the file did not say what it is (implicit VR reads private tags as bytes)."""
    return value.decode("ascii", "replace").strip(" \0") if isinstance(value, bytes) else value


def _moment(value: Any) -> datetime:
    return parsed(str(value), "GE time of an activity")
