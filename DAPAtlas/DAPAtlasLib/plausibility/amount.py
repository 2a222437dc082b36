"""Is its volume one that people have, alone and beside its partner?"""

from __future__ import annotations

from AnatomyGuidedLib.labels import Label, label_by_id

from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.evidence import Evidence
from DAPAtlasLib.plausibility.facts import volume_range

_ADULT_YEARS = 18.0
_FAR = 2.0  # times the range's end
_ESTIMATE_REACH = 1.5  # how far beyond its ends a range goes that is one reference person's
_OTHERWISE = {"Uterocervix": "Uterus"}  # its range includes the other where that has no label of its own
_NOT_COMPARABLE = ("Nasal Cavity",)  # published without the sinuses, which the label may include
_RATIO_WARNS, _RATIO_FAILS = 2.0, 4.0  # the larger side's volume over the smaller one's, beyond what is usual


def volume(case: Case, label: Label) -> Evidence | None:
    """The volume against the range that was published for adults of the sex, or of both where it is not known."""
    if not case.voxels[label.id]:
        return None
    if case.age is not None and case.age < _ADULT_YEARS:
        return Evidence("volume", "not evaluable", "Published ranges are those of adults.")
    known = volume_range(label.name, case.sex)
    if (
        known is None
        or label.name in _NOT_COMPARABLE
        or (label.name in _OTHERWISE and case.has(_OTHERWISE[label.name]))
    ):
        return Evidence("volume", "not evaluable", "No range is published for what the label means.")
    ml, reach = case.volume_ml(label.id), _ESTIMATE_REACH if known.is_estimate else 1.0
    told = f"{_ml(ml)} ml, where {_ml(known.low_ml)} to {_ml(known.high_ml)} ml are known ({known.source})."
    low, high = known.low_ml / reach, known.high_ml * reach
    if ml < low and case.is_cut(label.id):
        return Evidence("volume", "not evaluable", f"It reaches the edge of the image: {told}")
    if ml < low:
        return Evidence("volume", "fail" if ml * _FAR < low else "warn", f"Small: {told}")
    if ml > high:
        return Evidence("volume", "fail" if ml > high * _FAR else "warn", f"Large: {told}")
    return Evidence("volume", "pass", told)


def ratio(case: Case, label: Label) -> Evidence | None:
    """Its volume against its partner's."""
    if not label.partner or not label.side or not case.voxels[label.id] or not case.voxels[label.partner]:
        return None
    if case.is_cut(label.id) or case.is_cut(label.partner):
        return Evidence("ratio", "not evaluable", "One of the two sides reaches the edge of the image.")
    own, other = (volume_range(label_by_id(one).name, case.sex) for one in (label.id, label.partner))
    usual = own.mean_ml / other.mean_ml if own and other and own.mean_ml and other.mean_ml else 1.0
    share = case.volume_ml(label.id) / case.volume_ml(label.partner)
    beyond = max(share / usual, usual / share)
    told = f"{share:.2f} times as large as {label_by_id(label.partner).display_name}, where {usual:.2f} is usual."
    return Evidence("ratio", "fail" if beyond > _RATIO_FAILS else "warn" if beyond > _RATIO_WARNS else "pass", told)


def _ml(value: float) -> str:
    """A volume with three digits.

    >>> _ml(1411.3), _ml(4.5), _ml(0.0123)
    ('1411', '4.5', '0.0123')
    """
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
