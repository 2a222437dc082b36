"""Patches as networks make them: grown from a seed inside a structure, in one piece, with an uneven front.

Everything that decides about a voxel is reached by + - * / and square roots, so that it is the same on every processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of
from AnatomyGuidedLib.phantom.fault_canvas import Box, FaultCanvas, Mask, box_of
from AnatomyGuidedLib.phantom.shapes import Field

Allowed = Callable[[Box], Mask]

_UNEVEN = 0.6  # of the front's distance from the seed
_SLAB_VOXELS = 4_000_000  # fields of this size keep memory bounded


@dataclass(frozen=True)
class Patch:
    """Voxels in one piece: a box and their mask there."""

    box: Box
    mask: Mask

    @property
    def voxels(self) -> int:
        return int(self.mask.sum())


@dataclass(frozen=True)
class SmoothNoise:
    """Random values from -1 to 1 at knots, and between them on straight lines; defined on a volume of one shape."""

    knots: Field
    every: tuple[float, float, float]

    def at(self, box: Box) -> Field:
        """The noise in a box."""
        field = self.knots
        for axis, (side, every) in enumerate(zip(box, self.every, strict=True)):
            places = np.arange(side.start, side.stop, dtype=np.float64) / every
            low = np.floor(places).astype(np.intp)
            share = (places - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
            field = np.take(field, low, axis=axis) * (1 - share) + np.take(field, low + 1, axis=axis) * share
        return np.asarray(field, dtype=np.float32)


def smooth_noise(
    shape: tuple[int, ...], spacing_mm: tuple[float, float, float], *, length_mm: float, rng: np.random.Generator
) -> SmoothNoise:
    """Noise on a volume that changes over about this length, never within a voxel."""
    i, j, k = (max(length_mm / spacing, 1.0) for spacing in spacing_mm)
    counts = [int(np.floor((count - 1) / every)) + 2 for count, every in zip(shape, (i, j, k), strict=True)]
    return SmoothNoise(rng.uniform(-1.0, 1.0, counts).astype(np.float32), (i, j, k))


def seed_in(mask: Mask, box: Box, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """One of the mask's voxels, as indices of the volume; the mask lies in the box and is not empty."""
    places = np.flatnonzero(mask)
    place = np.unravel_index(int(places[int(rng.integers(len(places)))]), mask.shape)
    return np.array([index + side.start for index, side in zip(place, box, strict=True)], dtype=np.intp)


def grown(
    canvas: FaultCanvas,
    allowed: Allowed,
    within: Box,
    seed: npt.NDArray[np.intp],
    *,
    voxels: int,
    rng: np.random.Generator,
) -> Patch:
    """A connected patch (26) of at most so many allowed voxels around a seed; fewer where the place gives no more."""
    box, mask = _wide_enough(canvas, allowed, within, seed, voxels)
    at = tuple(int(index) - side.start for index, side in zip(seed, box, strict=True))
    far = _uneven_distance(mask.shape, at, canvas.grid.spacing_mm, voxels, rng)
    reached = far[mask]
    wanted = min(voxels, len(reached))
    mask &= far <= np.partition(reached, wanted - 1)[wanted - 1]
    pieces = connected_components(mask)
    return Patch(box, np.asarray(pieces == pieces[at]))


def grown_in(
    canvas: FaultCanvas, name: str, seed: npt.NDArray[np.intp], *, voxels: int, rng: np.random.Generator
) -> Patch:
    """A connected patch of a structure, as it is labelled now, around a seed."""
    return grown(canvas, lambda box: canvas.mask(name, box), canvas.box(name), seed, voxels=voxels, rng=rng)


def part_of(canvas: FaultCanvas, name: str, share: float, rng: np.random.Generator) -> Patch:
    """A connected patch of about this share of a structure, grown from a place on its surface."""
    box = canvas.box(name, margin_mm=max(canvas.grid.spacing_mm))
    mask = canvas.mask(name, box)
    surface = mask & _beside(~mask)
    seed = seed_in(surface if surface.any() else mask, box, rng)
    return grown_in(canvas, name, seed, voxels=max(1, round(share * int(mask.sum()))), rng=rng)


def paint(canvas: FaultCanvas, patch: Patch, name: str) -> None:
    """Give the patch's voxels a name."""
    canvas.labels[patch.box][patch.mask] = id_of(name)


def erase(canvas: FaultCanvas, name: str, *, never: Mask) -> None:
    """Give each voxel of a structure the label of the nearest voxel beside it, but none that is `never` taken."""
    box = canvas.box(name, margin_mm=2.0 * max(canvas.grid.spacing_mm))
    labels = canvas.labels[box]
    mask = labels == id_of(name)
    border = _beside(mask) & ~mask & ~never[labels]
    spacing = np.array(canvas.grid.spacing_mm)
    around = np.argwhere(border)
    if not len(around):
        labels[mask] = id_of(UNKNOWN_TISSUE)
        return
    _, nearest = cKDTree(around * spacing).query(np.argwhere(mask) * spacing)
    labels[mask] = labels[border][nearest]


def slabs(box: Box, *, across: int) -> Iterator[Box]:
    """The box in slabs that are cut across one axis."""
    plane = int(np.prod([side.stop - side.start for axis, side in enumerate(box) if axis != across]))
    step = max(1, _SLAB_VOXELS // max(plane, 1))
    for first in range(box[across].start, box[across].stop, step):
        last = min(first + step, box[across].stop)
        i, j, k = (slice(first, last) if axis == across else side for axis, side in enumerate(box))
        yield i, j, k


def _wide_enough(
    canvas: FaultCanvas, allowed: Allowed, within: Box, seed: npt.NDArray[np.intp], voxels: int
) -> tuple[Box, Mask]:
    """A box around the seed with twice the wanted voxels, or all there are: patches of large organs stay cheap."""
    steps = 2.0 * _edge_mm(voxels, canvas.grid.spacing_mm) / np.array(canvas.grid.spacing_mm)
    while True:
        low, high = seed - np.ceil(steps).astype(np.intp), seed + np.ceil(steps).astype(np.intp) + 1
        i, j, k = (
            slice(max(int(b), side.start), min(int(e), side.stop)) for b, e, side in zip(low, high, within, strict=True)
        )
        mask = allowed((i, j, k))
        if (i, j, k) == within or int(mask.sum()) >= 2 * voxels:
            return (i, j, k), mask
        steps = steps * 1.7


def _uneven_distance(
    shape: tuple[int, ...],
    seed: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    voxels: int,
    rng: np.random.Generator,
) -> Field:
    length_mm = max(0.5 * _edge_mm(voxels, spacing_mm), 4.0)
    noise = smooth_noise(shape, spacing_mm, length_mm=length_mm, rng=rng).at(box_of(shape))
    i, j, k = (
        ((np.arange(count) - at) * spacing).astype(np.float32) ** 2
        for count, at, spacing in zip(shape, seed, spacing_mm, strict=True)
    )
    far = np.sqrt(i[:, None, None] + j[None, :, None] + k[None, None, :])
    return np.asarray(far * (1 + np.float32(_UNEVEN) * noise))


def _edge_mm(voxels: int, spacing_mm: tuple[float, float, float]) -> float:
    """The edge of a cube of so many voxels, rounded, so that it is the same wherever roots are taken."""
    return float(round((voxels * spacing_mm[0] * spacing_mm[1] * spacing_mm[2]) ** (1 / 3), 2))


def _beside(mask: Mask) -> Mask:
    """The mask and the voxels that share a face with it."""
    wide = mask.copy()
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        wide[tuple(high)] |= mask[tuple(low)]
        wide[tuple(low)] |= mask[tuple(high)]
    return wide
