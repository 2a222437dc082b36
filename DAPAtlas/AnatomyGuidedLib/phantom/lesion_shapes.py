"""The body of one lesion: balls that melt into each other, grown until they have their volume, as tissue lets them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.phantom.shapes import Axes, Field, Shape, Union, Waves, ball

Mask = npt.NDArray[np.bool_]
Place = tuple[slice, slice, slice]

BARRIER = np.float32(np.inf)  # what a lesion never grows into
_REACH = 1.7  # how far from its middle a lesion may grow, in radii
_SWELL = 0.4  # how far the surface may move outwards, in radii, to make up for tissue that does not yield
_SAMPLES = 6.0  # a lesion is sampled at so many places across at least
_FINEST = 16  # but never at more places along a voxel's edge
_RIM = 0.3
_THINNEST_RIM_MM = 4.0
_EVERYWHERE = np.ones((3, 3, 3), dtype=np.bool_)


@dataclass(frozen=True)
class Form:
    """A lesion's shape before it meets tissue, around its middle: a solid, and how its surface waves (mm)."""

    diameter_mm: float
    solid: Shape
    waves: Waves
    wave_mm: float

    def distance(self, axes: Axes) -> Field:
        bumps = self.waves.distance(axes) * np.float32(6.0 * self.wave_mm / self.waves.length_mm)
        return np.asarray(self.solid.distance(axes) + bumps, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Growth:
    """What a lesion came to: the voxels of its box that are it, those that are its core, and its true volume."""

    box: Place
    voxels: Mask
    core: Mask
    volume_ml: float


def draw_form(diameter_mm: float, *, lobed: bool, rng: np.random.Generator) -> Form:
    """A ball, a little uneven; or, `lobed`, three to six balls melted into one uneven lump."""
    radius = diameter_mm / 2.0
    waves = Waves(tuple(rng.uniform(0.0, 2.0 * math.pi, 6).tolist()), max(1.3 * diameter_mm, 4.0), 0.0)
    solid: Shape = ball((0.0, 0.0, 0.0), radius)
    if lobed:
        lobes = [ball((0.0, 0.0, 0.0), 0.6 * radius)]
        for _ in range(int(rng.integers(2, 6))):
            r, a, s = (float(v) for v in _direction(rng) * rng.uniform(0.35, 0.7) * radius)
            lobes.append(ball((r, a, s), float(rng.uniform(0.35, 0.65)) * radius))
        solid = Union(tuple(lobes), blend=0.4 * radius)
    return Form(diameter_mm, solid, waves, (0.14 if lobed else 0.06) * radius)


def grow(
    form: Form, middle: FloatArray, labels: npt.NDArray[np.uint8], spacing_mm: float, costs: Field, *, necrotic: bool
) -> Growth | None:
    """The lesion in its tissue, or None where it finds no room; [i, j, k] along R, A and S.

    Args:
        form: The shape around the middle.
        middle: Voxel coordinates of the lesion's middle.
        labels: DAP ids.
        spacing_mm: The edge of a voxel.
        costs: By DAP id, how much less deep than in its host a lesion grows here, in radii; `BARRIER` is never entered.
        necrotic: Whether what lies deep inside is core.
    """
    radius = form.diameter_mm / 2.0
    box = _box(middle, _REACH * radius + spacing_mm, spacing_mm, labels.shape)
    fine = min(max(math.ceil(_SAMPLES * spacing_mm / form.diameter_mm), 1), _FINEST)
    distance = form.distance(_sampled(box, middle, spacing_mm, fine))
    cost = costs[labels[box]] * np.float32(radius)
    for axis in range(3):
        cost = np.repeat(cost, fine, axis)
    distance += cost
    sample_ml = (spacing_mm / fine) ** 3 / 1000.0
    level = _level(distance, ball_volume_ml(form.diameter_mm) / sample_ml, _SWELL * radius)
    shares = _means(np.asarray(distance <= level, dtype=np.float32), fine)
    volume_ml = float(shares.sum(dtype=np.float64)) * spacing_mm**3 / 1000.0
    if not volume_ml:
        return None
    voxels = _fullest(shares, max(1, round(volume_ml * 1000.0 / spacing_mm**3)))
    core = _core(voxels, radius, spacing_mm) if necrotic else np.zeros_like(voxels)
    return Growth(box, voxels, core, volume_ml)


def _core(voxels: Mask, radius_mm: float, spacing_mm: float) -> Mask:
    """What lies deeper than the rim, wherever the lesion ends."""
    depth_mm = (ndimage.distance_transform_edt(np.pad(voxels, 1))[1:-1, 1:-1, 1:-1] - 0.5) * spacing_mm
    return np.asarray(depth_mm > max(_RIM * radius_mm, _THINNEST_RIM_MM))


def ball_volume_ml(diameter_mm: float) -> float:
    """The volume of a ball.

    >>> round(ball_volume_ml(10.0), 4)
    0.5236
    """
    return math.pi / 6.0 * diameter_mm**3 / 1000.0


def ball_diameter_mm(volume_ml: float) -> float:
    """The diameter of the ball of this volume.

    >>> round(ball_diameter_mm(0.5236), 3)
    10.0
    """
    return float((6.0 * volume_ml * 1000.0 / math.pi) ** (1.0 / 3.0))


def _direction(rng: np.random.Generator) -> FloatArray:
    vector = rng.standard_normal(3)
    return np.asarray(vector / math.sqrt(float((vector**2).sum())))


def _box(middle: FloatArray, reach_mm: float, spacing_mm: float, shape: tuple[int, ...]) -> Place:
    reach = reach_mm / spacing_mm
    i, j, k = (
        slice(max(0, math.floor(m - reach)), min(n, math.ceil(m + reach) + 1))
        for m, n in zip(middle.tolist(), shape, strict=True)
    )
    return i, j, k


def _sampled(box: Place, middle: FloatArray, spacing_mm: float, fine: int) -> Axes:
    """Where the samples lie, in mm from the middle."""
    places = [(np.arange((side.stop - side.start) * fine) + 0.5) / fine - 0.5 + side.start for side in box]
    r, a, s = (((place - m) * spacing_mm).astype(np.float32) for place, m in zip(places, middle.tolist(), strict=True))
    return r, a, s


def _level(distance: Field, samples: float, highest: float) -> float:
    """The distance up to which as many samples lie as the volume holds; not above `highest`."""
    rank = min(max(round(samples), 1), distance.size) - 1
    return min(float(np.partition(distance, rank, axis=None)[rank]), highest)


def _means(values: Field, fine: int) -> Field:
    """Means over the samples of each voxel."""
    i, j, k = (n // fine for n in values.shape)
    return np.asarray(values.reshape(i, fine, j, fine, k, fine).mean(axis=(1, 3, 5)))


def _fullest(shares: Field, count: int) -> Mask:
    """The `count` voxels that the lesion fills most, less what hangs on them by no corner."""
    order = np.argsort(-shares, axis=None, kind="stable")[:count]
    chosen = np.zeros(shares.size, dtype=np.bool_)
    chosen[order] = shares.ravel()[order] > 0
    parts, _ = ndimage.label(chosen.reshape(shares.shape), _EVERYWHERE)
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    return np.asarray(parts == largest)
