"""The label map that a fault is painted on: axes along R, A and S however it is stored, structures by their box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from AnatomyGuidedLib.labels import DAP_SCHEME, id_of, label_by_id, scheme, to_dap
from AnatomyGuidedLib.phantom.shapes import Field

Box = tuple[slice, slice, slice]
Mask = npt.NDArray[np.bool_]

_AXES = ("RL", "AP", "SI")


class NotPossible(AnatomyGuidedError):
    """A fault cannot be injected; the message begins with "not possible:" and says what the map lacks."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not possible: {reason}")


@dataclass(frozen=True)
class Storage:
    """Which stored axis runs along R, A and S (nearly, on an oblique grid), and which of these run backwards."""

    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def along_ras(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of stored values whose axes run towards R, A and S."""
        return values.transpose(self.order)[self._steps()]

    def as_stored(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The way back."""
        i, j, k = np.argsort(self.order).tolist()
        return values[self._steps()].transpose(i, j, k)

    def grid_along_ras(self, grid: Grid) -> Grid:
        """The grid of `along_ras`: the same voxels at the same places."""
        affine = np.array(grid.affine)
        affine[:, :3] = affine[:, list(self.order)]
        shape = tuple(grid.shape[axis] for axis in self.order)
        for axis, flipped in enumerate(self.flips):
            if flipped:
                affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
                affine[:3, axis] *= -1.0
        return Grid((shape[0], shape[1], shape[2]), affine)

    def _steps(self) -> Box:
        r, a, s = (slice(None, None, -1 if flipped else 1) for flipped in self.flips)
        return r, a, s


def storage_of(grid: Grid) -> Storage:
    """How images on this grid are stored.

    >>> storage_of(Grid((2, 2, 2), np.diag([-1.0, -1.0, 1.0, 1.0]))).flips
    (True, True, False)
    """
    codes = grid.axis_codes
    r, a, s = (next(axis for axis in range(3) if codes[axis] in pair) for pair in _AXES)
    return Storage((r, a, s), (codes[r] == "L", codes[a] == "P", codes[s] == "I"))


class FaultCanvas:
    """Labels that a fault paints on, [i, j, k] nearly along R, A and S, beside the labels that were true before.

    The boxes of structures are those of the true labels. `window` is the part that remains in the field of view.

    Raises:
        UnknownLabel: The label map holds values that are no DAP id.
    """

    def __init__(self, labelmap: Labelmap) -> None:
        labelmap = _dap(labelmap)
        self.storage = storage_of(labelmap.grid)
        self.grid = self.storage.grid_along_ras(labelmap.grid)
        self.true: npt.NDArray[np.uint8] = self.storage.along_ras(labelmap.values)
        self.labels: npt.NDArray[np.uint8] = np.array(self.true, order="K")
        self.window: Box = box_of(self.true.shape)
        self._boxes = _boxes(self.true)

    def has(self, name: str) -> bool:
        """Whether the map holds this structure."""
        return id_of(name) in self._boxes

    def present(self, names: Iterable[str]) -> list[str]:
        """Those of the names that the map holds."""
        return [name for name in names if self.has(name)]

    def require(self, names: Iterable[str], what: str, *, least: int = 1) -> list[str]:
        """Those of the names that the map holds.

        Raises:
            NotPossible: These are fewer than the fault needs; `what` says in words what it needs.
        """
        found = self.present(names)
        if len(found) < least:
            held = ", ".join(found) if found else "none of these"
            raise NotPossible(f"the fault needs {what} in the field of view, but the map holds {held}.")
        return found

    def box(self, *names: str, margin_mm: float = 0.0) -> Box:
        """The box around structures that the map holds, wider by a margin, within the volume."""
        boxes = [self._boxes[id_of(name)] for name in names if self.has(name)]
        steps = [int(np.ceil(margin_mm / spacing)) for spacing in self.grid.spacing_mm]
        r, a, s = (
            slice(
                max(min(box[axis].start for box in boxes) - steps[axis], 0),
                min(max(box[axis].stop for box in boxes) + steps[axis], self.true.shape[axis]),
            )
            for axis in range(3)
        )
        return r, a, s

    def mask(self, name: str, box: Box) -> Mask:
        """The structure's voxels in a box that no fault has painted yet."""
        return np.asarray((self.labels[box] == id_of(name)) & (self.true[box] == id_of(name)))

    def voxels_ijk(self, name: str) -> npt.NDArray[np.intp]:
        """The true voxels of a structure, one a row; none where the map lacks it."""
        if not self.has(name):
            return np.empty((0, 3), dtype=np.intp)
        box = self.box(name)
        return np.asarray(np.argwhere(self.true[box] == id_of(name)) + [side.start for side in box])

    def heights_mm(self, box: Box) -> Field:
        """S of the voxels in a box."""
        row = self.grid.affine[2]
        r, a, s = np.ogrid[box]
        return np.asarray((r * row[0] + row[3]).astype(np.float32) + (a * row[1] + s * row[2]).astype(np.float32))

    def rename(self, names: Mapping[str, str]) -> None:
        """Paint whole structures, as they were, under other names; names may go round in a ring."""
        for old, new in names.items():
            box = self.box(old)
            self.labels[box][self.true[box] == id_of(old)] = id_of(new)


def box_of(shape: tuple[int, ...]) -> Box:
    """The whole volume as a box."""
    i, j, k = (slice(0, count) for count in shape)
    return i, j, k


def ids_table(names: Iterable[str]) -> Mask:
    """For each of the 256 label values, whether it is one of these structures."""
    table = np.zeros(256, dtype=np.bool_)
    table[[id_of(name) for name in names]] = True
    return table


def points_ras(canvas: FaultCanvas, *names: str) -> FloatArray:
    """The places of the true voxels of structures, one a row, rounded: the same however the image is stored."""
    return np.round(canvas.grid.ras_from_ijk(np.vstack([canvas.voxels_ijk(name) for name in names])), 3)


def middle_ras(points: FloatArray) -> FloatArray:
    """The mean of places."""
    return np.asarray(np.round(points.mean(axis=0), 3))


def _dap(labelmap: Labelmap) -> Labelmap:
    """The label map as uint8, known to hold DAP ids only."""
    if labelmap.values.dtype != np.uint8:
        return to_dap(labelmap, scheme(DAP_SCHEME))
    for label_id in _boxes(labelmap.values):
        label_by_id(label_id)
    return labelmap


def _boxes(values: npt.NDArray[np.uint8]) -> dict[int, Box]:
    found = ndimage.find_objects(values)
    return {number: box for number, box in enumerate(found, start=1) if box is not None}
