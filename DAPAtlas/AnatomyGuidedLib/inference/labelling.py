"""Writes the labels of complete cells on the wanted grid, interpolating only the classes that can win there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from AnatomyGuidedLib.inference.decoding import Decoder
from AnatomyGuidedLib.inference.frontier import Seams
from AnatomyGuidedLib.inference.lattice import Feed
from AnatomyGuidedLib.inference.windows import Box, Index, Windows

_BLOCK = 8  # voxels of the network's grid along each axis that share their candidates
_LARGEST_VALUES = 1 << 25


@dataclass
class Labelling:
    """Labels on the wanted grid, and probabilities of chosen classes; `feeds` tell how the grids relate by axis."""

    windows: Windows
    feeds: tuple[Feed, Feed, Feed]
    decoder: Decoder
    labels: npt.NDArray[np.uint8 | np.uint16]
    chances: Mapping[int, npt.NDArray[np.float16]]

    def __post_init__(self) -> None:
        self._seams = Seams()
        self._same_grid = all(
            feed.is_identity(axis.edges[-1]) for feed, axis in zip(self.feeds, self.windows.axes, strict=True)
        )

    def write(self, cell: Index, logits: Tensor) -> None:
        """Nothing; all voxels of the wanted grid that the cell completes have their label."""
        edges = [axis.cell(c) for axis, c in zip(self.windows.axes, cell, strict=True)]
        if self._same_grid:
            self._decode(logits, torch.arange(len(logits), device=logits.device), (edges[0], edges[1], edges[2]))
            return
        joined = self._seams.joined(cell, logits)
        starts = [edge.stop - n for edge, n in zip(edges, joined.shape[1:], strict=True)]
        for first, last in _blocks(edges):
            wanted = [feed.fed_by(a, b) for feed, a, b in zip(self.feeds, first, last, strict=True)]
            if all(w.stop > w.start for w in wanted):
                i, j, k = wanted
                self._interpolate(joined, starts, (i, j, k))

    def _interpolate(self, joined: Tensor, starts: list[int], wanted: Box) -> None:
        """Labels of a block of the wanted grid, from the voxels that feed it."""
        low = [int(feed.below[w.start]) for feed, w in zip(self.feeds, wanted, strict=True)]
        high = [int(feed.above[w.stop - 1]) + 1 for feed, w in zip(self.feeds, wanted, strict=True)]
        needed = joined[
            (slice(None), *(slice(a - start, b - start) for a, b, start in zip(low, high, starts, strict=True)))
        ]
        classes = torch.arange(len(needed), device=needed.device) if self.chances else self.decoder.candidates(needed)
        if len(classes) == 1 and not self.chances:
            self._decode(needed[classes][:, :1, :1, :1], classes, wanted)
            return
        for part in _thinned(wanted, len(classes)):
            mixed = needed[classes].float()
            for dimension, (feed, w, start) in enumerate(zip(self.feeds, part, low, strict=True), start=1):
                mixed = _mixed(mixed, dimension, feed, w, start)
            self._decode(mixed, classes, part)

    def _decode(self, logits: Tensor, classes: Tensor, place: Box) -> None:
        self.labels[place] = self.decoder.labels(logits, classes).cpu().numpy()
        if self.chances:
            found = self.decoder.chances(logits)
            for number, volume in self.chances.items():
                volume[place] = found[number].half().cpu().numpy()


def _blocks(edges: list[slice]) -> Iterator[tuple[Index, Index]]:
    """First and last (exclusive) voxels of the blocks of a cell."""
    for i in range(edges[0].start, edges[0].stop, _BLOCK):
        for j in range(edges[1].start, edges[1].stop, _BLOCK):
            for k in range(edges[2].start, edges[2].stop, _BLOCK):
                ends = [min(n + _BLOCK, edge.stop) for n, edge in zip((i, j, k), edges, strict=True)]
                yield (i, j, k), (ends[0], ends[1], ends[2])


def _thinned(wanted: Box, classes: int) -> Iterator[Box]:
    """The block in slabs along i that are small enough to interpolate at once."""
    i, j, k = wanted
    layer = (j.stop - j.start) * (k.stop - k.start) * classes
    thickness = max(1, _LARGEST_VALUES // max(1, layer))
    for start in range(i.start, i.stop, thickness):
        yield slice(start, min(start + thickness, i.stop)), j, k


def _mixed(values: Tensor, dimension: int, feed: Feed, wanted: slice, start: int) -> Tensor:
    """The values interpolated along one dimension, whose first layer is voxel `start`."""
    below, above, part = (
        torch.from_numpy(table[wanted]).to(values.device) for table in (feed.below, feed.above, feed.part)
    )
    lower = values.index_select(dimension, below - start)
    if not part.any():
        return lower
    upper = values.index_select(dimension, above - start)
    return torch.lerp(lower, upper, part.reshape([-1 if place == dimension else 1 for place in range(4)]))
