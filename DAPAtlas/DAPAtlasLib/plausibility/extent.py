"""Is it there where it must be, in one piece, on its side?"""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.labels import Label, label_by_id

from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.evidence import Evidence, Verdict
from DAPAtlasLib.plausibility.facts import Level, level_range
from DAPAtlasLib.rules.context import VERTEBRAE

_SECOND_FAILS, _SECOND_WARNS = 0.25, 0.02  # of the largest body
_ACROSS_FAILS = 0.1  # of the structure
_ON_A_SIDE = {"Liver": "right", "Gallbladder": "right", "Spleen": "left", "Stomach": "left"}
_CLEARLY_MM = 15.0


def expected(case: Case, label: Label) -> Evidence | None:
    """Whether a structure that must be in the field of view is there; None where it may or may not be."""
    if label.sex and case.sex and label.sex != case.sex:
        if not case.voxels[label.id]:
            return None
        return Evidence("expected", "fail", f"It is no organ of a patient of sex {case.sex}.")
    if case.known is not None and label.id not in case.known:
        return None
    if case.voxels[label.id]:
        return Evidence("expected", "pass", "It is in the image.")
    if label.sex and label.sex != case.sex:
        return None
    if label.group == "Vertebras":
        return _vertebra_expected(case, label)
    levels = _levels_of(label)
    if levels is None or not case.in_view(*levels):
        return None
    return Evidence(
        "expected",
        "warn",
        f"Not found, although {levels[0].text()} to {levels[1].text()} is in view: it was missed, or the patient "
        "does not have it.",
    )


def _vertebra_expected(case: Case, label: Label) -> Evidence | None:
    level = VERTEBRAE.index(label.name)
    if not any(other < level for other in case.vertebrae) or not any(other > level for other in case.vertebrae):
        return None
    return Evidence("expected", "fail", "Not found, although vertebrae above and below it are in view.")


def _levels_of(label: Label) -> tuple[Level, Level] | None:
    if label.anatomical_rib is None:
        return level_range(label.name)
    host = VERTEBRAE.index(f"Vertebra T{label.anatomical_rib}")
    return Level(VERTEBRAE[host - 1], 0.0), Level(VERTEBRAE[host + 1], 0.0)


def pieces(case: Case, label: Label) -> Evidence | None:
    """Whether what occurs once is in one piece."""
    if not label.once or not case.voxels[label.id]:
        return None
    sizes = [int(case.pieces.voxels[body].sum()) for body in case.bodies[label.id]]
    if len(sizes) == 1:
        return Evidence("pieces", "pass", "It is in one piece.")
    share = sizes[1] / sizes[0]
    told = f"It is in {len(sizes)} pieces; the second has {share:.1%} of the largest one's size."
    second = int(case.bodies[label.id][1][0])
    if case.is_cut(label.id):
        return Evidence("pieces", "not evaluable", f"{told} The edge of the image may have parted them.", second)
    verdict: Verdict = "fail" if share >= _SECOND_FAILS else "warn" if share >= _SECOND_WARNS else "pass"
    return Evidence("pieces", verdict, told, second)


def side(case: Case, label: Label) -> Evidence | None:
    """Whether it lies on the side of its name, or where an organ without a partner usually lies."""
    if not case.voxels[label.id]:
        return None
    if label.name in _ON_A_SIDE:
        return _usual_side(case, label)
    if not label.partner or not label.side:
        return None
    finding = case.rule("left-right")
    if finding.status in ("not evaluable", "refused"):
        return Evidence("side", "warn" if finding.status == "refused" else "not evaluable", finding.reason)
    moved = case.moved("left-right", label.id)
    across = int(moved[:, 2].sum())
    if not across:
        return Evidence("side", "pass", f"It lies on the {label.side}.")
    share = across / int(case.voxels[label.id])
    told = f"{share:.1%} of it lie across the middle, where {label_by_id(label.partner).display_name} belongs."
    return Evidence("side", "fail" if share >= _ACROSS_FAILS else "warn", told)


def _usual_side(case: Case, label: Label) -> Evidence:
    usual = _ON_A_SIDE[label.name]
    if case.middle is None:
        return Evidence("side", "not evaluable", "Too few vertebrae are in view to tell the sides.")
    right_mm = float(case.middle.right_mm(case.pieces.place_of(label.name)))
    if np.sign(right_mm) == (1 if usual == "right" else -1) or abs(right_mm) < _CLEARLY_MM:
        return Evidence("side", "pass", f"It lies on the {usual}, as usual.")
    told = f"Its middle lies {abs(right_mm):.0f} mm across the middle of the body: situs inversus, or a mirrored image."
    return Evidence("side", "warn", told)
