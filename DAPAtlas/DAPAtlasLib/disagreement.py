"""Where experts contradict a label map, voxel by voxel and structure by structure.

An expert agrees with a voxel's label by saying it. It contradicts by saying something else although it knows that
label, or by naming another structure that is no coarser: to call a vessel's voxel fat, by one who knows no vessels, is
no contradiction. Where an expert neither looked nor knows, it has no opinion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.labels import label_by_id

from DAPAtlasLib.merge import levels
from DAPAtlasLib.opinions import Opinion


@dataclass(frozen=True)
class Agreement:
    """Of one structure's voxels: opinions that agree and that contradict, and voxels on which two or more spoke."""

    label: int
    voxels: int
    agreeing: int
    contradicting: int
    voxels_with_two_opinions: int

    @property
    def share(self) -> float | None:
        """Agreeing opinions among all; None where no expert has one, or never two on one voxel."""
        opinions = self.agreeing + self.contradicting
        return self.agreeing / opinions if opinions and self.voxels_with_two_opinions else None

    def row(self) -> dict[str, object]:
        """The values by column name."""
        return {
            "id": self.label,
            "name": label_by_id(self.label).name,
            "agreement": None if self.share is None else round(self.share, 4),
            "share_with_two_opinions": round(self.voxels_with_two_opinions / self.voxels, 4),
        }


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Doubt in percent (uint8) on the label map's grid, and a row a structure of the map."""

    percent: npt.NDArray[np.uint8]
    grid: Grid
    structures: tuple[Agreement, ...]

    def volume(self) -> Volume:
        """The doubt from 0 to 1 as an image."""
        return Volume(self.percent.astype(np.float32) / 100.0, self.grid)


def disagreement(opinions: Sequence[Opinion], labelmap: Labelmap) -> Disagreement:
    """How much the experts contradict a label map.

    A voxel's doubt is (contradicting + 1/2 + d/6) / (opinions + 2), in percent, where d of its six neighbours have
    another label: the neighbours are one more opinion, since every expert's border is a voxel or two off. So one
    expert alone leaves more doubt than two that agree, and a border more than an inside. Around what is named it is
    0; in holes that the map leaves in the body it is not.

    Raises:
        GridMismatch: An expert's map lies on another grid.
    """
    for opinion in opinions:
        require_same_grid(opinion.labelmap.grid, labelmap.grid, names=(opinion.expert, "the label map"))
    percent = np.zeros(labelmap.grid.shape, np.uint8)
    counts = np.zeros((4, 256), np.int64)
    around = _around(labelmap.values)
    for k in range(labelmap.grid.shape[2]):
        final = labelmap.values[:, :, k]
        agreeing, contradicting = _votes(opinions, final, k)
        spoken = agreeing + contradicting
        doubt = 100 * (contradicting + 0.5 + _other_neighbours(labelmap.values, k) / 6) / (spoken + 2)
        percent[:, :, k] = np.where(around[:, :, k] & (spoken == 0), 0, np.rint(doubt))
        for row, weights in enumerate((None, agreeing, contradicting, spoken > 1)):
            counts[row] += _sums(final, weights)
    rows = tuple(Agreement(int(label), *counts[:, label].tolist()) for label in np.flatnonzero(counts[0]) if label > 1)
    return Disagreement(percent, labelmap.grid, rows)


def _votes(
    opinions: Sequence[Opinion], final: npt.NDArray[np.uint8], k: int
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """How many experts agree with each voxel of a slice, and how many contradict it."""
    height = levels()
    agreeing, contradicting = np.zeros(final.shape, np.int16), np.zeros(final.shape, np.int16)
    for opinion in opinions:
        i, j, slices = opinion.box
        if not slices.start <= k < slices.stop:
            continue
        said, meant = opinion.labelmap.values[i, j, k], final[i, j]
        same = said == meant
        names_other = (said > 1) & (height[said] >= height[meant])
        knows_better = opinion.table()[meant] & (meant > 1)
        agreeing[i, j] += same & (meant > 0)
        contradicting[i, j] += ~same & (names_other | knows_better)
    return agreeing, contradicting


def _around(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """The background that reaches the edge of the image."""
    pieces = connected_components(labels == 0, connectivity=6)
    reaching = np.zeros(int(pieces.max()) + 1, np.bool_)
    for axis in range(3):
        for face in (0, -1):
            reaching[np.unique(np.take(pieces, face, axis=axis))] = True
    reaching[0] = False
    return np.asarray(reaching[pieces])


def _other_neighbours(labels: npt.NDArray[np.uint8], k: int) -> npt.NDArray[np.int8]:
    """How many of each voxel's six neighbours have another label than it, in a slice; beyond the image none has."""
    final = labels[:, :, k]
    others = np.zeros(final.shape, np.int8)
    for axis in range(2):
        differs = np.diff(final.astype(np.int16), axis=axis) != 0
        before, after = (np.moveaxis(others, axis, 0)[side] for side in (slice(0, -1), slice(1, None)))
        before += np.moveaxis(differs, axis, 0)
        after += np.moveaxis(differs, axis, 0)
    for near in (k - 1, k + 1):
        if 0 <= near < labels.shape[2]:
            others += labels[:, :, near] != final
    return others


def _sums(final: npt.NDArray[np.uint8], weights: npt.NDArray[np.generic] | None) -> npt.NDArray[np.int64]:
    flat = None if weights is None else weights.ravel()
    return np.bincount(final.ravel(), flat, 256).astype(np.int64)
