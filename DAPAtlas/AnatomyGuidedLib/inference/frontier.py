"""The part of the logits that later windows still touch: cells fill up, leave complete, and are forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from AnatomyGuidedLib.inference.windows import Box, Index, Windows

_SMALL_VALUES = 1 << 28  # 1 GiB in single precision


@dataclass
class Frontier:
    """Mean logits of cells that some windows have seen and others will still see.

    Sums are of weights that add up to 1. They are kept in single precision where that takes little memory, otherwise
    in half precision, as nnU-Net keeps all of them.
    """

    windows: Windows
    device: torch.device | str = "cpu"
    _cells: dict[Index, Tensor] = field(default_factory=dict)

    def add(self, window: Index, logits: Tensor) -> list[tuple[Index, Tensor]]:
        """The cells that this window completes, with their mean logits (classes, *cell), in order.

        The logits (classes, *window) are weighted in place.
        """
        logits.mul_(torch.from_numpy(self.windows.weights(window)).to(logits))
        dtype = torch.float32 if len(logits) * self.windows.most_unfinished() < _SMALL_VALUES else torch.float16
        complete = []
        for cell in self.windows.cells_of(window):
            part = logits[(slice(None), *self._inside(window, cell))].to(self.device, dtype, copy=True)
            before = self._cells.pop(cell, None)
            total = part if before is None else before.add_(part)
            if self.windows.completes(window, cell):
                totals = self.windows.totals(cell)
                complete.append((cell, total if totals is None else total.div_(torch.from_numpy(totals).to(total))))
            else:
                self._cells[cell] = total
        return complete

    def _inside(self, window: Index, cell: Index) -> Box:
        i, j, k = (axis.inside(n, c) for axis, n, c in zip(self.windows.axes, window, cell, strict=True))
        return i, j, k


@dataclass
class Seams:
    """Adds to each complete cell the last layer of the cells before it, so that its border can be interpolated."""

    _faces: dict[tuple[int, Index], Tensor] = field(default_factory=dict)

    def joined(self, cell: Index, logits: Tensor) -> Tensor:
        """The cell's logits with one layer more at each side where there is a cell before it.

        Cells must come in an order in which those before them, along each axis, have come already.
        """
        for dimension in (3, 2, 1):
            logits = self._with_layer(cell, logits, dimension)
        return logits

    def _with_layer(self, cell: Index, logits: Tensor, dimension: int) -> Tensor:
        """Later dimensions are joined first: a layer then has the layers of those within it."""
        before = self._faces.pop((dimension, cell), None)
        following = list(cell)
        following[dimension - 1] += 1
        i, j, k = following
        self._faces[(dimension, (i, j, k))] = logits.narrow(dimension, logits.shape[dimension] - 1, 1).clone()
        return logits if before is None else torch.cat((before, logits), dimension)
