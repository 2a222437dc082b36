"""What rules know beside the label map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Volume

from DAPAtlasLib.rules.contacts import IntArray

if TYPE_CHECKING:
    from DAPAtlasLib.rules.pieces import Pieces

VERTEBRAE = (
    *(f"Vertebra C{number}" for number in range(1, 8)),
    *(f"Vertebra T{number}" for number in range(1, 13)),
    *(f"Vertebra L{number}" for number in range(1, 6)),
)


@dataclass(frozen=True, eq=False)
class Context:
    """The patient's sex, F or M, if it is known, and the CT on the label map's grid, if there is one."""

    sex: str | None = None
    ct: Volume | None = None

    def median_hu(self, pieces: Pieces, chosen: IntArray) -> float | None:
        """The median HU of pieces; None without a CT."""
        values = self._hu(pieces, chosen)
        return None if values is None else float(np.median(values))

    def hu_range(self, pieces: Pieces, chosen: IntArray) -> tuple[float, float] | None:
        """The HU between which 95 % of the pieces' voxels lie; None without a CT."""
        values = self._hu(pieces, chosen)
        return None if values is None else (float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5)))

    def _hu(self, pieces: Pieces, chosen: IntArray) -> npt.NDArray[np.float32] | None:
        if self.ct is None:
            return None
        low, high = pieces.boxes[chosen, :, 0].min(axis=0), pieces.boxes[chosen, :, 1].max(axis=0)
        box = tuple(slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
        return self.ct.values[box][np.isin(pieces.numbers[box], chosen)]
