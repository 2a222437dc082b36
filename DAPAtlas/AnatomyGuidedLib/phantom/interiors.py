"""What structures look like inside in CT: cortex and marrow, walls and contents, vessels, septa, ventricles.

A structure's interior is worked out in the box around it. `Room` is that box: the structure's mask, how deep each of
its voxels lies, and noise for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.texture import sheets, smooth_noise, threads

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Room:
    """The box around structures that share an interior, and its HU or SUV, to be changed in place."""

    body: Body
    box: tuple[slice, slice, slice]
    ids: tuple[int, ...]
    values: Field
    rng: np.random.Generator

    @property
    def spacing_mm(self) -> float:
        return self.body.spacing_mm

    @cached_property
    def mask(self) -> BoolArray:
        """The structures' voxels."""
        return _any_of(self.body.labels[self.box], self.ids)

    @cached_property
    def depth_mm(self) -> Field:
        """How far each of the structures' voxel centres lies from their surface; less than 0 elsewhere."""
        inside = np.pad(self.mask, 1)
        for axis, side in enumerate(self.box):  # a cut by the field of view is no surface
            for end, at_edge in ((0, side.start == 0), (-1, side.stop == self.body.labels.shape[axis])):
                if at_edge:
                    edge = [slice(None)] * 3
                    edge[axis] = slice(end, end + 1) if end == 0 else slice(-1, None)
                    near = [slice(None)] * 3
                    near[axis] = slice(1, 2) if end == 0 else slice(-2, -1)
                    inside[tuple(edge)] = inside[tuple(near)]
        distance = ndimage.distance_transform_edt(inside)[1:-1, 1:-1, 1:-1]
        return np.asarray((distance - 0.5) * self.spacing_mm, dtype=np.float32)

    def shell(self, thickness_mm: float | FloatArray) -> Field:
        """Which part of each voxel lies within the outermost mm of the structures."""
        return np.asarray(np.clip((thickness_mm - self.depth_mm) / self.spacing_mm + 0.5, 0.0, 1.0))

    def noise(self, scale_mm: float) -> Field:
        return smooth_noise(self.mask.shape, self.spacing_mm, scale_mm, self.rng)

    def threads(self, scale_mm: float, radius_mm: float) -> Field:
        return threads(self.mask.shape, self.spacing_mm, scale_mm, radius_mm, self.rng)

    def sheets(self, scale_mm: float, radius_mm: float) -> Field:
        return sheets(self.mask.shape, self.spacing_mm, scale_mm, radius_mm, self.rng)

    def ras_mm(self, axis: int) -> FloatArray:
        """R, A or S of the box's voxels along that axis, to be spread over the box."""
        first = self.body.grid.affine[axis, 3] + self.spacing_mm * self.box[axis].start
        values = first + self.spacing_mm * np.arange(self.mask.shape[axis])
        return np.asarray(values.reshape([-1 if n == axis else 1 for n in range(3)]))

    def middle_mm(self) -> FloatArray:
        """The structures' mean place, R, A and S."""
        places = [self.ras_mm(axis) for axis in range(3)]
        count = max(int(self.mask.sum()), 1)
        sums = [
            (place.ravel() * self.mask.sum(axis=tuple(n for n in range(3) if n != axis))).sum()
            for axis, place in enumerate(places)
        ]
        return np.array(sums) / count

    def put(self, new: Field | FloatArray) -> None:
        """Nothing; the structures' voxels have these values."""
        self.values[self.mask] = np.broadcast_to(new, self.mask.shape)[self.mask]

    def add(self, more: Field | FloatArray) -> None:
        """Nothing; the structures' voxels have so much more."""
        added = np.broadcast_to(more, self.mask.shape)[self.mask]
        self.values[self.mask] += added.astype(np.float32)


Interior = Callable[[Room], None]


def furnish(hu: Field, body: Body, rows: Iterable[tuple[Iterable[str], Interior]], rng: np.random.Generator) -> None:
    """Nothing; the named structures have their interiors, each from random numbers of its own."""
    boxes = ndimage.find_objects(body.labels)
    for names, interior in rows:
        ids = tuple(id_of(name) for name in names)
        found = [boxes[label - 1] for label in ids if label <= len(boxes) and boxes[label - 1] is not None]
        own = np.random.default_rng(int(rng.integers(2**63)))
        if found:
            box = tuple(slice(min(b[n].start for b in found), max(b[n].stop for b in found)) for n in range(3))
            interior(Room(body, (box[0], box[1], box[2]), ids, hu[box], own))


def _any_of(labels: npt.NDArray[np.uint8], ids: tuple[int, ...]) -> BoolArray:
    table = np.zeros(256, dtype=np.bool_)
    table[list(ids)] = True
    return np.asarray(table[labels])


def each(names: Iterable[str], interior: Interior) -> Iterator[tuple[tuple[str], Interior]]:
    """Rows in which every structure has a room of its own."""
    return (((name,), interior) for name in names)
