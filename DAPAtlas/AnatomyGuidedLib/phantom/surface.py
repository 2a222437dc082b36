"""The outline of the body: subcutaneous fat outside, the muscles' mantle within, breasts, and at last the skin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES, arm_course
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Ellipsoid, Point, Shape, Union, mirrored, tube

FAT, BREAST, MUSCLE = 10, 12, 20
_SKIN_MM = 2.0
TABLE_DEPTH_MM = 34.0  # room behind the back for the scanner's table
_THIGH_MUSCLES: tuple[tuple[tuple[Point, ...], tuple[float, ...]], ...] = (
    (((98.0, 6.0, -95.0), (102.0, 14.0, -190.0), (98.0, 16.0, -420.0)), (56.0, 56.0, 46.0)),  # before the femur
    (((66.0, -14.0, -120.0), (72.0, -12.0, -190.0), (76.0, -12.0, -420.0)), (50.0, 50.0, 34.0)),  # within
    (((96.0, -36.0, -95.0), (94.0, -40.0, -190.0), (94.0, -36.0, -420.0)), (50.0, 48.0, 42.0)),  # behind
)


def mantle(plan: BodyPlan) -> Iterator[Part]:
    """Fat as far as the skin, then Muscles as far as the fascia; everything else is painted over them."""
    yield Part("Fat", _outline(plan), FAT)
    for side, sign in SIDES:
        if plan.female:
            yield Part(f"Breast {side}", _breast(plan, sign, 0.0), BREAST)
    yield Part("Muscles", _fascia(plan), MUSCLE)


def skin(labels: npt.NDArray[np.uint8], soft: npt.NDArray[np.bool_], spacing_mm: float) -> npt.NDArray[np.bool_]:
    """The outermost 2 mm of the body, one voxel at least; the cut faces above and below carry none.

    Where something else than `soft` tissue reaches the outside, the skin lies upon it.
    """
    body = np.pad(labels > 0, ((1, 1), (1, 1), (0, 0)))
    inner = body.copy()
    for _ in range(max(1, round(_SKIN_MM / spacing_mm))):
        core = inner.copy()
        for axis in range(3):
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(1, None), slice(None, -1)
            core[tuple(low)] &= inner[tuple(high)]
            core[tuple(high)] &= inner[tuple(low)]
        inner = core
    return np.asarray((body & ~inner)[1:-1, 1:-1] & soft | _upon((labels > 0) & ~soft) & (labels == 0))


def _upon(firm: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """These voxels and their neighbours by a face."""
    wider = firm.copy()
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(1, None), slice(None, -1)
        wider[tuple(low)] |= firm[tuple(high)]
        wider[tuple(high)] |= firm[tuple(low)]
    return wider


def _outline(plan: BodyPlan) -> Shape:
    fat = plan.fat_mm
    thighs = [_thigh(s, 0.85 * fat) for s in (1.0, -1.0)]
    arms = [_arm(plan, sign, 0.45 * fat + 2.0) for sign in (1.0, -1.0)]
    breasts = [_breast(plan, sign, 4.0) for sign in (1.0, -1.0)] if plan.female else []
    trunk = Union((plan.skin_trunk, *breasts), blend=30.0)
    return Union((trunk, *thighs, *arms, *_head(plan, 4.0), *_scrotum(plan, 3.0)), blend=10.0)


def _fascia(plan: BodyPlan) -> Shape:
    thighs = [_thigh(s, 0.0) for s in (1.0, -1.0)]
    arms = [_arm(plan, sign, 0.0) for sign in (1.0, -1.0)]
    return Union((plan.trunk, *thighs, *arms, *_head(plan, -1.0)), blend=10.0)


def _thigh(sign: float, fat: float) -> Shape:
    """Extensors before, adductors within and flexors behind."""
    parts = [tube(mirrored(list(course), sign), *(r + fat for r in radii)) for course, radii in _THIGH_MUSCLES]
    return Union(tuple(parts), blend=14.0)


def _arm(plan: BodyPlan, sign: float, fat: float) -> Shape:
    """Trapezius, deltoid and arm in one."""
    slim = 0.88 if plan.female else 1.0
    arm = tube(mirrored(arm_course(plan), sign), *(slim * r + fat for r in (48.0, 47.0, 40.0, 36.0, 26.0)))
    root = tube(
        mirrored([(30, -42, 462), (100, -46, 432), (160, -42, 412)], sign), *(r + fat for r in (44.0, 42.0, 46))
    )
    chest = tube(mirrored([(40, 26, 424), (104, 0, 416), (160, -30, 412)], sign), 34.0 + fat, 40.0 + fat, 42.0 + fat)
    flank = tube(mirrored([(150, -44, 408), (134, -46, 340)], sign), 46.0 + fat, 24.0 + fat)
    return Union((arm, root, chest, flank), blend=24.0)


def _head(plan: BodyPlan, grow: float) -> Iterator[Shape]:
    """Scalp, face with nose and jaw, and the neck's flanks."""
    size = plan.head_size
    yield Ellipsoid((0, 4, 637), (78 * size + grow, 96 * size + grow, 77 * size + grow))
    yield Ellipsoid((0, 40, 580), (67 + grow, 62 + grow, 74 + grow))
    yield Ellipsoid((0, 54, 542), (60 + grow, 46 + grow, 40 + grow))
    yield tube([(0, 98, 606), (0, 112, 578)], 6.0 + grow, 11.0 + grow)
    for sign in (1.0, -1.0):
        yield tube([(sign * 30, -12, 560), (sign * 34, -14, 470)], 34.0 + grow, 40.0 + grow)


def _breast(plan: BodyPlan, sign: float, grow: float) -> Shape:
    """It flattens and falls to the side, since the patient lies on the back."""
    size = plan.organ["breast"] * (0.9 + 0.01 * plan.fat_mm)
    front = float(plan.trunk.at(318)[3])
    radii = (66 * size + grow, 29 * size + grow, 62 * size + grow)
    return Ellipsoid((sign * 86, front - 6.0, 314), radii, (1.0, -0.6 * sign, 0.0), (0.6 * sign, 1.0, 0.0))


def _scrotum(plan: BodyPlan, grow: float) -> Iterator[Shape]:
    if not plan.female:
        yield Ellipsoid((0, 58, -170), (33 + grow, 23 + grow, 31 + grow))
        yield tube([(0, 46, -132), (0, 78, -158)], 16.0, 13.0)
