"""Solids as signed distances in mm, negative inside, on the three axes of a box of voxels.

A field uses only + - * / sqrt, minimum, maximum and comparisons, which IEEE 754 rounds in one way: the same voxels come
out whatever vector instructions numpy finds. What needs sines is worked out beforehand on the few numbers that
describe a solid, and rounded there to a thousandth of a millimetre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.grid import FloatArray

Point = tuple[float, float, float]
Field = npt.NDArray[np.float32]
Axes = tuple[Field, Field, Field]
Bounds = tuple[FloatArray, FloatArray]

FAR_MM = np.float32(1e3)
_REACH_MM = 12.0  # a tube knows its distance this far outside; blends are narrower
_BLEND_MARGIN = 0.25


class Shape(Protocol):
    """A solid: where it can be, and how far inside or outside each voxel of a box is."""

    def bounds(self) -> Bounds:
        """The lowest and the highest corner of a box around the solid."""
        ...

    def distance(self, axes: Axes) -> Field:
        """Distance to the surface, [len(r), len(a), len(s)], exact near thin parts and approximate elsewhere."""
        ...


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid; `along` and `across` turn its first two half axes away from R and A."""

    center: Point
    radii: Point
    along: Point = (1.0, 0.0, 0.0)
    across: Point = (0.0, 1.0, 0.0)

    def bounds(self) -> Bounds:
        reach = np.sqrt(((self._frame() * np.array(self.radii)[:, None]) ** 2).sum(axis=0))
        return np.array(self.center) - reach, np.array(self.center) + reach

    def distance(self, axes: Axes) -> Field:
        offsets = [_spread(axis, n) - np.float32(self.center[n]) for n, axis in enumerate(axes)]
        squares = []
        for row, radius in zip(self._frame(), self.radii, strict=True):
            used = [offset * np.float32(part / radius) for offset, part in zip(offsets, row, strict=True) if part]
            scaled = _total(used)
            squares.append(scaled * scaled)
        near = np.sqrt(_total(squares))
        slopes = [square * np.float32(1.0 / radius**2) for square, radius in zip(squares, self.radii, strict=True)]
        slope = np.maximum(np.sqrt(_total(slopes)), np.float32(1e-4))
        depth = near * (near - 1) / slope
        return np.where(near < np.float32(1e-3), np.float32(-min(self.radii)), depth)  # at the very middle it is 0 / 0

    def _frame(self) -> FloatArray:
        first = np.array(self.along) / math.sqrt(sum(v * v for v in self.along))
        second = np.array(self.across) - first * float((first * np.array(self.across)).sum())
        second /= math.sqrt(float((second * second).sum()))
        return np.round(np.array([first, second, np.cross(first, second)]), 6)


@dataclass(frozen=True)
class Drum:
    """An elliptic cylinder with rounded rims whose axis leans forwards by `lean` mm a mm: a vertebral body."""

    center: Point
    half_width: float
    half_depth: float
    half_height: float
    lean: float = 0.0

    def bounds(self) -> Bounds:
        reach = np.array([self.half_width, self.half_depth + self.half_height, self.half_height + self.half_depth])
        return np.array(self.center) - reach, np.array(self.center) + reach

    def distance(self, axes: Axes) -> Field:
        r, a, s = (_spread(axis, n) - np.float32(self.center[n]) for n, axis in enumerate(axes))
        length = math.sqrt(1.0 + self.lean**2)
        up, forward = np.float32(1.0 / length), np.float32(self.lean / length)
        height, depth = s * up + a * forward, a * up - s * forward
        wide, deep = r * np.float32(1.0 / self.half_width), depth * np.float32(1.0 / self.half_depth)
        around = (np.sqrt(wide * wide + deep * deep) - 1) * np.float32(min(self.half_width, self.half_depth))
        return np.asarray(np.maximum(around, np.abs(height) - np.float32(self.half_height)), dtype=np.float32)


@dataclass(frozen=True)
class Tube:
    """A solid around a smooth curve through points; its radius follows theirs.

    `tall` makes the section taller than wide (a rib): half the length of its straight part, along S.
    """

    points: tuple[Point, ...]
    radii: tuple[float, ...]
    tall: float = 0.0
    step_mm: float = 9.0
    _curve: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        knots = np.column_stack([np.array(self.points), np.array(_as_many(self.radii, len(self.points)))])
        object.__setattr__(self, "_curve", _smooth_curve(knots, self.step_mm))

    def bounds(self) -> Bounds:
        reach = self._curve[:, 3:] + np.array([0.0, 0.0, self.tall])
        return (self._curve[:, :3] - reach).min(axis=0), (self._curve[:, :3] + reach).max(axis=0)

    def distance(self, axes: Axes) -> Field:
        nearest = np.full([len(axis) for axis in axes], FAR_MM, dtype=np.float32)
        for start, end in zip(self._curve[:-1], self._curve[1:], strict=True):
            box = self._box(axes, start, end)
            if all(part.stop > part.start for part in box):
                parts = (axes[0][box[0]], axes[1][box[1]], axes[2][box[2]])
                np.minimum(nearest[box], self._segment(parts, start, end), out=nearest[box])
        return nearest

    def _box(self, axes: Axes, start: FloatArray, end: FloatArray) -> tuple[slice, slice, slice]:
        reach = max(start[3], end[3]) + _REACH_MM + np.array([0.0, 0.0, self.tall])
        return _box(axes, np.minimum(start, end)[:3] - reach, np.maximum(start, end)[:3] + reach)

    def _segment(self, axes: Axes, start: FloatArray, end: FloatArray) -> Field:
        along = end[:3] - start[:3]
        scale = 1.0 / max(float((along * along).sum()), 1e-6)
        offsets = [_spread(axis, n) - np.float32(start[n]) for n, axis in enumerate(axes)]
        position = _total([o * np.float32(v * scale) for o, v in zip(offsets, along, strict=True)])
        position = np.minimum(np.maximum(position, np.float32(0)), np.float32(1))
        r, a, s = (o - position * np.float32(v) for o, v in zip(offsets, along, strict=True))
        if self.tall:
            s = np.maximum(np.abs(s) - np.float32(self.tall), np.float32(0))
        radius = position * np.float32(end[3] - start[3]) + np.float32(start[3])
        return np.asarray(np.sqrt(r * r + a * a + s * s) - radius, dtype=np.float32)


@dataclass(frozen=True)
class Section:
    """One horizontal cut of a loft: height, centre across, half width, the rear and the front end."""

    s: float
    r: float
    half_width: float
    back: float
    front: float


@dataclass(frozen=True)
class Loft:
    """A solid through horizontal cuts, each an oval between an ellipse (0) and a rectangle (1 `squareness`)."""

    sections: tuple[Section, ...]
    squareness: float = 0.6
    grow: float = 0.0

    def grown(self, mm: float) -> Loft:
        """The same solid, thicker by so many mm all round but for its ends."""
        return replace(self, grow=self.grow + mm)

    def bounds(self) -> Bounds:
        cuts = self.sections
        low = (min(c.r - c.half_width for c in cuts), min(c.back for c in cuts), min(c.s for c in cuts))
        high = (max(c.r + c.half_width for c in cuts), max(c.front for c in cuts), max(c.s for c in cuts))
        reach = np.array([self.grow, self.grow, 0.0])
        return np.array(low) - reach, np.array(high) + reach

    def at(self, heights: FloatArray | Field | float) -> FloatArray:
        """Centre across, half width, rear and front end at these heights, one row each."""
        table = np.array([(c.s, c.r, c.half_width, c.back, c.front) for c in self.sections])
        table = table[np.argsort(table[:, 0])]
        places = np.asarray(heights, dtype=np.float64)
        rows = np.array([np.interp(places, table[:, 0], column) for column in table.T[1:]])
        grow = np.array([0.0, self.grow, -self.grow, self.grow]).reshape(4, *[1] * (rows.ndim - 1))
        return np.asarray(rows + grow)

    def point(self, turn: float, height: float) -> Point:
        """The place on the surface at this height, `turn` half turns from the back (0) to the front (1)."""
        r, width, back, front = (float(value) for value in self.at(height))
        across, deep = math.sin(turn * math.pi), -math.cos(turn * math.pi)
        square = (self.squareness * across * deep) ** 2
        reach = math.sqrt((1.0 - math.sqrt(1.0 - 4.0 * square)) / (2.0 * square)) if square > 1e-9 else 1.0
        middle, half = (back + front) / 2.0, (front - back) / 2.0
        return r + width * reach * across, middle + half * reach * deep, height

    def distance(self, axes: Axes) -> Field:
        r, width, back, front = self.at(axes[2])
        middle, half = (back + front) / 2.0, (front - back) / 2.0
        wide = (_spread(axes[0], 0) - _spread32(r)) * _spread32(1.0 / np.maximum(width, 0.1))
        deep = (_spread(axes[1], 1) - _spread32(middle)) * _spread32(1.0 / np.maximum(half, 0.1))
        wide, deep = wide * wide, deep * deep
        oval = wide + deep - np.float32(self.squareness**2) * (wide * deep)
        oval = np.maximum(np.maximum(wide, deep), oval)
        around = (np.sqrt(oval) - 1) * _spread32(np.minimum(width, half))
        heights = [cut.s for cut in self.sections]
        ends = np.maximum(np.float32(min(heights)) - axes[2], axes[2] - np.float32(max(heights)))
        return np.asarray(np.maximum(around, _spread(ends, 2)), dtype=np.float32)


@dataclass(frozen=True)
class Beyond:
    """The half space on the side of a plane to which `towards` points."""

    point: Point
    towards: Point

    def bounds(self) -> Bounds:
        return np.full(3, -float(FAR_MM)), np.full(3, float(FAR_MM))

    def distance(self, axes: Axes) -> Field:
        length = math.sqrt(sum(v * v for v in self.towards))
        parts = [
            (_spread(axis, n) - np.float32(self.point[n])) * np.float32(-self.towards[n] / length)
            for n, axis in enumerate(axes)
        ]
        return _total(parts)


@dataclass(frozen=True)
class Waves:
    """Lobules without end: where three crossing waves add up to less than `level`, which ranges from -1.5 to 1.5."""

    phases: tuple[float, ...]
    length_mm: float
    level: float

    def bounds(self) -> Bounds:
        return np.full(3, -float(FAR_MM)), np.full(3, float(FAR_MM))

    def distance(self, axes: Axes) -> Field:
        swings = [self._swing(axis, n) for n, axis in enumerate(axes)]
        crossed = [swings[n][0] * swings[(n + 1) % 3][1] for n in range(3)]
        return np.asarray((_total(crossed) - np.float32(self.level)) * np.float32(self.length_mm / 6), dtype=np.float32)

    def _swing(self, axis: Field, n: int) -> tuple[Field, Field]:
        turns = axis.astype(np.float64) * (2.0 * math.pi / self.length_mm)
        first = 0.65 * np.sin(turns + self.phases[n]) + 0.5 * np.sin(1.7 * turns + 2.0 * self.phases[n])
        second = 0.65 * np.cos(turns + self.phases[n + 3]) + 0.5 * np.cos(2.3 * turns + 3.0 * self.phases[n + 3])
        waves = np.round([first, second], 4).astype(np.float32)
        return _spread(waves[0], n), _spread(waves[1], n)


@dataclass(frozen=True)
class Union:
    """All that lies in one solid or another; `blend` mm wide fillets where they meet."""

    parts: tuple[Shape, ...]
    blend: float = 0.0

    def bounds(self) -> Bounds:
        boxes = [part.bounds() for part in self.parts]
        low, high = np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)
        return low - self.blend * _BLEND_MARGIN, high + self.blend * _BLEND_MARGIN

    def distance(self, axes: Axes) -> Field:
        result = np.full([len(axis) for axis in axes], FAR_MM, dtype=np.float32)
        for part in self.parts:
            low, high = part.bounds()
            box = _box(axes, low - self.blend - _REACH_MM, high + self.blend + _REACH_MM)
            if all(side.stop > side.start for side in box):
                near = part.distance((axes[0][box[0]], axes[1][box[1]], axes[2][box[2]]))
                result[box] = smooth_min(result[box], near, self.blend)
        return result


@dataclass(frozen=True)
class Common:
    """What lies in every one of the solids; `blend` mm wide round edges where they cut each other."""

    parts: tuple[Shape, ...]
    blend: float = 0.0

    def bounds(self) -> Bounds:
        boxes = [part.bounds() for part in self.parts]
        return np.max([b[0] for b in boxes], axis=0), np.min([b[1] for b in boxes], axis=0)

    def distance(self, axes: Axes) -> Field:
        result = self.parts[0].distance(axes)
        for part in self.parts[1:]:
            result = -smooth_min(-result, -part.distance(axes), self.blend)
        return result


@dataclass(frozen=True)
class Offset:
    """A solid made thicker, or with negative `mm` thinner, all round."""

    part: Shape
    mm: float

    def bounds(self) -> Bounds:
        low, high = self.part.bounds()
        return low - self.mm, high + self.mm

    def distance(self, axes: Axes) -> Field:
        return np.asarray(self.part.distance(axes) - np.float32(self.mm), dtype=np.float32)


@dataclass(frozen=True)
class Without:
    """A solid less another one."""

    part: Shape
    taken: Shape
    blend: float = 0.0

    def bounds(self) -> Bounds:
        return self.part.bounds()

    def distance(self, axes: Axes) -> Field:
        return -smooth_min(-self.part.distance(axes), self.taken.distance(axes), self.blend)


def ball(center: Point, radius: float) -> Ellipsoid:
    """A ball."""
    return Ellipsoid(center, (radius, radius, radius))


def tube(points: Sequence[Point], *radii: float, tall: float = 0.0, floor: float = 0.0) -> Tube:
    """A tube through points with one radius, or one a point; none below `floor`."""
    return Tube(tuple(points), tuple(max(radius, floor) for radius in radii), tall)


def mirrored(points: Sequence[Point], sign: float) -> list[Point]:
    """Points of the right side, or for `sign` -1 their partners on the left."""
    return [(sign * r, a, s) for r, a, s in points]


def sections(*rows: tuple[float, float, float, float, float]) -> tuple[Section, ...]:
    """Cuts of a loft from rows of height, centre across, half width, rear and front end."""
    return tuple(Section(*row) for row in rows)


def smooth_min(first: Field, second: Field, blend: float) -> Field:
    """The smaller of two distances, rounded where they differ by less than `blend` mm.

    >>> smooth_min(np.float32([0.0, 9.0]), np.float32([0.0, 1.0]), 4.0)
    array([-1.,  1.], dtype=float32)
    """
    least = np.minimum(first, second)
    if not blend:
        return least
    close = np.asarray(first - second)
    np.abs(close, out=close)
    np.subtract(np.float32(blend), close, out=close)
    np.maximum(close, np.float32(0), out=close)
    close *= close
    close *= np.float32(0.25 / blend)
    return np.asarray(least - close)


def _smooth_curve(knots: FloatArray, step_mm: float) -> FloatArray:
    """A Catmull-Rom curve through the knots (r, a, s, radius), in steps of at most about `step_mm`."""
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    pieces = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        steps = max(1, math.ceil(math.sqrt(float(((end - start)[:3] ** 2).sum())) / step_mm))
        t = (np.arange(steps) / steps)[:, None]
        bend = t * (end - before) + t**2 * (2 * before - 5 * start + 4 * end - after)
        pieces.append(start + 0.5 * (bend + t**3 * (3 * start - before - 3 * end + after)))
    return np.round(np.vstack([*pieces, knots[-1:]]), 3)


def _as_many(radii: tuple[float, ...], count: int) -> tuple[float, ...]:
    return radii * count if len(radii) == 1 else radii


def _box(axes: Axes, low: FloatArray, high: FloatArray) -> tuple[slice, slice, slice]:
    """The part of the axes between two corners."""
    ends = np.array([low, high], dtype=np.float32)
    r, a, s = (slice(*np.searchsorted(axis, ends[:, n]).tolist()) for n, axis in enumerate(axes))
    return r, a, s


def _spread(axis: Field, dimension: int) -> Field:
    shape = [1, 1, 1]
    shape[dimension] = -1
    return axis.reshape(shape)


def _spread32(heights: FloatArray | float) -> Field:
    return np.asarray(heights, dtype=np.float32).reshape(1, 1, -1)


def _total(parts: Sequence[Field]) -> Field:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return np.asarray(total, dtype=np.float32)
