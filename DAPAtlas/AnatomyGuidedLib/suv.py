"""From a PET's stored units to SUVbw, for what can be computed without guessing.

| Units | other tags | SUVbw |
|---|---|---|
| BQML | DecayCorrection START | activity x weight / dose that is left at the start of the scan |
| BQML | DecayCorrection ADMIN | activity x weight / dose |
| CNTS | Philips (7053,xx00) | counts x this factor |
| CNTS | Philips (7053,xx09) alone | counts x this factor are Bq/ml, and go on as BQML |
| GML, G/ML | SUVType BW or absent | the values themselves |

Weights in g, doses in Bq. The branches and the start of the scan (`suv_times`) follow the vendor-neutral pseudo-code of
QIBA's FDG-PET/CT profile (version 1.13, appendix G).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.suv_private import ge_dose_bq, philips_activity_factor, philips_suv_factor
from AnatomyGuidedLib.suv_series import alike, number, positive, require_one_static_image, tracer_of
from AnatomyGuidedLib.suv_times import injection, scan_start, uptake_s

__all__ = ["suv_factor"]

Header = Any  # pydicom.Dataset; pydicom has no types for the attributes of a data set

_WEIGHT_KG = (0.3, 400.0)
_DOSE_BQ = (1e5, 5e10)  # from a tenth of a MBq, for the smallest child, to 50 GBq
_HALF_LIFE_S = (60.0, 3e6)  # from rubidium-82 to a month


def suv_factor(headers: Sequence[Header]) -> float:
    """What a series' rescaled values are multiplied with to give SUVbw (g/ml).

    Raises:
        AnatomyGuidedError: The series is gated, dynamic or not corrected for attenuation; slices contradict each other;
            units, decay correction, weight, dose, half-life, a slope or a time is missing or implausible; the message
            names it.
    """
    for header in headers:
        positive(header, "RescaleSlope")
    require_one_static_image(headers)
    units = _term(headers, "Units")
    branch = _BRANCHES.get(units)
    if branch is None:
        raise AnatomyGuidedError(
            f"The PET's Units is {units}, but only {', '.join(_BRANCHES)} are handled: SUV cannot be computed; "
            "export the PET as SUVbw in NIfTI, or reconstruct it in Bq/ml."
        )
    return branch(headers)


def _from_activity(headers: Sequence[Header]) -> float:
    first = headers[0]
    weight_g = 1000.0 * number(alike(headers, "PatientWeight"), "PatientWeight", _WEIGHT_KG, "kg")
    correction = _term(headers, "DecayCorrection")
    if correction not in ("START", "ADMIN"):
        raise AnatomyGuidedError(
            f"The PET's DecayCorrection is {correction}, but START or ADMIN was expected: SUV cannot be computed; "
            "reconstruct it with decay correction."
        )
    _require_decay_corrected(first, correction)
    tracer = tracer_of(headers)
    half_life_s = number(tracer.get("RadionuclideHalfLife"), "RadionuclideHalfLife", _HALF_LIFE_S, "s")
    dose_bq = _dose(tracer, first, half_life_s)
    if correction == "ADMIN":
        return weight_g / dose_bq
    scan = scan_start(headers, half_life_s)
    elapsed_s = uptake_s(injection(tracer, first, scan), scan, half_life_s)
    return weight_g / (dose_bq * math.exp2(-elapsed_s / half_life_s))


def _term(headers: Sequence[Header], name: str) -> str:
    value = alike(headers, name)
    return "absent" if value is None else str(value).upper()


def _dose(tracer: Header, first: Header, half_life_s: float) -> float:
    """The standard's dose, else what GE's private tags give."""
    given = tracer.get("RadionuclideTotalDose")
    if given in (None, ""):
        given = ge_dose_bq(first, half_life_s)
    return number(given, "RadionuclideTotalDose", _DOSE_BQ, "Bq")


def _from_counts(headers: Sequence[Header]) -> float:
    to_suv = philips_suv_factor(headers)
    if to_suv is not None:
        return to_suv
    to_activity = philips_activity_factor(headers)
    if to_activity is None:
        raise AnatomyGuidedError(
            "The PET is in counts (Units CNTS) and has neither of Philips' factors (7053,1000) and (7053,1009): SUV "
            "cannot be computed; export it with its private tags, or in Bq/ml."
        )
    return to_activity * _from_activity(headers)


def _from_suv(headers: Sequence[Header]) -> float:
    kind = str(alike(headers, "SUVType") or "BW").upper()
    if kind != "BW":
        raise AnatomyGuidedError(
            f"The PET's SUVType is {kind}, but only BW (body weight) is handled; export the PET as SUVbw or in Bq/ml."
        )
    return 1.0


def _require_decay_corrected(first: Header, correction: str) -> None:
    done = first.get("CorrectedImage")
    words = {str(word).upper() for word in ([done] if isinstance(done, str) else done or [])} - {""}
    if words and "DECY" not in words:
        raise AnatomyGuidedError(
            f"The PET's DecayCorrection is {correction}, but its CorrectedImage has no DECY: SUV cannot be computed; "
            "export the series again, or correct the header."
        )


_BRANCHES: Mapping[str, Callable[[Sequence[Header]], float]] = {
    "BQML": _from_activity,
    "CNTS": _from_counts,
    "GML": _from_suv,
    "G/ML": _from_suv,
}
