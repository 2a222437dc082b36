"""Blurred borders: neighbouring labels trade voxels, in one direction over a stretch of border, as networks' do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.phantom.fault_canvas import Box, FaultCanvas, Mask
from AnatomyGuidedLib.phantom.fault_growth import SmoothNoise, slabs, smooth_noise
from AnatomyGuidedLib.phantom.shapes import Field

Labels = npt.NDArray[np.uint8]
MayTrade = Callable[[Labels, Labels], Mask]

_STRETCH_MM = (12.0, 35.0)
_MOVED_MM = (0.6, 1.8)  # voxels up to this size move along most of a border, larger ones along less of it
_STILL = (0.15, 0.75)  # levels of the noise below which borders stay: for the smallest voxels, for the largest
_FINE_MM = 2.5  # only between voxels below this size do borders move by two of them
_CONTRAST_HU = 250.0


def borders(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """All borders inside the body move to and fro by one or two voxels; the body's outline stays."""
    canvas.labels = blurred(canvas.labels, canvas.grid.spacing_mm, rng=rng)
    return {"voxels": int(np.count_nonzero(canvas.labels != canvas.true))}


def blurred(
    labels: Labels, spacing_mm: tuple[float, float, float], *, rng: np.random.Generator, hu: Field | None = None
) -> Labels:
    """The labels with borders inside the body moved by one voxel, between small voxels by one or two."""
    twice = max(spacing_mm) < _FINE_MM and bool(rng.integers(2))
    for _ in range(2 if twice else 1):
        labels = traded(labels, spacing_mm, within_body, rng=rng, hu=hu)
    return labels


def within_body(new: Labels, old: Labels) -> Mask:
    """Labels trade, but none with the air."""
    return np.asarray((new > 0) & (old > 0))


def traded(
    labels: Labels,
    spacing_mm: tuple[float, float, float],
    may: MayTrade,
    *,
    rng: np.random.Generator,
    hu: Field | None = None,
) -> Labels:
    """The labels with borders moved by at most one voxel along each axis.

    Where smooth noise is above a level a label grows by one voxel in the axis' direction, where it is below minus the
    level against it; the larger the voxels, the fewer stretches move. `may` says of new and old labels which of these
    voxels change hands. With a CT none does across a contrast of 250 HU.
    """
    stretch, moved_mm = float(rng.uniform(*_STRETCH_MM)), float(rng.uniform(*_MOVED_MM))
    for axis in rng.permutation(3).tolist():
        noise = smooth_noise(labels.shape, spacing_mm, length_mm=stretch, rng=rng)
        still = _STILL[1] - (_STILL[1] - _STILL[0]) * min(moved_mm / spacing_mm[axis], 1.0)
        labels = _traded_along(labels, axis, noise, still, may, hu)
    return labels


def _traded_along(
    labels: Labels, axis: int, noise: SmoothNoise, still: float, may: MayTrade, hu: Field | None
) -> Labels:
    result = np.array(labels, order="K")
    slowest = max((n for n in range(3) if n != axis), key=lambda n: abs(labels.strides[n]))
    for slab in slabs(_body(labels), across=slowest):
        before, after = np.moveaxis(labels[slab], axis, 0), np.moveaxis(result[slab], axis, 0)
        field = np.moveaxis(noise.at(slab), axis, 0)
        alike = True if hu is None else _alike(np.moveaxis(hu[slab], axis, 0))
        for new, old, place, shown in (
            (before[:-1], before[1:], field[1:] > still, after[1:]),
            (before[1:], before[:-1], field[:-1] < -still, after[:-1]),
        ):
            np.copyto(shown, new, where=place & (new != old) & may(new, old) & alike)
    return result


def _alike(hu: Field) -> Mask:
    """Where the step from a voxel to the next along the first axis shows no contrast."""
    return np.asarray(np.abs(hu[1:] - hu[:-1]) < _CONTRAST_HU)


def _body(labels: Labels) -> Box:
    """The box around all that is labelled, one voxel wider."""
    sides = []
    for axis, count in enumerate(labels.shape):
        found = np.flatnonzero(labels.any(axis=tuple(n for n in range(3) if n != axis)))
        sides.append(slice(max(int(found[0]) - 1, 0), min(int(found[-1]) + 2, count)) if len(found) else slice(0, 0))
    return sides[0], sides[1], sides[2]
