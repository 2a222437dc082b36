"""Is its HU that of its tissue, and do the experts agree?"""

from __future__ import annotations

from AnatomyGuidedLib.labels import Label

from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.evidence import Evidence
from DAPAtlasLib.plausibility.facts import hu_range

_FAR_HU = 100.0
_AGREE = 0.7


def hu(case: Case, label: Label) -> Evidence | None:
    """The mean HU against what the tissue can have, with or without contrast."""
    known = hu_range(label)
    if known is None or label.id not in case.mean_hu:
        return None
    mean = case.mean_hu[label.id]
    told = f"Mean {mean:.0f} HU, where {known[0]:.0f} to {known[1]:.0f} is possible."
    beyond = max(known[0] - mean, mean - known[1])
    return Evidence("HU", "fail" if beyond > _FAR_HU else "warn" if beyond > 0 else "pass", told)


def agreement(case: Case, label: Label) -> Evidence | None:
    """How far experts agree about the structure's voxels."""
    row = case.agreement.get(label.id)
    if row is None:
        return None
    if row.share is None:
        return Evidence("agreement", "not evaluable", "One expert alone names it.")
    told = f"{row.share:.0%} of the experts' opinions on its voxels agree."
    return Evidence("agreement", "pass" if row.share >= _AGREE else "warn", told)
