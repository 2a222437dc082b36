"""What must hold for all slices of a PET before SUV means anything, and tags that are read with care."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

Header = Any

MOST_HALF_LIVES = 6.0
"""After more, less than 2 % of the tracer is left."""

_ALIKE_IN_TRACER = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)


def require_one_static_image(headers: Sequence[Header]) -> None:
    """Nothing, if the series is one image over the whole scan time, corrected for attenuation where that is told.

    Raises:
        AnatomyGuidedError: It is gated, dynamic, a projection, or not corrected for attenuation.
    """
    kind = [str(word).upper() for word in _words(alike(headers, "SeriesType"))]
    phases = max(int(_count(header, "NumberOfTimeSlots")) for header in headers)
    moments = max(int(_count(header, "NumberOfTimeSlices")) for header in headers)
    if "GATED" in kind or phases > 1:
        raise AnatomyGuidedError("The PET is gated (phases of breath or heartbeat); export the ungated series.")
    if "DYNAMIC" in kind or moments > 1:
        raise AnatomyGuidedError("The PET is dynamic (one image after another); export a static series.")
    if "REPROJECTION" in kind:
        raise AnatomyGuidedError("The PET is a series of projections, but slices were expected; export the slices.")
    corrected = {str(word).upper() for word in _words(alike(headers, "CorrectedImage"))}
    if corrected and "ATTN" not in corrected:
        raise AnatomyGuidedError(
            "The PET is not corrected for attenuation (no ATTN in CorrectedImage), so that SUV have no meaning; "
            "choose the corrected series."
        )


def tracer_of(headers: Sequence[Header]) -> Header:
    """The one radiopharmaceutical.

    Raises:
        AnatomyGuidedError: There is none or several, or slices tell different doses or times.
    """
    sequences = [header.get("RadiopharmaceuticalInformationSequence") for header in headers]
    if not all(sequences):
        raise missing("RadiopharmaceuticalInformationSequence")
    if len(sequences[0]) != 1:
        raise AnatomyGuidedError(
            f"The PET has {len(sequences[0])} radiopharmaceuticals, but SUV is computed for one alone."
        )
    tracers = [sequence[0] for sequence in sequences]
    for name in _ALIKE_IN_TRACER:
        alike(tracers, name)
    return tracers[0]


def alike(headers: Sequence[Header], name: str) -> Any:
    """A tag's value, None where it is absent or empty; it is one for all slices.

    Raises:
        AnatomyGuidedError: Slices tell different values.
    """
    values = different(header.get(name) for header in headers)
    if len(values) > 1:
        raise AnatomyGuidedError(
            f"The PET's slices differ in {name} ({' and '.join(values[:2])}), but one series has one: SUV "
            "cannot be computed; export one series alone."
        )
    value = headers[0].get(name)
    return None if value in (None, "") else value


def different(values: Iterable[object]) -> list[str]:
    """The values as text, each once; a number that is written in two ways is one.

    >>> different(["70", "70.0", "71", None])
    ['', '70', '71']
    """
    texts = {str(value or "") for value in values}
    return sorted({_meaning(text): text for text in sorted(texts, reverse=True)}.values())


def positive(header: Header, name: str) -> float:
    """A tag's number, above 0.

    Raises:
        AnatomyGuidedError: It is missing, not one number, or not above 0.
    """
    return number(header.get(name), name, (0.0, math.inf), "")


def number(value: object, name: str, limits: tuple[float, float], unit: str) -> float:
    """The value as a number above 0 and within limits.

    >>> number("70", "PatientWeight", (0.3, 400.0), "kg")
    70.0

    Raises:
        AnatomyGuidedError: It is missing, not one number, or outside.
    """
    if value in (None, ""):
        raise missing(name)
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not 0 < found < math.inf:
        raise AnatomyGuidedError(
            f"The PET's {name} is {value}, but must be one number above 0: SUV cannot be computed."
        )
    low, high = limits
    if not low <= found <= high:
        raise AnatomyGuidedError(
            f"The PET's {name} is {found:g} {unit}, but {low:g} to {high:g} {unit} were expected (another unit?): SUV "
            "cannot be computed; correct the header."
        )
    return found


def require_few_half_lives(elapsed_s: float, half_life_s: float, between: str) -> None:
    """Nothing, if a tracer can be followed for so long.

    Raises:
        AnatomyGuidedError: It decayed for longer than `MOST_HALF_LIVES`.
    """
    if elapsed_s > MOST_HALF_LIVES * half_life_s:
        raise AnatomyGuidedError(
            f"The PET's {elapsed_s / 60:.0f} min {between} are {elapsed_s / half_life_s:.1f} half-lives of "
            f"{half_life_s:g} s (RadionuclideHalfLife, in another unit?), but {MOST_HALF_LIVES:g} at most were "
            "expected: SUV cannot be computed; correct the half-life or the times."
        )


def missing(name: str) -> AnatomyGuidedError:
    """The refusal for a tag that is not there."""
    return AnatomyGuidedError(f"The PET has no {name}: SUV cannot be computed; add it, or give the PET in SUVbw.")


def _meaning(text: str) -> float | str:
    try:
        found = float(text)
    except ValueError:
        return text
    return found if math.isfinite(found) else text


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(word) for word in value]


def _count(header: Header, name: str) -> float:
    try:
        return float(header.get(name) or 0)
    except (TypeError, ValueError):
        return 0.0
