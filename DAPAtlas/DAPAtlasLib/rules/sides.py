"""Left and right partners: what lies across the middle of the body takes its partner's name (Algorithm 8)."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import label_by_id, structures

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding, relabelled
from DAPAtlasLib.rules.midplane import FARTHEST_DEGREES, Midplane, midplane
from DAPAtlasLib.rules.pieces import BoolArray, Pieces

NAME = "left-right"

# How far a structure may reach across the middle: these vessels begin on the other side or before the spine.
_SURE_MM = 4.0
_REACH_MM = {"Vein Brachiocephalic": 40.0, "Iliac Artery": 18.0,
             "Iliac Vena": 28.0, "Artery Common Carotid": 14.0, "Artery Subclavian": 14.0}  # fmt: skip
_CLEARLY_MM = 10.0
_LEAST_PART_MM3 = 60.0  # smaller parts across the middle are its own uncertainty
_LEAST_SHARE = 0.02
_MIRRORED_SHARE = 0.5


def left_right(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:  # noqa: ARG001 - all rules look alike
    """Paired structures on the side of their name; pieces across the middle are cut there."""
    middle = midplane(pieces)
    if isinstance(middle, str):
        return pieces, Finding(NAME, "not evaluable", f"Not evaluable: {middle}.")
    if middle.degrees_from_sagittal > FARTHEST_DEGREES:
        reason = (
            f"The plane through {middle.fitted_to} is {middle.degrees_from_sagittal:.0f} degrees from the sagittal."
        )
        return pieces, Finding(NAME, "refused", f"Refused: {reason}")
    paired = np.flatnonzero(_paired_labels()[pieces.labels])
    if not paired.size:
        return pieces, Finding(NAME, "nothing to do", "There is no paired structure in view.")
    across = middle.right_mm(pieces.middles_ras[paired]) * _sign_of_labels()[pieces.labels[paired]]
    if _mirrored(pieces, paired, across):
        reason = "most paired structures lie on the other side, as if the image or the label map were mirrored"
        return pieces, Finding(NAME, "refused", f"Refused: {reason}.")
    whole, parts = _across(pieces, paired, middle)
    cut, new = pieces.cut(parts)
    changes = {int(piece): int(label_by_id(int(cut.labels[piece])).partner or 0) for piece in [*whole, *new.values()]}
    mended, moves = relabelled(cut, changes)
    details = {"plane": middle.fitted_to, "degrees_from_sagittal": round(middle.degrees_from_sagittal, 1)}
    if not moves:
        return pieces, Finding(NAME, "nothing to do", "Every paired structure lies on its side.", details=details)
    names = sorted({label_by_id(move.source).name for move in moves})
    reason = f"Parts of {_listed(names)} lay across the plane through {middle.fitted_to}."
    faults = tuple(f"{label_by_id(move.source).name} lies on the other side" for move in moves)
    return mended, Finding(NAME, "applied", reason, moves, tuple(dict.fromkeys(faults)), details)


def _paired_labels() -> BoolArray:
    return np.asarray(_sign_of_labels() != 0)


def _sign_of_labels() -> FloatArray:
    """By label: 1 for right, -1 for left, 0 for what has no partner."""
    signs = np.zeros(256)
    for label in structures():
        if label.partner and label.side:
            signs[label.id] = 1.0 if label.side == "right" else -1.0
    return signs


def _mirrored(pieces: Pieces, paired: IntArray, across: FloatArray) -> bool:
    largest = pieces.body_voxels[paired] == np.array(
        [pieces.body_voxels[pieces.labels == pieces.labels[p]].max() for p in paired]
    )
    return bool(largest.sum() >= 6 and (across[largest] < -_CLEARLY_MM).mean() > _MIRRORED_SHARE)


def _across(pieces: Pieces, paired: IntArray, middle: Midplane) -> tuple[list[int], dict[int, IntArray]]:
    """Pieces that lie on the other side as a whole, and of others the voxels that do."""
    signs = _sign_of_labels()
    least_voxels = _LEAST_PART_MM3 / pieces.grid.voxel_volume_mm3
    whole: list[int] = []
    parts: dict[int, IntArray] = {}
    for piece in paired.tolist():
        sign, reach_mm = signs[pieces.labels[piece]], _reach_mm(label_by_id(int(pieces.labels[piece])).name)
        lowest, highest = _extent_mm(pieces, piece, middle, sign)
        if lowest > -reach_mm:
            continue
        if highest < _SURE_MM:
            whole += [piece] if middle.right_mm(pieces.middles_ras[piece]) * sign < -_SURE_MM else []
            continue
        voxels = pieces.voxels_of(piece)
        across_mm = -middle.right_mm(pieces.grid.ras_from_ijk(voxels)) * sign
        surely = int((across_mm > reach_mm).sum())
        if surely == len(voxels):
            whole.append(piece)
        elif surely > max(least_voxels, _LEAST_SHARE * len(voxels)):
            parts[piece] = voxels[across_mm > 0]
    return whole, parts


def _reach_mm(name: str) -> float:
    return _REACH_MM.get(name, _REACH_MM.get(name.removesuffix(" Left").removesuffix(" Right"), _SURE_MM))


def _extent_mm(pieces: Pieces, piece: int, middle: Midplane, sign: float) -> tuple[float, float]:
    """How far the piece's box reaches on its own side, at least and at most; across is negative."""
    own = middle.right_mm(pieces.corners_ras(np.array([piece]))[0]) * sign
    bend = float(np.ptp(middle.offsets_mm))
    return float(own.min()) - bend, float(own.max()) + bend


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
