"""Do vertebrae and ribs follow each other, at even distances, each at its place?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from AnatomyGuidedLib.labels import Label, id_of, label_by_id

from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.evidence import Evidence, Verdict
from DAPAtlasLib.rules.context import VERTEBRAE
from DAPAtlasLib.rules.sizes import compared
from DAPAtlasLib.rules.vertebral_column import USUAL_MM

_CLOSE, _WIDE = 0.55, 1.55  # of the distance that the others make likely
_LEAST_GAPS = 3
_SHARE_FAILS, _SHARE_WARNS = 0.1, 0.01  # of the structure's voxels


def order(case: Case, label: Label) -> Evidence | None:
    """Whether a vertebra or a rib has the name that its place gives, and lies between its neighbours."""
    rule = {"Vertebras": "vertebrae", "Ribs": "ribs"}.get(label.group)
    if rule is None or not case.voxels[label.id] or (rule == "ribs" and label.anatomical_rib is None):
        return None
    finding = case.rule(rule)
    if finding.status in ("not evaluable", "refused"):
        return Evidence("order", "warn" if finding.status == "refused" else "not evaluable", finding.reason)
    moved = case.moved(rule, label.id)
    voxels = int(case.voxels[label.id])
    if moved[:, 2].sum() >= _SHARE_WARNS * voxels:
        targets = ", ".join(label_by_id(int(target)).display_name for target in np.unique(moved[:, 1]))
        largest = int(moved[np.argmax(moved[:, 2]), 0])
        share = moved[:, 2].sum() / voxels
        verdict: Verdict = "fail" if share >= _SHARE_FAILS else "warn"
        return Evidence("order", verdict, f"By its place {share:.0%} of it belong to {targets}.", largest)
    taken = sum(move.voxels for move in finding.moves if move.target == label.id)
    sizes = cast(Sequence[str], finding.details.get("unlike", ()))
    named = [fault for fault in finding.faults if fault not in sizes and re.search(rf"{label.name}\b", fault)]
    if named and (not finding.moves or taken >= _SHARE_WARNS * voxels):
        return Evidence("order", "warn", f"{named[0][0].upper()}{named[0][1:]}.")
    if rule == "vertebrae" and (wrong := _out_of_order(case, label)):
        return Evidence("order", "fail", wrong)
    return Evidence("order", "pass", "It lies between its neighbours.")


def _out_of_order(case: Case, label: Label) -> str:
    level = VERTEBRAE.index(label.name)
    if level not in case.vertebrae:
        return ""
    for other, place in case.vertebrae.items():
        if other != level and (other < level) != (place[2] > case.vertebrae[level][2]):
            return f"It does not lie {'below' if other < level else 'above'} {VERTEBRAE[other]}."
    return ""


def spacing(case: Case, label: Label) -> Evidence | None:
    """The distance to the next vertebra or rib below, against what the patient's other ones make likely."""
    if not case.voxels[label.id]:
        return None
    if label.group == "Vertebras":
        relative = _relative(case.vertebrae, dict(enumerate(USUAL_MM)))
        level, next_name = VERTEBRAE.index(label.name), "vertebra"
    elif label.anatomical_rib is not None:
        relative = _relative(_rib_places(case, str(label.side)), {})
        level, next_name = label.anatomical_rib, "rib"
    else:
        return None
    if level not in relative or len(relative) < _LEAST_GAPS:
        return None
    mm, times = relative[level]
    told = f"The next {next_name} lies {mm:.0f} mm away, {times:.2f} times what the others make likely."
    return Evidence("spacing", "pass" if _CLOSE < times < _WIDE else "warn", told)


def size(case: Case, label: Label) -> Evidence | None:
    """A vertebra against its neighbours, a rib against the one across; C1 to C3 differ by shape."""
    one = compared(case.pieces, label) if case.voxels[label.id] else None
    if one is None:
        return None
    if not one.is_unlike:
        return Evidence("size", "pass", f"It is {one.sentence}.")
    return Evidence("size", "warn", f"It is {one.sentence}: a part may have the wrong name.")


def _relative(places: Mapping[int, np.ndarray], usual_mm: Mapping[int, float]) -> dict[int, tuple[float, float]]:
    """By level the distance to the next one, in mm and in times of what the median of all makes likely."""
    gaps = {n: float(np.linalg.norm(places[n + 1] - places[n])) for n in places if n + 1 in places}
    scaled = {n: gap / usual_mm.get(n, 1.0) for n, gap in gaps.items()}
    typical = float(np.median([*scaled.values()])) if scaled else 1.0
    return {n: (gaps[n], scaled[n] / typical) for n in gaps}


def _rib_places(case: Case, side: str) -> dict[int, np.ndarray]:
    """The middle of each whole rib of one side, by anatomical number."""
    places = {}
    for number in range(1, 13):
        name = f"Costa {13 - number} {side.capitalize()}"
        if case.has(name) and not case.is_cut(id_of(name)):
            places[number] = case.pieces.place_of(name)
    return places
