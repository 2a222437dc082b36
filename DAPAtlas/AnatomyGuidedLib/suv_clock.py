"""DICOM's dates and times as moments."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from AnatomyGuidedLib.errors import AnatomyGuidedError


def parsed(text: str, name: str) -> datetime:
    """DICOM's date and time: hours at least; minutes, seconds and their fraction where they are given.

    >>> parsed("2024010210", "SeriesTime")
    datetime.datetime(2024, 1, 2, 10, 0)

    Raises:
        AnatomyGuidedError: It is none.
    """
    parts = re.fullmatch(r"(\d{10}(?:\d{2}){0,2})(\.\d{1,6})?([+-]\d{4})?", text.strip())
    try:
        if not parts:
            raise ValueError(text)
        moment = datetime.strptime(parts[1].ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError as error:
        raise AnatomyGuidedError(f"The PET's {name} is {text!r}, which is no DICOM date and time.") from error
    return moment + timedelta(seconds=float(parts[2] or 0))
