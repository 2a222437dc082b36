"""How the network's grid relates to the grid that labels are wanted on: by axis, which voxels feed which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NEAREST, LINEAR = "nearest", "linear"


@dataclass(frozen=True)
class Feed:
    """Along one axis, for each wanted voxel: the voxels of the network's grid below and above it, and the mix."""

    below: npt.NDArray[np.intp]
    above: npt.NDArray[np.intp]
    part: npt.NDArray[np.float32]

    @classmethod
    def between(cls, given: int, wanted: int, method: str = LINEAR) -> Feed:
        """The feed where both grids cover the same extent: voxel borders meet, not voxel centres.

        >>> Feed.between(2, 4).part.tolist()
        [0.0, 0.25, 0.75, 0.0]
        """
        places = np.clip((np.arange(wanted) + 0.5) * given / wanted - 0.5, 0, given - 1)
        if method == NEAREST:
            places = np.floor(places + 0.5)
        below = np.floor(places).astype(np.intp)
        part = (places - below).astype(np.float32)
        above = np.where(part > 0, np.minimum(below + 1, given - 1), below)
        return cls(below, above, part)

    def is_identity(self, given: int) -> bool:
        """Whether every one of the given voxels feeds the wanted voxel at its own place, and there is no other."""
        return len(self.below) == given == int(self.above[-1]) + 1 and not self.part.any()

    def fed_by(self, start: int, end: int) -> slice:
        """The wanted voxels whose last needed voxel lies from start to before end."""
        first, last = np.searchsorted(self.above, (start, end))
        return slice(int(first), int(last))
