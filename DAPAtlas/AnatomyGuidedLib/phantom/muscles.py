"""The muscles that have names of their own; all others are the mantle's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Beyond, Common, Ellipsoid, Loft, Section, Shape, Union, mirrored, tube

GLUTEUS_MAXIMUS, GLUTEUS_MEDIUS, GLUTEUS_MINIMUS, BACK, ILIOPSOAS = 21, 22, 23, 56, 56


def muscles(plan: BodyPlan) -> Iterator[Part]:
    """Gluteal muscles in three layers, iliopsoas, and the deep muscles of the back."""
    for side, sign in SIDES:
        yield Part(f"Gluteus Maximus {side}", _maximus(sign), GLUTEUS_MAXIMUS)
        yield Part(f"Gluteus Medius {side}", _medius(sign), GLUTEUS_MEDIUS)
        yield Part(f"Gluteus Minimus {side}", _minimus(sign), GLUTEUS_MINIMUS)
        yield Part(f"Iliopsoas {side}", _iliopsoas(plan, sign), ILIOPSOAS)
        yield Part(f"Autochthon {side}", _back_muscle(plan, sign), BACK)


def _maximus(sign: float) -> Shape:
    plate = Ellipsoid((sign * 88, -78, -68), (84.0, 56.0, 25.0), (sign * 0.62, 0.24, -0.75), (sign * 0.7, -0.1, 0.6))
    return Common((plate, Beyond((sign * 8, 0, 0), (sign, 0.0, 0.0))), blend=4.0)


def _medius(sign: float) -> Shape:
    return Ellipsoid((sign * 122, -24, -24), (68.0, 48.0, 24.0), (sign * 0.12, -0.1, 1.0), (sign * 0.5, 0.85, 0.0))


def _minimus(sign: float) -> Shape:
    return Ellipsoid((sign * 116, -2, -44), (46.0, 35.0, 15.0), (sign * -0.1, -0.1, 1.0), (sign * 0.45, 0.9, 0.0))


def _iliopsoas(plan: BodyPlan, sign: float) -> Shape:
    top, low = plan.level("T12"), plan.level("L4")
    psoas = [(26.0, top.a - 4.0, top.s - 10.0), (38.0, plan.level("L2").a - 6.0, plan.level("L2").s),
             (50.0, low.a - 2.0, low.s), (62.0, 2.0, 2.0), (78.0, 18.0, -52.0), (92.0, 32.0, -92.0),
             (100.0, 2.0, -142.0)]  # fmt: skip
    strand = tube(mirrored(psoas, sign), 8.0, 14.0, 20.0, 22.0, 21.0, 18.0, 11.0, floor=plan.floor_mm)
    fan = Ellipsoid((sign * 84, -8, 4), (46.0, 46.0, 14.0), (sign * 0.55, 0.8, 0.0), (sign * 0.28, -0.12, 0.95))
    return Union((strand, fan), blend=12.0)


def _back_muscle(plan: BodyPlan, sign: float) -> Shape:
    """A strand beside the spinous processes from the sacrum to the skull, thick at the loins."""
    heights = (-60, -20, 10, 60, 120, 180, 250, 330, 400, 450, 500, 560)
    half = (12, 24, 32, 35, 35, 31, 27, 24, 22, 21, 18, 16)
    behind = (20, 42, 68, 71, 67, 63, 62, 61, 59, 46, 37, 33)
    depth = (7, 12, 17, 20, 20, 17, 14, 11, 12, 15, 16, 14)
    rows = []
    for s, width, back, deep in zip(heights, half, behind, depth, strict=True):
        bone_a = plan.body_a(s) if s > 0 else float(np.interp(s, (-60, -20), (-72.0, -40.0)))
        a = bone_a - back
        rows.append(Section(float(s), sign * (width + 3.0), float(width), round(a - deep, 3), round(a + deep, 3)))
    return Common((Loft(tuple(rows), squareness=0.5), Beyond((0, 0, 0), (sign, 0.0, 0.0))))
