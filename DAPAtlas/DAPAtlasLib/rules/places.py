"""Where structures can be: bodies outside their part of the body take the right name or the label around (Algorithm 6).

The bounds lie across the body, at heights that vertebrae give; where a vertebra is not in view, its height follows
from the nearest one that is.
Networks mix up what looks alike (thesis, 3.1.2): gonads and eyeballs, colon and nasal cavity, and, as the released code
adds, bronchi and trachea, thyroid and cheeks. By its place such a body is renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.labels import Label, id_of, label_by_id, structures

from DAPAtlasLib.rules.absent import absent_organ
from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.dissolve import dissolved
from DAPAtlasLib.rules.finding import Finding, relabelled
from DAPAtlasLib.rules.pieces import Pieces
from DAPAtlasLib.rules.vertebral_column import vertebra_heights

NAME = "place"

# Lowest and highest vertebra of each part of the body, with mm beyond its middle; None: it goes on to the end.
_PARTS: dict[str, tuple[tuple[str, float] | None, tuple[str, float] | None]] = {
    "head-neck": (("Vertebra T3", -30.0), None),
    "thorax": (("Vertebra L2", -25.0), ("Vertebra C5", 20.0)),
    "abdomen": (("Vertebra L5", -190.0), ("Vertebra T5", 30.0)),
    "pelvis": (None, ("Vertebra L4", 0.0)),
}
_LUNGS = tuple(label.name for label in structures() if label.name.startswith("Lung "))


@dataclass(frozen=True)
class _Confusion:
    """A structure that stands for others outside its place: where, and for which (of the side it lies on)."""

    name: str
    found: Callable[[Pieces, IntArray], bool]
    meant: str


def places(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:
    """Bodies that lie outside the part of the body of their structure, renamed or dissolved."""
    heights = vertebra_heights(pieces)
    if not heights:
        return pieces, Finding(NAME, "not evaluable", "Not evaluable: no vertebra is in view.")
    changes: dict[int, int] = {}
    lost: list[IntArray] = []
    for label in structures():
        own = np.flatnonzero(pieces.labels == label.id)
        for body in np.unique(pieces.bodies[own]).tolist():
            members = own[pieces.bodies[own] == body]
            meant = _confused_with(pieces, label, members)
            if meant is not None:
                changes |= dict.fromkeys(members.tolist(), meant)
            elif "whole" not in label.body_part and _outside(pieces, label, members, heights):
                if (absent := absent_organ(pieces, context, members)) not in (None, *changes.values()):
                    changes |= dict.fromkeys(members.tolist(), absent)
                else:
                    lost.append(members)
    cut, filled = dissolved(pieces, lost, context.ct)
    mended, moves = relabelled(cut, changes | filled)
    if not moves:
        return pieces, Finding(NAME, "nothing to do", "Every structure lies in its part of the body.")
    faults = tuple(
        dict.fromkeys(f"{label_by_id(move.source).name} where {label_by_id(move.target).name} is" for move in moves)
    )
    return mended, Finding(NAME, "applied", f"Out of place: {'; '.join(faults[:5])}.", moves, faults)


def _confused_with(pieces: Pieces, label: Label, body: IntArray) -> int | None:
    """What a body of another structure's look is by its place; None where it is no such confusion."""
    for confusion in _CONFUSIONS:
        if confusion.name == label.name.removesuffix(" Left").removesuffix(" Right") and confusion.found(pieces, body):
            return _of_side(pieces, confusion.meant, body)
    return None


def _outside(pieces: Pieces, label: Label, body: IntArray, heights: dict[str, float]) -> bool:
    """Whether no part of the body that the structure belongs to reaches this one."""
    low, high = _reach(pieces, body)
    return not any(_overlaps(low, high, *_PARTS[part], heights) for part in label.body_part)


def _overlaps(
    low: float,
    high: float,
    lowest: tuple[str, float] | None,
    highest: tuple[str, float] | None,
    heights: dict[str, float],
) -> bool:
    bottom = heights[lowest[0]] + lowest[1] if lowest else -np.inf
    top = heights[highest[0]] + highest[1] if highest else np.inf
    return not (high < bottom or low > top)


def _reach(pieces: Pieces, body: IntArray) -> tuple[float, float]:
    heights = pieces.corners_ras(body)[..., 2]
    return float(heights.min()), float(heights.max())


def _of_side(pieces: Pieces, meant: str, body: IntArray) -> int:
    """The structure's id; of a pair, that of the side on which the body lies, told by the partners in view."""
    if not meant.endswith(" *"):
        return id_of(meant)
    stem, place = meant.removesuffix(" *"), pieces.middle(body)
    brain = pieces.place_of("Brain")
    middle_r = brain[0] if np.isfinite(brain[0]) else float(pieces.middles_ras[1:, 0].mean())
    return id_of(f"{stem} {'Right' if place[0] > middle_r else 'Left'}")


def _above(name: str, mm: float) -> Callable[[Pieces, IntArray], bool]:
    """Whether a body lies above a structure's middle by so much; no where that is not in view."""
    return lambda pieces, body: bool(_reach(pieces, body)[0] > pieces.place_of(name)[2] + mm)


def _above_lungs(pieces: Pieces, body: IntArray) -> bool:
    """Whether a body lies above both lungs' tops, or begins within their uppermost part and hangs on the trachea."""
    lungs = pieces.of(*_LUNGS)
    if not lungs.size or not np.isfinite(pieces.place_of("Vertebra T1")[2]):  # their tops are not in view
        return False
    return bool(_reach(pieces, body)[0] > pieces.corners_ras(lungs)[..., 2].max() - 25.0)


_CONFUSIONS = (
    _Confusion("Gonads", _above("Vertebra C3", 0.0), "Eyeball *"),
    _Confusion("Colon", _above("Vertebra C3", 0.0), "Nasal Cavity"),
    _Confusion("Thyroid", _above("Vertebra C3", -5.0), "Cheek *"),
    _Confusion("Bronchus", _above_lungs, "Trachea"),
)
