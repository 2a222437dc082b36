"""Chest: the domed diaphragm, lungs by lobe with their fissures, the mediastinum between them, and the airways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import (
    FAR_MM,
    Axes,
    Beyond,
    Bounds,
    Common,
    Ellipsoid,
    Field,
    Loft,
    Point,
    Shape,
    Union,
    sections,
    smooth_min,
    tube,
)

LUNG, MEDIASTINUM, THYMUS = 30, 31, 32
BRONCHUS, TRACHEA = 66, 67
CARINA: Point = (3.0, -16.0, 362.0)


@dataclass(frozen=True)
class Dome:
    """All that lies above the diaphragm: two domes and the tendon between them, each a paraboloid."""

    lift: float = 0.0

    def bounds(self) -> Bounds:
        return np.full(3, -float(FAR_MM)), np.full(3, float(FAR_MM))

    def distance(self, axes: Axes) -> Field:
        r, a = axes[0].reshape(-1, 1), axes[1].reshape(1, -1)
        right = _paraboloid(r, a, (64.0, 12.0), (70.0, 116.0), 264.0, 76.0)
        left = _paraboloid(r, a, (-66.0, 8.0), (70.0, 116.0), 254.0, 74.0)
        tendon = _paraboloid(r, a, (-8.0, 34.0), (90.0, 90.0), 248.0, 60.0)
        top = -smooth_min(smooth_min(-right, -left, 24.0), -tendon, 24.0)
        height = top[:, :, None] + np.float32(self.lift) - axes[2].reshape(1, 1, -1)
        return np.asarray(height * np.float32(0.8), dtype=np.float32)


@dataclass(frozen=True)
class Fissure:
    """All that lies above a gap between two lobes: a plane that rises backwards and sags towards the ribs."""

    s: float
    slope: float
    sag_mm: float
    upper: bool = True

    def bounds(self) -> Bounds:
        return np.full(3, -float(FAR_MM)), np.full(3, float(FAR_MM))

    def distance(self, axes: Axes) -> Field:
        r, a, s = axes[0].reshape(-1, 1, 1), axes[1].reshape(1, -1, 1), axes[2].reshape(1, 1, -1)
        aside = (np.abs(r) - np.float32(62)) * np.float32(1 / 60)
        height = np.float32(self.s) - a * np.float32(self.slope) + np.float32(self.sag_mm) * (aside * aside) - s
        return np.asarray(height if self.upper else -height, dtype=np.float32)


def chest(plan: BodyPlan) -> Iterator[Part]:
    """Lobes, mediastinum, trachea and bronchi."""
    chest_wall = Common((plan.cage, Beyond((0, 0, 100), (0, 0, 1))))
    yield from _lobes(Common((chest_wall, Dome())))
    yield Part("Mediastinal Tissue", Common((_mediastinum(), Dome())), MEDIASTINUM)
    size = plan.organ["thymus"]
    yield Part("Thymus", Ellipsoid((-1, 48, 380), (17 * size, 9 * size, 26 * size)), THYMUS, above=LUNG)


def airways(plan: BodyPlan) -> Iterator[Part]:
    """The trachea and, as one label, the bronchi down to the segments' first stretch."""
    for course, radii in _BRONCHI:
        yield Part("Bronchus", tube(course, *radii, floor=plan.floor_mm), BRONCHUS)
    course = [(0.0, 20.0, 498.0), (0.0, 13.0, 462.0), (1.0, -2.0, 415.0), CARINA]
    yield Part("Trachea", tube(course, plan.thin(9.0)), TRACHEA)


def _lobes(lungs: Shape) -> Iterator[Part]:
    for side, sign in SIDES:
        half = Common((lungs, Beyond((0, 0, 0), (sign, 0, 0))))
        yield Part(f"Lung Lower Lobe {side}", half, LUNG)
        above = Common((half, _OBLIQUE))
        yield Part(f"Lung Upper Lobe {side}", above, LUNG)
        if side == "Right":
            yield Part("Lung Middle Lobe Right", Common((above, _HORIZONTAL)), LUNG)


def _mediastinum() -> Shape:
    """Between the lungs: around spine, gullet, great vessels and windpipe; narrow in front, where the lungs meet."""
    back = Loft(sections((470, 0, 26, -58, 26), (456, 0, 30, -60, 30), (430, 0, 32, -68, 44),
                         (390, 0, 32, -82, 30), (350, -1, 34, -88, 24),
                         (300, -6, 33, -88, 10), (250, -8, 32, -74, 10), (170, -4, 34, -60, 20)))  # fmt: skip
    front = Loft(sections((450, 0, 24, -20, 40), (415, 0, 26, -20, 52), (380, -1, 22, -20, 66), (340, -4, 14, 0, 80),
                          (290, -12, 26, 0, 84), (240, -16, 40, 0, 90)), squareness=0.4)  # fmt: skip
    return Union((back, front), blend=16.0)


def _paraboloid(
    r: Field, a: Field, center: tuple[float, float], reach: tuple[float, float], top: float, fall: float
) -> Field:
    across = (r - np.float32(center[0])) * np.float32(1.0 / reach[0])
    deep = (a - np.float32(center[1])) * np.float32(1.0 / reach[1])
    return np.asarray(np.float32(top) - np.float32(fall) * (across * across + deep * deep), dtype=np.float32)


_OBLIQUE = Fissure(306.0, 0.88, -22.0)
_HORIZONTAL = Fissure(342.0, 0.1, -14.0, upper=False)
_RIGHT_MAIN, _LEFT_MAIN = (29.0, -20.0, 343.0), (-38.0, -24.0, 337.0)
_BRONCHI: tuple[tuple[list[Point], tuple[float, ...]], ...] = (
    ([CARINA, _RIGHT_MAIN], (8.0, 7.0)),
    ([CARINA, (-16.0, -20.0, 350.0), _LEFT_MAIN], (8.0, 6.5, 6.0)),
    ([_RIGHT_MAIN, (48.0, -14.0, 356.0), (62.0, -4.0, 382.0)], (5.5, 4.5, 2.5)),
    ([(48.0, -14.0, 356.0), (70.0, 12.0, 350.0)], (3.5, 2.0)),
    ([(48.0, -14.0, 356.0), (66.0, -40.0, 372.0)], (3.5, 2.0)),
    ([_RIGHT_MAIN, (42.0, -24.0, 318.0), (54.0, -42.0, 290.0), (66.0, -56.0, 258.0)], (6.0, 5.5, 4.0, 2.0)),
    ([(42.0, -24.0, 318.0), (58.0, 6.0, 304.0), (66.0, 34.0, 296.0)], (4.5, 3.5, 2.0)),
    ([(50.0, -36.0, 300.0), (82.0, -44.0, 276.0)], (3.5, 2.0)),
    ([_LEFT_MAIN, (-54.0, -10.0, 352.0), (-62.0, 4.0, 382.0)], (5.5, 4.5, 2.5)),
    ([(-54.0, -10.0, 352.0), (-68.0, 20.0, 334.0)], (3.5, 2.0)),
    ([_LEFT_MAIN, (-48.0, -32.0, 314.0), (-58.0, -46.0, 288.0), (-68.0, -58.0, 256.0)], (5.5, 5.0, 4.0, 2.0)),
    ([(-52.0, -38.0, 302.0), (-84.0, -42.0, 276.0)], (3.5, 2.0)),
)
