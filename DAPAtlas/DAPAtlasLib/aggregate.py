"""From the experts' opinions to one label map: confusions mended, missing bones derived, all merged coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

from DAPAtlasLib.consensus import consensus
from DAPAtlasLib.derived import derived
from DAPAtlasLib.merge import Merged, accounted, merge
from DAPAtlasLib.opinions import Opinion
from DAPAtlasLib.remap import remapped
from DAPAtlasLib.rules.finding import Finding

UNION, MAJORITY, STAPLE = "union", "majority", "staple"
AGGREGATIONS = (UNION, MAJORITY, STAPLE)


@dataclass(frozen=True, eq=False)
class Aggregated:
    """The experts as they were merged, the map with its account, and what was mended in each expert."""

    opinions: tuple[Opinion, ...]
    merged: Merged
    findings: tuple[Finding, ...]


def aggregate(
    opinions: Sequence[Opinion],
    ct: Volume,
    *,
    method: str = UNION,
    mend: bool = True,
    derive: bool = True,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Aggregated:
    """One label map of all experts: their union coarse to fine (thesis, 3.1.3), or their majority, or STAPLE.

    `mend` renames each expert's confusions by place first; `derive` adds bones that no expert knows.

    Raises:
        AnatomyGuidedError: There is no expert, or a map holds a value that is no DAP id.
        GridMismatch: The maps lie on different grids.
        UsageError: There is no aggregation of this name.
        Cancelled: The user stopped the work.
    """
    if method not in AGGREGATIONS:
        raise UsageError(f"There is no aggregation {method!r}; known are {', '.join(AGGREGATIONS)}.")
    voices, findings = list(opinions), list[Finding]()
    union = _union(voices)
    if mend:
        progress(0.1, "Mending confusions of place")
        voices, findings = remapped(voices, union.labelmap)
        union = _union(voices)
    if derive:
        progress(0.3, "Deriving bones that no expert knows")
        known = frozenset[int]().union(*(voice.knows for voice in voices))
        bones = derived(ct, union.labelmap, known)
        if bones.knows:
            voices.append(bones)
            union = _union(voices)
    if method == UNION:
        return Aggregated(tuple(voices), union, tuple(findings))
    agreed = consensus(voices, method, progress=progress, cancelled=cancelled)
    named = [(voice.expert, voice.labelmap) for voice in voices]
    return Aggregated(tuple(voices), accounted(named, agreed), tuple(findings))


def _union(opinions: Sequence[Opinion]) -> Merged:
    return merge([(opinion.expert, opinion.labelmap) for opinion in opinions])
