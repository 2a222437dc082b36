"""What one expert says of a CT: its label map, which structures it knows, and where it looked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Opinion:
    """A label map of DAP ids, 0 where the expert is silent, and the ids that it could have said.

    `notes` are for the report. An expert's field of view is not written anywhere;
    it is read as the box around everything that it named.
    """

    expert: str
    labelmap: Labelmap
    knows: frozenset[int]
    notes: tuple[str, ...] = ()

    @cached_property
    def box(self) -> Box:
        """The box around what the expert named, in [i, j, k]; empty where it named nothing."""
        return box_around(self.labelmap.values) or (slice(0, 0), slice(0, 0), slice(0, 0))

    def table(self) -> npt.NDArray[np.bool_]:
        """By DAP id, whether the expert knows it."""
        known = np.zeros(256, np.bool_)
        known[list(self.knows)] = True
        return known


def box_around(values: npt.NDArray[Any]) -> Box | None:
    """The box around all values that are not 0; None where there is none."""
    spans = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        named = np.flatnonzero(values.any(axis=others))
        if not named.size:
            return None
        spans.append(slice(int(named[0]), int(named[-1]) + 1))
    return spans[0], spans[1], spans[2]
