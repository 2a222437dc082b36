"""One label map with all that checks ask of it, measured once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from AnatomyGuidedLib.labels import id_of, label_by_id

from DAPAtlasLib.disagreement import Agreement
from DAPAtlasLib.plausibility.facts import Level
from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding
from DAPAtlasLib.rules.midplane import Midplane, midplane
from DAPAtlasLib.rules.pieces import Pieces
from DAPAtlasLib.rules.ribs import rib_names
from DAPAtlasLib.rules.sides import left_right
from DAPAtlasLib.rules.vertebrae import vertebra_levels
from DAPAtlasLib.rules.vertebral_column import named_places, vertebra_heights


@dataclass(frozen=True, eq=False)
class Case:
    """The pieces of a label map, and what is known beside it.

    `age` is in years; `known` are the ids that could have been named, None where all could; `mean_hu` and `agreement`
    are by id, empty without a CT and without experts.
    """

    pieces: Pieces
    sex: str | None = None
    age: float | None = None
    known: frozenset[int] | None = None
    mean_hu: Mapping[int, float] = field(default_factory=dict)
    agreement: Mapping[int, Agreement] = field(default_factory=dict)

    @cached_property
    def voxels(self) -> IntArray:
        """Voxels by label."""
        return np.bincount(self.pieces.labels, self.pieces.voxels, 256).astype(np.int64)

    def has(self, name: str) -> bool:
        """Whether a voxel has this name."""
        return bool(self.voxels[id_of(name)])

    def volume_ml(self, label: int) -> float:
        """The structure's volume."""
        return float(self.voxels[label] * self.pieces.grid.voxel_volume_ml)

    def is_cut(self, label: int) -> bool:
        """Whether the structure reaches the edge of the image, so that some of it may lie outside."""
        return self.pieces.reaches_edge(np.flatnonzero(self.pieces.labels == label))

    @cached_property
    def bodies(self) -> Mapping[int, list[IntArray]]:
        """By label its bodies (touching pieces are one), the largest first."""
        found: dict[int, list[IntArray]] = {}
        labels, sizes = self.pieces.labels, self.pieces.body_voxels
        order = np.lexsort((self.pieces.bodies, -sizes))
        members: dict[int, list[int]] = {}
        for piece in order.tolist():
            if labels[piece]:
                members.setdefault(int(self.pieces.bodies[piece]), []).append(piece)
        for body in members.values():
            found.setdefault(int(labels[body[0]]), []).append(np.array(body))
        return found

    @cached_property
    def heights(self) -> Mapping[str, float]:
        """S in mm of every vertebra's middle; empty where no vertebra is in view."""
        return vertebra_heights(self.pieces)

    @cached_property
    def vertebrae(self) -> Mapping[int, np.ndarray]:
        """The middle (RAS mm) of each level in view, 0 for C1."""
        return named_places(self.pieces)

    @cached_property
    def middle(self) -> Midplane | None:
        """The middle of the body, None where too few anchors are in view or it does not fit."""
        found = midplane(self.pieces)
        return None if isinstance(found, str) else found

    def in_view(self, upper: Level, lower: Level) -> bool | None:
        """Whether the image reaches from one level to the other; None where no vertebra says where they are."""
        if not self.heights:
            return None
        low, high = self._reach
        return low <= self._height(lower) and self._height(upper) <= high

    def rule(self, name: str) -> Finding:
        """What a rule finds in the map as it is: left-right, vertebrae or ribs."""
        return self._findings[name]

    def moved(self, rule: str, label: int) -> IntArray:
        """Pieces of the label that a rule would move away."""
        moves = [move for move in self.rule(rule).moves if move.source == label]
        return np.array([(move.piece, move.target, move.voxels) for move in moves], int).reshape(-1, 3)

    @cached_property
    def _findings(self) -> Mapping[str, Finding]:
        context = Context(self.sex)
        found = (rule(self.pieces, context)[1] for rule in (left_right, vertebra_levels, rib_names))
        return {finding.rule: finding for finding in found}

    @cached_property
    def _reach(self) -> tuple[float, float]:
        """The lowest and the highest S (mm) that the image shows at its middle."""
        grid = self.pieces.grid
        axis = int(np.argmax(np.abs(grid.directions[2])))
        ends = np.tile((np.array(grid.shape) - 1) / 2.0, (2, 1))
        ends[:, axis] = (0, grid.shape[axis] - 1)
        low, high = np.sort(grid.ras_from_ijk(ends)[:, 2]).tolist()
        return low, high

    def _height(self, level: Level) -> float:
        return self.heights[level.vertebra] + level.above_mm


def short(label: int) -> str:
    """A structure's name for a sentence."""
    return label_by_id(label).display_name
