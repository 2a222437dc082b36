"""From a structure's name to a slice and a box: the protocol, and the box around a structure of a label map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of

from LIMISLib.box import Box, box_around
from LIMISLib.planes import AXIAL, Plane, SliceView


class StructureNotFound(AnatomyGuidedError):
    """The image, or the slice that was asked for, does not show the structure."""


@dataclass(frozen=True)
class Finding:
    """Where a structure is: the slice's number and the box in it; a network also says its name and how sure it is."""

    slice_number: int
    box: Box
    finder: str = field(default="", repr=False)
    confidence: float | None = field(default=None, repr=False)

    @property
    def remark(self) -> str:
        """What a user should know of a box that a network found; empty for one of a label map.

        >>> Finding(7, Box(0, 0, 9, 9), "lang2box-demo (a demonstration model)", 0.734).remark
        'The box is from lang2box-demo (a demonstration model), 73 % sure; check it.'
        """
        if not self.finder:
            return ""
        sure = "" if self.confidence is None else f", {100 * self.confidence:.0f} % sure"
        return f"The box is from {self.finder}{sure}; check it."


class BoxFinder(Protocol):
    """What turns a structure's name into a box."""

    @property
    def name(self) -> str:
        """As users read it."""
        ...

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        """The structure's box in that slice, by default in the slice that shows most of it.

        Raises:
            StructureNotFound: It is not there.
            UnknownLabel: The name is no DAP Atlas name.
        """
        ...


@runtime_checkable
class PlaneFinder(BoxFinder, Protocol):
    """A finder that knows other planes than the axial one."""

    def in_plane(self, plane: Plane) -> BoxFinder:
        """The finder of boxes in slices of the plane."""
        ...


class AtlasBoxFinder:
    """Boxes of the structures of a DAP label map."""

    name = "atlas"

    def __init__(self, anatomy: Labelmap, *, plane: Plane = AXIAL) -> None:
        self._anatomy = anatomy
        self._view = SliceView(anatomy.grid, plane)

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        """As `BoxFinder.find`; of several slices with the largest area it is the lowest.

        >>> from AnatomyGuidedLib.grid import Grid
        >>> values = np.zeros((4, 4, 3), np.uint8)
        >>> values[1:3, 2, 1] = id_of("Spleen")
        >>> AtlasBoxFinder(Labelmap(values, Grid((4, 4, 3), np.eye(4)))).find("Spleen")
        Finding(slice_number=2, box=Box(left=1, top=1, right=3, bottom=2))
        """
        label_id = id_of(structure)
        areas = np.count_nonzero(self._view.turned(self._anatomy.values) == label_id, axis=(1, 2))
        if not areas.any():
            raise StructureNotFound(
                f"The anatomy has no {structure}; choose a structure that it holds, or give another anatomy."
            )
        number = int(np.argmax(areas)) + 1 if slice_number is None else slice_number
        mask = self._view.slice_of(self._anatomy.values, number) == label_id
        if not mask.any():
            shown = np.flatnonzero(areas) + 1
            raise StructureNotFound(
                f"Slice {number} shows no {structure}; it is on slices {shown[0]} to {shown[-1]}, "
                f"most of it on slice {int(np.argmax(areas)) + 1}."
            )
        return Finding(number, box_around(mask))
