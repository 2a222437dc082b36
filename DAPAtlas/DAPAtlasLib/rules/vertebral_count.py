"""Which level the topmost vertebra in view is: counted from sacrum or skull, else told by names that agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.labels import label_by_id

from DAPAtlasLib.rules.articulations import host_of, rib_labels
from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import VERTEBRAE
from DAPAtlasLib.rules.pieces import Pieces
from DAPAtlasLib.rules.vertebral_column import Vertebra

LAST = len(VERTEBRAE) - 1
_FIRST_THORACIC = VERTEBRAE.index("Vertebra T1")
_ANCHOR_REACH = 1.6  # of the distance between neighbouring vertebrae
_LEAST_RIBS, _RIBS_AGREE = 4, 0.7


@dataclass(frozen=True)
class Count:
    """The level of the topmost vertebra, from 0 (C1), and what says so; or, without a level, why there is none."""

    first: int | None
    evidence: str
    is_refused: bool = False


def counted(pieces: Pieces, found: tuple[Vertebra, ...], places: IntArray) -> Count:
    """Skull and sacrum first. Without them names must agree, or the ribs must say which of them are right."""
    from_sacrum, from_skull = LAST - int(places[-1]), 0
    has_sacrum = _is_next(pieces, found, -1, ("Sacrum",))
    has_skull = _is_next(pieces, found, 0, ("Skull", "Brain"))
    if has_sacrum and has_skull and from_sacrum != from_skull:
        number = int(places[-1]) + 1
        return Count(None, f"{number} vertebrae lie between skull and sacrum, but {LAST + 1} were expected", True)
    if has_sacrum or has_skull:
        first = from_sacrum if has_sacrum else from_skull
        return _possible(first, places, "the sacrum" if has_sacrum else "the skull")
    return _without_anchor(pieces, found, places)


def _without_anchor(pieces: Pieces, found: tuple[Vertebra, ...], places: IntArray) -> Count:
    """Names that agree, if the ribs of one side bear them out at least; else names that both sides' ribs point to."""
    names = Counter(vertebra.named - place for vertebra, place in zip(found, places.tolist(), strict=True))
    sides = [votes for side in ("left", "right") if (votes := _rib_votes(pieces, found, places, side)).total()]
    if len(names) == 1:
        first = next(iter(names))
        if not sides or any(votes[first] >= _RIBS_AGREE * votes.total() for votes in sides):
            return _possible(first, places, "the vertebrae's own names, which agree")
        return Count(None, "neither skull nor sacrum is in view, and the ribs' names do not fit the vertebrae's", True)
    both = sum(sides, Counter[int]())
    told, agreeing = both.most_common(1)[0] if both else (-1, 0)
    if told in names and agreeing >= max(_LEAST_RIBS, _RIBS_AGREE * both.total()):
        return _possible(told, places, "the ribs")
    return Count(None, "neither skull nor sacrum is in view, and the vertebrae's names disagree with their order")


def _possible(first: int, places: IntArray, evidence: str) -> Count:
    if first < 0 or first + int(places[-1]) > LAST:
        return Count(None, f"more vertebrae follow each other than there are, counted from {evidence}", True)
    return Count(first, evidence)


def _rib_votes(pieces: Pieces, found: tuple[Vertebra, ...], places: IntArray, side: str) -> Counter[int]:
    """The topmost level that each rib's name and the vertebra it hangs on give, and how many ribs say so."""
    bodies = [np.array(vertebra.pieces) for vertebra in found]
    votes: Counter[int] = Counter()
    for label in rib_labels(side).tolist():
        rib = pieces.largest_body(label_by_id(label).name)
        host = host_of(pieces, rib, bodies) if rib.size else None
        if host is not None:
            votes[_FIRST_THORACIC - 1 + int(label_by_id(label).anatomical_rib or 0) - int(places[host])] += 1
    return votes


def _is_next(pieces: Pieces, found: tuple[Vertebra, ...], end: int, names: tuple[str, ...]) -> bool:
    return any(_follows(pieces, found, end, name) for name in names)


def _follows(pieces: Pieces, found: tuple[Vertebra, ...], end: int, name: str) -> bool:
    """Whether the anchor touches the column's last vertebra, or lies no farther from it than a neighbour would."""
    own = pieces.largest_body(name)
    if not own.size:
        return False
    if host_of(pieces, own, [np.array(found[end].pieces)]) is not None:
        return True
    apart = abs(_facing_height(pieces, own, end) - found[end].place_ras[2])
    usual = np.linalg.norm(found[end].place_ras - found[-2 if end else 1].place_ras) if len(found) > 1 else 30.0
    return bool(apart < _ANCHOR_REACH * usual)


def _facing_height(pieces: Pieces, own: IntArray, end: int) -> float:
    """The height of the anchor's end that faces the column."""
    heights = pieces.corners_ras(own)[..., 2]
    return float(heights.max() if end else heights.min())
