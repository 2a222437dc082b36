"""Noise that is smooth over so many mm, and what can be made of it: grains, threads like vessels, sheets like septa."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.phantom.shapes import Field

_UNIT_VARIANCE = np.float32(1.72)  # interpolation between lattice points takes variance away
_SLOPE = 2.2  # of the noise where it crosses 0, over one scale


def smooth_noise(shape: tuple[int, ...], spacing_mm: float, scale_mm: float, rng: np.random.Generator) -> Field:
    """Values of about mean 0 and deviation 1 that change over `scale_mm`: random lattice points, joined smoothly.

    >>> values = smooth_noise((40, 30, 20), 2.0, 8.0, np.random.default_rng(0))
    >>> values.shape, bool(abs(values.mean()) < 0.1), bool(0.8 < values.std() < 1.2)
    ((40, 30, 20), True, True)
    """
    places = [np.arange(n, dtype=np.float32) * np.float32(spacing_mm / scale_mm) + rng.random() for n in shape]
    values = rng.standard_normal([int(place[-1]) + 2 for place in places], dtype=np.float32)
    for axis, place in enumerate(places):
        values = _joined(values, place.astype(np.float32), axis)
    values *= _UNIT_VARIANCE
    return values


def threads(
    shape: tuple[int, ...], spacing_mm: float, scale_mm: float, radius_mm: float, rng: np.random.Generator
) -> Field:
    """1 along thin curved lines that lie about `scale_mm` apart, falling to 0 at the radius: where two sheets cross."""
    one, other = (smooth_noise(shape, spacing_mm, scale_mm, rng) for _ in range(2))
    one *= one
    other *= other
    one += other
    return _fading(one, scale_mm, radius_mm, spacing_mm, directions=2)


def sheets(
    shape: tuple[int, ...], spacing_mm: float, scale_mm: float, radius_mm: float, rng: np.random.Generator
) -> Field:
    """1 along thin curved sheets that lie about `scale_mm` apart, falling to 0 at that distance from them."""
    values = smooth_noise(shape, spacing_mm, scale_mm, rng)
    values *= values
    return _fading(values, scale_mm, radius_mm, spacing_mm, directions=1)


def _fading(squares: Field, scale_mm: float, radius_mm: float, spacing_mm: float, *, directions: int) -> Field:
    """1 at 0, falling to 0 at the radius; what is thinner than a voxel is paler instead of broken."""
    seen_mm = max(radius_mm, 0.6 * spacing_mm)
    squares *= np.float32(-((scale_mm / (_SLOPE * seen_mm)) ** 2))
    squares += 1
    np.maximum(squares, 0, out=squares)
    squares *= np.float32((radius_mm / seen_mm) ** directions)
    return squares


def _joined(values: Field, place: Field, axis: int) -> Field:
    """The lattice points along one axis, joined by a curve that is level at each of them."""
    below = place.astype(np.intp)
    part = place - below
    part = part * part * (3 - 2 * part)
    weight = part.reshape([-1 if n == axis else 1 for n in range(values.ndim)])
    low = np.take(values, below, axis)
    high = np.take(values, below + 1, axis)
    high -= low
    high *= weight
    high += low
    return high
