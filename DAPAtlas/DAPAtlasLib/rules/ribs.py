"""The names of ribs, told by the vertebrae on which they hang; without vertebrae, 12 a side are counted by height.

Costa 1 is the anatomical twelfth rib: the names count from below (thesis, Table 4 and Algorithm 7).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, label_by_id
from scipy.sparse import coo_array, csgraph

from DAPAtlasLib.rules.articulations import host_of, in_order, rib_labels, shared_borders
from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding, Status, relabelled
from DAPAtlasLib.rules.pieces import Pieces
from DAPAtlasLib.rules.sizes import unlike_ribs
from DAPAtlasLib.rules.vertebrae import vertebra_levels

NAME = "ribs"
_PAIRS = 12
_LEAST_SHARE = 0.15  # of other ribs: smaller pieces may lie anywhere
_SECOND_SHARE = 0.3
_WHOLE_SHARE = 0.6  # of the rib of its name on the other side
_TWO_RIBS = 1.4  # times a rib: no single one is as large
_NAME_COUNTS = 0.35  # as much as this share of the border
_LEVELS = tuple(f"Vertebra T{number}" for number in range(1, _PAIRS + 1))
_BESIDE = ("Vertebra C7", *_LEVELS, "Vertebra L1")


@dataclass(frozen=True, eq=False)
class _Rib:
    """One rib of bone: its pieces, and the anatomical number that its vertebra gives; None if it touches none."""

    pieces: IntArray
    number: int | None
    other: int | None = None  # another vertebra that it hangs on nearly as much


def rib_names(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:
    """Ribs named by the vertebra they hang on; what hangs on C7 or L1 is no rib of the atlas and Unknown Tissue."""
    if not np.isin(pieces.labels, rib_labels()).any():
        return pieces, Finding(NAME, "not evaluable", "Not evaluable: no rib is in view.")
    changes: dict[int, int] = {}
    faults: list[str] = []
    problems: list[str] = []
    for side in ("left", "right"):
        found = _ribs(pieces, side)
        if not any(rib.number is not None for rib in found):
            found, problem = _by_height(pieces, found)
            problems += [f"{side}: {problem}"] if problem else []
        own = _names(pieces, found, side)
        changes |= own
        faults += _faults(pieces, found, side)
    if problems and not changes and not faults:
        status: Status = "refused" if any("disagree" in problem for problem in problems) else "not evaluable"
        return pieces, Finding(NAME, status, f"{status.capitalize()}: {'; '.join(problems)}.", faults=tuple(problems))
    if changes and vertebra_levels(pieces, context)[1].status == "refused":
        reason = "the ribs' names do not fit the vertebrae's, and which of them are wrong cannot be told"
        return pieces, Finding(NAME, "refused", f"Refused: {reason}.", faults=tuple(dict.fromkeys(faults)))
    mended, moves = relabelled(pieces, changes)
    unlike = unlike_ribs(mended, "left")  # of a pair both are unlike, so one side says it
    details = {"unlike": list(unlike)} if unlike else {}
    told = (*dict.fromkeys(faults), *problems, *unlike)
    if not moves:
        reason = "Every rib hangs on its vertebra." if not told else f"Nothing can be mended: {'; '.join(told)}."
        return pieces, Finding(NAME, "nothing to do", reason, (), told, details)
    return mended, Finding(NAME, "applied", f"By the vertebrae they hang on: {'; '.join(told)}.", moves, told, details)


def _ribs(pieces: Pieces, side: str) -> list[_Rib]:
    """The ribs of one side, from pieces of any rib's name that touch by a face."""
    own = np.flatnonzero(np.isin(pieces.labels, rib_labels(side)))
    first, second = pieces.contacts.first, pieces.contacts.second
    joined = np.isin(first, own) & np.isin(second, own) & (pieces.contacts.faces > 0)
    joined &= ~_hang_apart(pieces, first, second) & ~_both_whole(pieces, first, second)
    graph = coo_array((np.ones(int(joined.sum())), (first[joined], second[joined])), shape=(pieces.labels.size,) * 2)
    _, group = csgraph.connected_components(graph, directed=False)
    members = [own[group[own] == number] for number in np.unique(group[own])]
    members.sort(key=lambda rib: -float(pieces.middle(rib)[2]))
    bodies = [pieces.of(name) for name in _BESIDE]
    sizes = np.array([pieces.voxels[rib].sum() for rib in members])
    least = _LEAST_SHARE * np.median(np.sort(sizes)[::-1][:_PAIRS]) if members else 0.0
    scores = np.array(
        [_scores(pieces, rib, bodies) * (size >= least) for rib, size in zip(members, sizes, strict=True)]
    ).reshape(len(members), len(bodies))
    chosen = in_order(scores)
    return [_Rib(rib, number, _other(pieces, rib, bodies, number)) for rib, number in zip(members, chosen, strict=True)]


def _other(pieces: Pieces, rib: IntArray, bodies: list[IntArray], number: int | None) -> int | None:
    """A second vertebra that has a large share of the rib's border."""
    shared = shared_borders(pieces, rib, bodies)
    if number is None or not shared.sum():
        return None
    shared[number] = 0.0
    best = int(np.argmax(shared))
    return best if shared[best] >= _SECOND_SHARE * shared_borders(pieces, rib, bodies).sum() else None


def _scores(pieces: Pieces, rib: IntArray, bodies: list[IntArray]) -> FloatArray:
    """How much speaks for each vertebra: its share of the border, and the rib's name where it is a neighbour."""
    shared = shared_borders(pieces, rib, bodies)
    if not shared.sum():
        return shared
    scores = shared / shared.sum()
    scores[int(label_by_id(int(pieces.labels[_largest(pieces, rib)])).anatomical_rib or 0)] += _NAME_COUNTS
    return np.where(shared > 0, scores, 0.0)


def _largest(pieces: Pieces, rib: IntArray) -> int:
    return int(rib[np.argmax(pieces.voxels[rib])])


def _hang_apart(pieces: Pieces, first: IntArray, second: IntArray) -> np.ndarray:
    """Pairs of pieces that hang on different vertebrae: two ribs that touch, and no rib in two parts."""
    bodies = [pieces.of(name) for name in _BESIDE]
    hosts = np.full(pieces.labels.size, -1)
    for piece in np.flatnonzero(np.isin(pieces.labels, rib_labels())):
        host = host_of(pieces, np.array([piece]), bodies)
        hosts[piece] = -1 if host is None else host
    return np.asarray((hosts[first] >= 0) & (hosts[second] >= 0) & (hosts[first] != hosts[second]))


def _both_whole(pieces: Pieces, first: IntArray, second: IntArray) -> np.ndarray:
    """Pairs of pieces of other names that are each as large as a rib of its name: two ribs that touch."""
    totals = np.bincount(pieces.labels, weights=pieces.voxels, minlength=256)
    opposite = np.zeros(256)
    for one, other in zip(rib_labels("left"), rib_labels("right"), strict=True):
        opposite[one], opposite[other] = totals[other], totals[one]
    typical = np.where(opposite > 0, opposite, totals)[pieces.labels]
    is_whole = (typical > 0) & (pieces.voxels >= _WHOLE_SHARE * typical)
    together = pieces.voxels[first] + pieces.voxels[second]
    is_two = together >= _TWO_RIBS * np.maximum(typical[first], typical[second])
    return np.asarray(is_whole[first] & is_whole[second] & is_two & (pieces.labels[first] != pieces.labels[second]))


def _names(pieces: Pieces, ribs: list[_Rib], side: str) -> dict[int, int]:
    """The label of every piece; a piece that touches no vertebra follows those that had its name, if they agree."""
    changes: dict[int, int] = {}
    goes_to: dict[int, set[int]] = defaultdict(set)
    for rib in ribs:
        if rib.number is not None:
            label = _label(rib.number, side)
            changes |= dict.fromkeys(rib.pieces.tolist(), label)
            goes_to[int(pieces.labels[_largest(pieces, rib.pieces)])].add(label)
    for rib in ribs:
        for piece in rib.pieces.tolist() if rib.number is None else ():
            targets = goes_to[int(pieces.labels[piece])]
            if len(targets) == 1:
                changes[piece] = next(iter(targets))
    return {piece: label for piece, label in changes.items() if label != int(pieces.labels[piece])}


def _label(number: int, side: str) -> int:
    """The id of the anatomical rib; below the first and beyond the twelfth the atlas names none."""
    if not 1 <= number <= _PAIRS:
        return id_of(UNKNOWN_TISSUE)
    return id_of(f"Costa {_PAIRS + 1 - number} {side.capitalize()}")


def _by_height(pieces: Pieces, ribs: list[_Rib]) -> tuple[list[_Rib], str]:
    """Algorithm 7: twelve ribs ordered by the height of their middle, if their lowest points follow the same order."""
    whole = sorted(ribs, key=lambda rib: -float(pieces.voxels[rib.pieces].sum()))[:_PAIRS]
    if len(whole) < _PAIRS:
        return ribs, f"no thoracic vertebra touches a rib, and {len(whole)} ribs are in view where 12 can be counted"
    by_middle = sorted(whole, key=lambda rib: -pieces.middle(rib.pieces)[2])
    by_lowest = sorted(whole, key=lambda rib: -float(pieces.corners_ras(rib.pieces)[..., 2].min()))
    if by_middle != by_lowest:
        return ribs, "the ribs' order by their middles and by their lowest points disagree"
    return [_Rib(rib.pieces, number) for number, rib in enumerate(by_middle, 1)], ""


def _faults(pieces: Pieces, ribs: list[_Rib], side: str) -> list[str]:
    """What is wrong with the names, a sentence a rib."""
    told = []
    named: dict[int, set[int]] = defaultdict(set)
    for rib in ribs:
        for label in np.unique(pieces.labels[rib.pieces]).tolist():
            if rib.number is not None:
                named[label].add(rib.number)
        told += _fault_of(pieces, rib, side)
    told += [
        f"{' and '.join(_title(number, side) for number in sorted(numbers))} share the name {label_by_id(label).name}"
        for label, numbers in named.items()
        if len(numbers) > 1
    ]
    numbers = {rib.number for rib in ribs if rib.number is not None}
    told += [
        f"{_title(rib.number, side)} hangs on {_BESIDE[rib.number]} and {_BESIDE[rib.other]}, as two ribs in one do"
        for rib in ribs
        if rib.number is not None and rib.other is not None and rib.other not in numbers
    ]
    between = set(range(min(numbers, default=1), max(numbers, default=0))) - numbers
    return told + [f"{_title(number, side)} is not there" for number in sorted(between)]


def _fault_of(pieces: Pieces, rib: _Rib, side: str) -> list[str]:
    if rib.number is None:
        return []
    label = _label(rib.number, side)
    others = [label_by_id(other).name for other in np.unique(pieces.labels[rib.pieces]).tolist() if other != label]
    if not others:
        return []
    if label in pieces.labels[rib.pieces]:
        return [f"a part of {_title(rib.number, side)} was named {', '.join(others)}"]
    return [f"{_title(rib.number, side)} was named {', '.join(others)}"]


def _title(number: int, side: str) -> str:
    if 1 <= number <= _PAIRS:
        return f"Costa {_PAIRS + 1 - number} {side.capitalize()}"
    return f"the {side} rib at {_BESIDE[number]}"
