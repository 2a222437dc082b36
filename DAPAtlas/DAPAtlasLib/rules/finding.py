"""What a rule did, or why it did nothing: the sentence a person reads, what moved, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from AnatomyGuidedLib.labels import label_by_id

from DAPAtlasLib.rules.pieces import Pieces

Status = Literal["applied", "nothing to do", "not evaluable", "refused"]


@dataclass(frozen=True)
class Move:
    """A piece that a rule moved: from which label to which, how many voxels, where its middle is (RAS mm).

    `count` is how many pieces there were: those that were cut from it later have moved with it.
    """

    piece: int
    source: int
    target: int
    voxels: int
    place_ras_mm: tuple[float, float, float]
    count: int

    def row(self) -> dict[str, object]:
        """The move with names, for JSON."""
        return {
            "from": label_by_id(self.source).name,
            "to": label_by_id(self.target).name,
            "voxels": self.voxels,
            "place_ras_mm": list(self.place_ras_mm),
        }


@dataclass(frozen=True)
class Finding:
    """How a rule ended; `faults` name what it saw, one sentence each, whether or not it could mend it."""

    rule: str
    status: Status
    reason: str
    moves: tuple[Move, ...] = ()
    faults: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def voxels(self) -> int:
        """How many voxels moved."""
        return sum(move.voxels for move in self.moves)

    @property
    def why(self) -> str:
        """The reason within another sentence: without the status before it and the full stop."""
        return self.reason.removeprefix(f"{self.status.capitalize()}: ").rstrip(".")

    def row(self) -> dict[str, object]:
        """The finding for JSON; moves between the same labels are added up."""
        return {
            "rule": self.rule,
            "status": self.status,
            "reason": self.reason,
            "voxels": self.voxels,
            "moves": [move.row() for move in self.moves],
            "faults": list(self.faults),
            **self.details,
        }


def relabelled(pieces: Pieces, changes: Mapping[int, int]) -> tuple[Pieces, tuple[Move, ...]]:
    """The pieces with the changes that change something, and these as moves."""
    real = {piece: label for piece, label in changes.items() if int(pieces.labels[piece]) != label}
    moves = tuple(
        Move(
            piece,
            int(pieces.labels[piece]),
            label,
            int(pieces.voxels[piece]),
            _rounded(pieces.middles_ras[piece]),
            pieces.labels.size,
        )
        for piece, label in sorted(real.items())
    )
    return pieces.with_labels(real), moves


def undone(pieces: Pieces, finding: Finding) -> Pieces:
    """The pieces without what this rule did; what a later rule has moved on stays."""
    moves = {move.piece: move for move in finding.moves}
    if not moves:
        return pieces
    was = pieces.among_first(finding.moves[0].count)  # the same of all moves of a finding
    back = {
        piece: moves[first].source
        for piece, first in enumerate(was.tolist())
        if first in moves and int(pieces.labels[piece]) == moves[first].target
    }
    return pieces.with_labels(back)


def _rounded(place: np.ndarray) -> tuple[float, float, float]:
    r, a, s = (round(float(value), 1) for value in place)
    return r, a, s
