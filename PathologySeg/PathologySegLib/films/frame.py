"""How a film of any size fills the square that a network sees: centred, dark where the film ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Frame:
    """A film's pixels, and how many pixels a side the network's square has."""

    height: int
    width: int
    pixels: int

    def shrunk(self, film: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The square: means of the film's pixels, weighted by how much of each lies in a pixel of the square.

        >>> Frame(2, 4, 2).shrunk(np.array([[1, 1, 2, 2], [3, 3, 4, 4]], np.float32)).tolist()
        [[0.5, 1.0], [1.5, 2.0]]
        """
        side = max(self.height, self.width)
        square: npt.NDArray[np.float32] = np.zeros((side, side), np.float32)
        top, left = self._corner
        square[top : top + self.height, left : left + self.width] = film
        if side % self.pixels == 0:  # as films are shrunk in training, to the last digit
            block = side // self.pixels
            return np.asarray(square.reshape(self.pixels, block, self.pixels, block).mean((1, 3)), np.float32)
        weights = _overlaps(side, self.pixels)
        return np.asarray(weights @ square @ weights.T, np.float32)

    def enlarged(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """A mask of the square on the film: each of its pixels as the square's pixel in which its centre lies.

        >>> Frame(2, 4, 2).enlarged(np.array([[True, False], [False, False]])).astype(int).tolist()
        [[1, 1, 0, 0], [0, 0, 0, 0]]
        """
        side, (top, left) = max(self.height, self.width), self._corner
        rows = (2 * (top + np.arange(self.height)) + 1) * self.pixels // (2 * side)
        columns = (2 * (left + np.arange(self.width)) + 1) * self.pixels // (2 * side)
        return np.asarray(mask[np.ix_(rows, columns)])

    @property
    def _corner(self) -> tuple[int, int]:
        side = max(self.height, self.width)
        return (side - self.height) // 2, (side - self.width) // 2


def _overlaps(side: int, pixels: int) -> npt.NDArray[np.float64]:
    """(pixels, side): the share that each of `side` equal pieces of a line has in each of `pixels` ones."""
    ends = np.arange(1, side + 1) / side
    coarse = np.arange(1, pixels + 1)[:, None] / pixels
    shared = np.minimum(ends, coarse) - np.maximum(ends - 1 / side, coarse - 1 / pixels)
    return np.asarray(np.maximum(shared, 0.0) * pixels)
