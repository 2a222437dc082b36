"""A label map in pieces: its connected components, found once, with a label each that rules change.

Rules move pieces from one label to another; voxels are touched again only where a rule cuts a piece, and at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, label_by_id
from scipy.sparse import coo_array, csgraph

from DAPAtlasLib.opinions import box_around
from DAPAtlasLib.rules.contacts import Contacts, IntArray, contacts

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Numbers from 1 on voxels, 0 outside; by number: label, voxels, middle in RAS mm, box in [i, j, k], neighbours.

    Row 0 of each table is the background. `parents` has the piece that each was cut from, or itself.
    """

    grid: Grid
    numbers: npt.NDArray[np.unsignedinteger[Any]]
    labels: npt.NDArray[np.uint8]
    voxels: IntArray
    middles_ras: FloatArray
    boxes: IntArray
    contacts: Contacts
    parents: IntArray

    @property
    def count(self) -> int:
        return int(self.labels.size) - 1

    def labelmap(self) -> Labelmap:
        """The label map as it is now."""
        return Labelmap(self.labels[self.numbers], self.grid)

    def with_labels(self, changes: Mapping[int, int]) -> Pieces:
        """The same pieces, some of them with another label."""
        labels = self.labels.copy()
        for piece, label in changes.items():
            labels[piece] = label
        return replace(self, labels=labels)

    def of(self, *names: str) -> IntArray:
        """The pieces that have one of these names."""
        return np.flatnonzero(np.isin(self.labels, [id_of(name) for name in names]))

    @cached_property
    def bodies(self) -> IntArray:
        """By piece the number of its body: touching pieces of one label are one; each has its lowest piece's number."""
        first, second = self.contacts.first, self.contacts.second
        joined = self.labels[first] == self.labels[second]
        ones = np.ones(int(joined.sum()), np.uint8)
        graph = coo_array((ones, (first[joined], second[joined])), shape=(self.labels.size,) * 2)
        _, group = csgraph.connected_components(graph, directed=False)
        lowest = np.full(int(group.max(initial=-1)) + 1, self.labels.size)
        np.minimum.at(lowest, group, np.arange(self.labels.size))
        return np.asarray(lowest[group])

    @cached_property
    def body_voxels(self) -> IntArray:
        """By piece the size of its body."""
        return np.bincount(self.bodies, self.voxels, self.labels.size).astype(np.int64)[self.bodies]

    def largest_body(self, name: str) -> IntArray:
        """The pieces of the structure's largest body; none where it has no voxel. Of equal ones the first."""
        own = self.of(name)
        return own[self.bodies[own] == self.bodies[own[np.argmax(self.body_voxels[own])]]] if own.size else own

    def middle(self, pieces: IntArray) -> FloatArray:
        """The common middle of pieces, RAS mm; NaN of none."""
        if not pieces.size:
            return np.full(3, np.nan)
        return np.asarray(np.average(self.middles_ras[pieces], axis=0, weights=self.voxels[pieces]))

    def place_of(self, name: str) -> FloatArray:
        """The middle of the structure's largest body, RAS mm; NaN where it has no voxel."""
        return self.middle(self.largest_body(name))

    def reaches_edge(self, pieces: IntArray) -> bool:
        """Whether pieces lie at the image's edge, where the field of view may have cut them."""
        return bool(self.faces_reached(pieces))

    def faces_reached(self, pieces: IntArray) -> frozenset[int]:
        """The faces of the image that pieces touch: 0 to 2 at the start of i, j and k, 3 to 5 at their end."""
        low, high = self.boxes[pieces, :, 0], self.boxes[pieces, :, 1]
        reached = np.concatenate([(low == 0).any(axis=0), (high == np.array(self.grid.shape)).any(axis=0)])
        return frozenset(np.flatnonzero(reached).tolist())

    def corners_ras(self, pieces: IntArray) -> FloatArray:
        """The eight corners of each piece's box, RAS mm: [piece, corner, 3]."""
        ends = self.boxes[pieces] - np.array([[0, 1]])
        chosen = np.array(list(product((0, 1), repeat=3)))
        return self.grid.ras_from_ijk(np.stack([ends[:, axis, chosen[:, axis]] for axis in range(3)], axis=-1))

    def faces_towards(self, pieces: IntArray) -> IntArray:
        """By label, how many faces the pieces share with what is not among them."""
        inside = np.zeros(self.labels.size, np.bool_)
        inside[pieces] = True
        first, second, faces = self.contacts.first, self.contacts.second, self.contacts.faces
        out, back = inside[first] & ~inside[second], inside[second] & ~inside[first]
        others = np.concatenate([second[out], first[back]])
        weights = np.concatenate([faces[out], faces[back]])
        return np.asarray(np.bincount(self.labels[others], weights, 256), np.int64)

    def surroundings(self, pieces: IntArray) -> int:
        """The label that most of the pieces' border has, not counting theirs; Unknown Tissue where none has most."""
        faces = self.faces_towards(pieces)
        faces[np.unique(self.labels[pieces])] = 0
        best = int(np.argmax(faces))
        return best if faces.sum() and 2 * faces[best] > faces.sum() else id_of(UNKNOWN_TISSUE)

    def box_of(self, piece: int) -> tuple[slice, slice, slice]:
        """Where the piece's voxels are."""
        (i, j, k) = (slice(int(low), int(high)) for low, high in self.boxes[piece])
        return i, j, k

    def voxels_of(self, piece: int) -> IntArray:
        """The piece's voxels, rows of (i, j, k)."""
        box = self.box_of(piece)
        return np.asarray(np.argwhere(self.numbers[box] == piece) + np.array([side.start for side in box]))

    def cut(self, parts: Mapping[int, IntArray]) -> tuple[Pieces, dict[int, int]]:
        """Pieces of which some voxels, rows of (i, j, k), are new pieces; and the new piece of each old one.

        A part without a voxel cuts nothing; of a part that is the whole piece, the old one has no voxel any more.
        """
        real = {piece: part for piece, part in parts.items() if len(part)}
        cut, new = self.split([*real.values()])
        return cut, dict(zip(real, new, strict=True))

    def split(self, parts: Sequence[IntArray]) -> tuple[Pieces, list[int]]:
        """Pieces of which each part, rows of (i, j, k) of one old piece, is a new one of its label; the new ones."""
        if not parts:
            return self, []
        numbers = self.numbers.astype(np.uint32) if self.count + len(parts) > 65535 else self.numbers.copy()
        cut_from = np.array([int(self.numbers[tuple(part[0])]) for part in parts])
        labels = np.append(self.labels, self.labels[cut_from]).astype(np.uint8)
        new = [self.labels.size + place for place in range(len(parts))]
        for number, part in zip(new, parts, strict=True):
            numbers[tuple(part.T)] = number
        return _measured(self.grid, numbers, labels, np.append(self.parents, cut_from)), new

    def among_first(self, count: int) -> IntArray:
        """By piece the one that it was when there were only so many (0 and the background included)."""
        was = np.arange(self.labels.size)
        while (later := was >= count).any():
            was[later] = self.parents[was[later]]
        return was


def in_pieces(labelmap: Labelmap) -> Pieces:
    """A label map's 26-connected pieces, found in one pass whatever the number of labels.

    Raises:
        AnatomyGuidedError: The map is empty, or has a value that is no DAP id.
    """
    import cc3d

    _require_whole(labelmap)
    body = box_around(labelmap.values)
    if body is None:
        raise AnatomyGuidedError("The label map is empty; a label map of DAP ids was expected.")
    values = np.array(labelmap.values[body], dtype=np.uint8)  # a copy: cc3d takes no array that may not be written to
    found, count = cc3d.connected_components(values, connectivity=26, out_dtype=np.uint32, return_N=True)
    labels = np.zeros(count + 1, np.uint8)
    for k in range(values.shape[2]):
        labels[found[:, :, k]] = values[:, :, k]
    for value in np.unique(labels).tolist():
        label_by_id(value)
    order: Literal["C", "F"] = "F" if labelmap.values.flags.f_contiguous else "C"
    numbers = np.zeros(labelmap.grid.shape, np.uint16 if count < 65536 else np.uint32, order)
    numbers[body] = found
    return _measured(labelmap.grid, numbers, labels, np.arange(count + 1))


def _measured(grid: Grid, numbers: npt.NDArray[Any], labels: npt.NDArray[np.uint8], parents: IntArray) -> Pieces:
    """The tables of numbers; only the box around the body is looked at, and one voxel of background around it."""
    import cc3d

    body = box_around(numbers) or (slice(0, 1), slice(0, 1), slice(0, 1))
    box = tuple(slice(max(s.start - 1, 0), min(s.stop + 1, n)) for s, n in zip(body, grid.shape, strict=True))
    inside, first = numbers[box], np.array([side.start for side in box])
    statistics = cc3d.statistics(inside, no_slice_conversion=True)
    voxels = np.asarray(statistics["voxel_counts"]).astype(np.int64)
    voxels[0] += numbers.size - inside.size
    labels = np.where(voxels > 0, labels, 0).astype(np.uint8)  # all of it was cut off
    boxes = np.asarray(statistics["bounding_boxes"]).reshape(-1, 3, 2).astype(np.int64) + first[:, None]
    boxes[:, :, 1] += 1
    middles = np.nan_to_num(np.asarray(statistics["centroids"])) + first
    touching = contacts(inside, labels.size - 1)
    return Pieces(grid, numbers, labels, voxels, grid.ras_from_ijk(middles), boxes, touching, parents)


def _require_whole(labelmap: Labelmap) -> None:
    """Values that do not fit a DAP id's type, named before they are cut to it."""
    values = labelmap.values
    if values.dtype != np.uint8:
        for value in (int(values.min()), int(values.max())):
            label_by_id(value)
