"""The names of vertebrae: fragments join their vertebra, and levels are counted from the sacrum or the skull."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from AnatomyGuidedLib.labels import id_of

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import VERTEBRAE, Context
from DAPAtlasLib.rules.finding import Finding, Status, relabelled
from DAPAtlasLib.rules.pieces import Pieces
from DAPAtlasLib.rules.sizes import unlike_vertebrae
from DAPAtlasLib.rules.vertebral_column import Vertebra, columns, doubles, steps_between
from DAPAtlasLib.rules.vertebral_count import Count, counted

NAME = "vertebrae"


@dataclass(frozen=True, eq=False)
class _Reading:
    """One way to read the column, and what it would change."""

    pieces: Pieces
    found: tuple[Vertebra, ...]
    places: IntArray
    count: Count

    @cached_property
    def changes(self) -> dict[int, int]:
        """The new label of each piece whose label is another one."""
        if self.count.first is None:
            return {}
        return {
            piece: label
            for vertebra, place in zip(self.found, self.places.tolist(), strict=True)
            for piece in vertebra.pieces
            if (label := id_of(VERTEBRAE[self.count.first + place])) != int(self.pieces.labels[piece])
        }

    @property
    def cost(self) -> tuple[bool, int, int, int]:
        """Readings that can be counted first, then those with fewer levels missing, fewer doubles, and less changes."""
        missing = int(self.places[-1]) + 1 - len(set(self.places.tolist()))
        changed = sum(int(self.pieces.voxels[piece]) for piece in self.changes)
        return self.count.first is None, missing, doubles(self.pieces, self.found), changed


def vertebra_levels(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:  # noqa: ARG001 - all rules look alike
    """Vertebrae named by their place in the column; a piece of one that carries another's name takes its own."""
    if not pieces.of(*VERTEBRAE).size:
        return pieces, Finding(NAME, "not evaluable", "Not evaluable: no vertebra is in view.")
    best = min((_reading(*column) for column in columns(pieces)), key=lambda reading: reading.cost)
    details: dict[str, object] = {"counted_from": best.count.evidence}
    if best.count.first is None:
        status: Status = "refused" if best.count.is_refused else "not evaluable"
        reason = f"{status.capitalize()}: {best.count.evidence}."
        return pieces, Finding(NAME, status, reason, faults=_jumps(best) or (best.count.evidence,), details=details)
    mended, moves = relabelled(best.pieces, best.changes)
    unlike = unlike_vertebrae(mended)
    details |= {"unlike": list(unlike)} if unlike else {}
    doubted = (*_missing(best.places, best.count.first), *unlike)
    if not moves:
        told = "".join(f"; but {fault}" for fault in unlike)
        reason = f"The vertebrae follow each other, counted from {best.count.evidence}{told}."
        return pieces, Finding(NAME, "nothing to do", reason, faults=doubted, details=details)
    faults = (*_faults(best.found, best.places, best.count.first, best.pieces), *doubted)
    reason = f"Counted from {best.count.evidence}: {'; '.join(faults)}."
    return mended, Finding(NAME, "applied", reason, moves, faults, details)


def _reading(pieces: Pieces, found: tuple[Vertebra, ...]) -> _Reading:
    places = np.concatenate([[0], np.cumsum(steps_between(pieces, found))]).astype(int)[: len(found)]
    return _Reading(pieces, found, places, counted(pieces, found, places))


def _faults(found: tuple[Vertebra, ...], places: IntArray, first: int, pieces: Pieces) -> tuple[str, ...]:
    """Runs of vertebrae that are named so many levels off, and vertebrae with pieces under another name."""
    shifts = [vertebra.named - place - first for vertebra, place in zip(found, places.tolist(), strict=True)]
    told: list[str] = []
    start = 0
    for place in range(1, len(shifts) + 1):
        if place == len(shifts) or shifts[place] != shifts[start]:
            if shifts[start]:
                ends = (VERTEBRAE[first + places[start]], VERTEBRAE[first + places[place - 1]])
                told.append(_shift_sentence(*ends, shifts[start]))
            start = place
    for vertebra, place in zip(found, places.tolist(), strict=True):
        name = VERTEBRAE[first + place]
        others = {int(pieces.labels[piece]) for piece in vertebra.fragments} - {id_of(name)}
        names = [other for other in VERTEBRAE if id_of(other) in others]
        if names:
            told.append(f"a piece of {name} was named {', '.join(names)}")
    return tuple(told)


def _shift_sentence(upper: str, lower: str, shift: int) -> str:
    which = upper if upper == lower else f"{upper} to {lower}"
    levels = "one level" if abs(shift) == 1 else f"{abs(shift)} levels"
    return f"{which} named {levels} too {'low' if shift > 0 else 'high'}"


def _jumps(reading: _Reading) -> tuple[str, ...]:
    """Where names and order part, for a column that cannot be counted."""
    found = reading.found
    shifts = [vertebra.named - place for vertebra, place in zip(found, reading.places.tolist(), strict=True)]
    return tuple(
        f"the names jump between {VERTEBRAE[found[n].named]} and {VERTEBRAE[found[n + 1].named]}"
        for n in range(len(shifts) - 1)
        if shifts[n] != shifts[n + 1]
    )


def _missing(places: IntArray, first: int) -> tuple[str, ...]:
    """Levels between the first and the last vertebra in view that no voxel has."""
    return tuple(
        f"{VERTEBRAE[first + level]} is not there"
        for level in sorted(set(range(int(places[-1]))) - set(places.tolist()))
    )
