"""Merging experts coarse to fine: tissues first, organs over them, vessels and parts of organs last (thesis, 3.1.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, require_same_grid
from AnatomyGuidedLib.labels import labels

_BACKGROUND_LEVEL = -2
_UNKNOWN_LEVEL = -1


@dataclass(frozen=True)
class Contribution:
    """What one expert gave of one label, how much of it stands in the merged map, and what covers the rest."""

    expert: str
    label: int
    voxels: int
    kept_voxels: int
    covered_by: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Merged:
    """The merged map and each expert's contributions."""

    labelmap: Labelmap
    contributions: tuple[Contribution, ...]


def merge(experts: Sequence[tuple[str, Labelmap]]) -> Merged:
    """The union of the experts' maps: where they differ the finer label wins, at one level the expert named first.

    Background and Unknown Tissue never cover a structure, and a structure's voxels are lost to a finer one only.

    Raises:
        AnatomyGuidedError: No expert was given.
        GridMismatch: The experts' maps lie on different grids.
    """
    if not experts:
        raise AnatomyGuidedError("There is nothing to merge: no expert gave a label map.")
    grid = experts[0][1].grid
    for name, labelmap in experts[1:]:
        require_same_grid(grid, labelmap.grid, names=(experts[0][0], name))
    height = levels()
    merged = np.zeros(grid.shape, dtype=np.uint8)
    for _, labelmap in experts:
        offered = labelmap.values.astype(np.uint8, copy=False)
        np.copyto(merged, offered, where=height[offered] > height[merged])
    return accounted(experts, Labelmap(merged, grid))


@cache
def levels() -> npt.NDArray[np.int8]:
    """By DAP id the level at which it is merged; Unknown Tissue and background below all structures."""
    table = np.full(256, _BACKGROUND_LEVEL, dtype=np.int8)
    for label in labels():
        if label.group:
            table[label.id] = label.level
        elif label.id > 0:
            table[label.id] = _UNKNOWN_LEVEL
    table.flags.writeable = False
    return table


def accounted(experts: Sequence[tuple[str, Labelmap]], merged: Labelmap) -> Merged:
    """A map that was merged from experts, with what each of them gave of each label."""
    contributions = [
        contribution
        for name, labelmap in experts
        for contribution in _contributions(name, labelmap.values, merged.values)
    ]
    return Merged(merged, tuple(contributions))


def _contributions(expert: str, offered: npt.NDArray[Any], merged: npt.NDArray[np.uint8]) -> list[Contribution]:
    table = _cross_table(offered, merged)
    return [
        Contribution(
            expert,
            int(label),
            int(table[label].sum()),
            int(table[label, label]),
            {int(other): int(table[label, other]) for other in np.flatnonzero(table[label]) if other != label},
        )
        for label in np.flatnonzero(table.sum(axis=1))
        if label > 0
    ]


def _cross_table(offered: npt.NDArray[Any], merged: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Voxels by offered label (row) and merged label (column), counted slice by slice."""
    table = np.zeros(256 * 256, dtype=np.int64)
    for k in range(merged.shape[2]):
        codes = offered[:, :, k].astype(np.int32) * 256 + merged[:, :, k]
        table += np.bincount(codes.ravel(), minlength=table.size)
    return table.reshape(256, 256)
