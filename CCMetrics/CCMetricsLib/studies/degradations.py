"""What a model does wrong to one lesion: it misses it, draws it too large, too small or elsewhere, or invents another.

A degradation answers with an `Edit`, the voxels that the prediction loses and gains. Amounts are in millimetres, so
that anisotropic voxels are treated alike. Sources: thesis, 5.1.4, 5.1.5.1 and appendix E.1.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from CCMetricsLib.components import BoolArray, Components, Connectivity, IntArray, connected_components
from CCMetricsLib.partition import Partition

_SAME_DISTANCE = 1 + 1e-9
_PLACES, _ROUNDS = 2048, 64


@dataclass(frozen=True, eq=False)
class Lesions:
    """A patient's lesions, and what degradations ask of them again and again."""

    components: Components
    grid: Grid

    @classmethod
    def of(cls, reference: Labelmap, *, connectivity: Connectivity = 26) -> Lesions:
        """The connected components of a reference."""
        return cls(connected_components(reference.values, connectivity=connectivity), reference.grid)

    @cached_property
    def partition(self) -> Partition:
        """The regions of the lesions, in mm."""
        return Partition(self.components, self.grid.spacing_mm)

    @cached_property
    def surface(self) -> cKDTree:
        """The lesions' surfaces in mm."""
        return cKDTree(self.components.voxels_ijk[self.components.surface()] * np.array(self.grid.spacing_mm))

    def by_size(self) -> list[int]:
        """The lesions' numbers, the smallest first."""
        return [int(index) + 1 for index in np.argsort(self.components.sizes_voxels, kind="stable")]

    def voxels(self, number: int) -> IntArray:
        """The voxels of a lesion."""
        return np.asarray(self.components.voxels_ijk[self.components.numbers == number])

    def mask(self) -> Labelmap:
        """The perfect prediction: 1 on every lesion."""
        return self.edited(())

    def edited(self, edits: tuple[Edit, ...]) -> Labelmap:
        """The perfect prediction after the edits, one after the other."""
        values = np.zeros(self.grid.shape, np.uint8, order="F")
        values[tuple(self.components.voxels_ijk.T)] = 1
        for edit in edits:
            values[tuple(edit.removed_ijk.T)] = 0
            values[tuple(edit.added_ijk.T)] = 1
        return Labelmap(values, self.grid)


@dataclass(frozen=True, eq=False)
class Edit:
    """The voxels that a prediction loses, and then those that it gains."""

    removed_ijk: IntArray
    added_ijk: IntArray


def drop(lesions: Lesions, number: int) -> Edit:
    """The lesion is missed."""
    return Edit(lesions.voxels(number), _none())


def erode(lesions: Lesions, number: int, *, amount_mm: float) -> Edit:
    """The lesion without its rim of `amount_mm`; its innermost voxels always stay, so that it is found.

    >>> cube = Lesions.of(Labelmap(np.ones((3, 3, 3), np.uint8), Grid((3, 3, 3), np.eye(4))))
    >>> [len(erode(cube, 1, amount_mm=amount).removed_ijk) for amount in (0.5, 1.0, 9.0)]
    [0, 26, 26]
    """
    voxels, depth_mm = _depth_mm(lesions, number)
    removed = depth_mm <= amount_mm * _SAME_DISTANCE
    if removed.all():
        removed = depth_mm * _SAME_DISTANCE < depth_mm.max()
    return Edit(voxels[removed], _none())


def enlarge(lesions: Lesions, number: int, *, amount_mm: float) -> Edit:
    """The lesion with all voxels up to `amount_mm` around it.

    >>> line = Labelmap(np.array([0, 0, 1, 0], np.uint8).reshape(4, 1, 1), Grid((4, 1, 1), np.eye(4)))
    >>> enlarge(Lesions.of(line), 1, amount_mm=1.0).added_ijk[:, 0].tolist()
    [1, 3]
    """
    spacing = lesions.grid.spacing_mm
    mask, corner = _boxed(lesions.voxels(number), np.ceil(amount_mm / np.array(spacing)).astype(int))
    around = distance_transform_edt(~mask, sampling=spacing) <= amount_mm * _SAME_DISTANCE
    return Edit(_none(), _inside(np.argwhere(around & ~mask) + corner, lesions.grid.shape))


def shift(lesions: Lesions, number: int, *, offset_ijk: tuple[int, int, int]) -> Edit:
    """The lesion moved by whole voxels; what leaves the image is lost."""
    voxels = lesions.voxels(number)
    return Edit(voxels, _inside(voxels + np.array(offset_ijk), lesions.grid.shape))


def insert(lesions: Lesions, number: int, rng: np.random.Generator) -> Edit:
    """A ball at a random place of the lesion's region, off all lesions, as large as the patient's smaller ones.

    Its volume is the 25th percentile of the patient's lesions (thesis, 5.1.5.1). Where the region has no room for it,
    it lies at the roomiest place that was found, less the voxels of lesions; a region without a free voxel gets none.
    """
    voxels = int(max(1, np.rint(np.percentile(lesions.components.sizes_voxels, 25))))
    radius_mm = (3 * voxels * lesions.grid.voxel_volume_mm3 / (4 * np.pi)) ** (1 / 3)
    centre = _random_place(lesions, number, radius_mm, rng)
    if centre is None:
        return Edit(_none(), _none())
    ball = nearest_voxels(lesions.grid, centre, voxels)
    return Edit(_none(), ball[lesions.components.at(ball) == 0])


def nearest_voxels(grid: Grid, centre_ijk: IntArray, count: int) -> IntArray:
    """The `count` voxels of the image that are nearest to the centre: a ball of exactly that volume.

    >>> nearest_voxels(Grid((9, 9, 9), np.eye(4)), np.array([4, 4, 4]), 7).mean(axis=0).tolist()
    [4.0, 4.0, 4.0]
    """
    spacing = np.array(grid.spacing_mm)
    reach_mm = (6 * count * grid.voxel_volume_mm3) ** (1 / 3) + spacing.max()
    while True:
        steps = np.ceil(reach_mm / spacing).astype(int)
        low, high = np.maximum(centre_ijk - steps, 0), np.minimum(centre_ijk + steps + 1, grid.shape)
        box = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1).reshape(-1, 3)
        distance = np.linalg.norm((box - centre_ijk) * spacing, axis=1)
        order = np.argsort(distance, kind="stable")[:count]
        if order.size == min(count, np.prod(grid.shape)) and distance[order[-1]] <= reach_mm:
            return np.asarray(box[order])
        reach_mm *= 2  # at the image's border a part of the ball is missing


def _depth_mm(lesions: Lesions, number: int) -> tuple[IntArray, FloatArray]:
    """The lesion's voxels and how deep in it they lie; what is outside of the image is outside of the lesion."""
    mask, corner = _boxed(lesions.voxels(number), np.ones(3, int))
    depth = distance_transform_edt(mask, sampling=lesions.grid.spacing_mm)
    return np.argwhere(mask) + corner, np.asarray(depth[mask])


def _boxed(voxels_ijk: IntArray, margin: IntArray) -> tuple[BoolArray, IntArray]:
    """The voxels as a mask with a margin, and where the mask's first voxel lies; it may reach out of the image."""
    corner = voxels_ijk.min(axis=0) - margin
    mask = np.zeros(voxels_ijk.max(axis=0) + margin - corner + 1, np.bool_)
    mask[tuple((voxels_ijk - corner).T)] = True
    return mask, corner


def _random_place(lesions: Lesions, number: int, radius_mm: float, rng: np.random.Generator) -> IntArray | None:
    spacing = np.array(lesions.grid.spacing_mm)
    best, roomiest_mm = None, 0.0
    for places in _places(lesions, number, rng):
        mine = places[lesions.partition.region_of(places) == number]
        free = mine[lesions.components.at(mine) == 0]
        if not len(free):
            continue
        room_mm, _ = lesions.surface.query(free * spacing)
        roomy = np.flatnonzero(room_mm > radius_mm + spacing.max())
        if roomy.size:
            return np.asarray(free[roomy[0]])
        if room_mm.max() > roomiest_mm:
            best, roomiest_mm = np.asarray(free[room_mm.argmax()]), float(room_mm.max())
    return best


def _places(lesions: Lesions, number: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Random voxels of the whole image, batch after batch, and at last all that surround the lesion."""
    for _ in range(_ROUNDS):
        yield rng.integers(0, lesions.grid.shape, (_PLACES, 3))
    mask, corner = _boxed(lesions.voxels(number), np.full(3, 2))
    yield _inside(np.argwhere(~mask) + corner, lesions.grid.shape)


def _inside(voxels_ijk: IntArray, shape: tuple[int, int, int]) -> IntArray:
    inside = ((voxels_ijk >= 0) & (voxels_ijk < np.array(shape))).all(axis=1)
    return voxels_ijk[inside]


def _none() -> IntArray:
    return np.zeros((0, 3), np.int32)
