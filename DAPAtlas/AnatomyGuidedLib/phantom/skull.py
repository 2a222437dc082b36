"""The head: brain in its shell of bone, face with orbits and nose, jaw, cheeks; thyroid below."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import (
    Beyond,
    Common,
    Ellipsoid,
    Offset,
    Shape,
    Union,
    Without,
    ball,
    mirrored,
    tube,
)

CHEEK, THYROID, BONE, INSIDE, EYE = 22, 55, 80, 82, 83
_BONE_MM = 7.0


def head(plan: BodyPlan) -> Iterator[Part]:
    """Skull, what lies inside it, and the soft parts of the face and throat that have names."""
    brain = _brain(plan)
    for side, sign in SIDES:
        yield Part(f"Cheek {side}", _cheek(sign), CHEEK)
        yield Part(f"Thyroid {side}", _thyroid(plan, sign), THYROID)
    yield Part("Skull", Offset(brain, max(_BONE_MM, 1.8 * plan.floor_mm)), BONE)
    yield Part("Skull", _face(plan), BONE)
    yield Part("Brain", brain, INSIDE)
    for side, sign in SIDES:
        yield Part("Fat", _orbit(sign), EYE)
        yield Part(
            f"Eyeball {side}",
            ball((sign * 32, 76, 612), max(11.8 * plan.head_size * plan.organ["eye"] ** 0.4, plan.floor_mm)),
            EYE,
        )
    yield Part("Nasal Cavity", _nose(plan), INSIDE)


def _brain(plan: BodyPlan) -> Shape:
    size = plan.organ["brain"] ** 0.4 * plan.head_size
    cerebrum = Ellipsoid((0, 4, 639), (66.5 * size, 84 * size, 64 * size))
    base = Common((cerebrum, Beyond((0, 30, 602), (0.0, -0.35, 1.0))), blend=14.0)
    cerebellum = Ellipsoid((0, -38, 600), (50, 31, 25))
    stem = tube([(0, -6, 612), (0, -17, 584), (0, -21, 570)], 16, 11, 8)
    return Union((base, cerebellum, stem), blend=8.0)


def _face(plan: BodyPlan) -> Shape:
    """Upper jaw and orbital walls, and the mandible."""
    middle = Common((Ellipsoid((0, 52, 585), (50, 46, 44)), Beyond((0, 60, 556), (0.0, 0.0, 1.0))), blend=6.0)
    cheek_bones = [
        tube(mirrored([(38, 78, 590), (62, 50, 590), (66, 12, 596)], sign), 9.0, 5.5, 5.0) for sign in (1, -1)
    ]
    course = [(52, 12, 584), (50, 18, 545), (42, 44, 524), (20, 80, 512), (0, 88, 511)]
    jaw = [tube(mirrored(course, sign), plan.thin(5.5), tall=5.0) for sign in (1.0, -1.0)]
    teeth = [tube(mirrored([(27, 50, 548), (20, 74, 546), (0, 86, 545)], sign), 7.0, tall=7.0) for sign in (1.0, -1.0)]
    return Without(Union((middle, *cheek_bones, *jaw, *teeth), blend=4.0), Ellipsoid((0, 40, 540), (25, 33, 22)), 3.0)


def _orbit(sign: float) -> Shape:
    return tube(mirrored([(32, 92, 612), (30, 66, 612), (16, 36, 610)], sign), 19, 17, 7)


def _nose(plan: BodyPlan) -> Shape:
    cavity = Ellipsoid((0, 72, 582), (13, 34, 22))
    sinuses = [Ellipsoid((sign * 29, 66, 576), (12, 16, 15)) for sign in (1.0, -1.0)]
    return Union((cavity, *sinuses, tube([(0, 50, 574), (0, 22, 568)], max(9.0, plan.floor_mm))), blend=5.0)


def _cheek(sign: float) -> Shape:
    masseter = Ellipsoid((sign * 60, 30, 560), (9, 20, 32))
    return Union((masseter, Ellipsoid((sign * 52, 60, 560), (13, 26, 24), (1.0, -0.55 * sign, 0.0))), blend=10.0)


def _thyroid(plan: BodyPlan, sign: float) -> Shape:
    size = plan.organ["thyroid"]
    low, high = (sign * 16.0, 8.0, 452.0), (sign * 19.0, 10.0, 484.0)
    return tube([low, high], max(9.5 * size, plan.floor_mm), max(6.5 * size, plan.floor_mm))
