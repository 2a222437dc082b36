"""Bones of the shoulder girdle, arms, pelvis and thighs."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import (
    Beyond,
    Common,
    Ellipsoid,
    Point,
    Shape,
    Union,
    Without,
    ball,
    mirrored,
    tube,
)

BONE, FEMUR = 80, 81
SHOULDER: Point = (166.0, -38.0, 416.0)
HIP_JOINT: Point = (90.0, -8.0, -92.0)
SIDES = (("Right", 1.0), ("Left", -1.0))


def limb_bones(plan: BodyPlan) -> Iterator[Part]:
    """Clavicles, scapulae, humeri, forearms (which have no name), hip bones and femora."""
    for side, sign in SIDES:
        yield Part("Unknown Tissue", tube(mirrored(arm_course(plan)[3:], sign), plan.thin(9.0)), BONE - 2)
        yield Part(f"Clavicula {side}", _clavicle(plan, sign), BONE)
        yield Part(f"Scapula {side}", _scapula(plan, sign), BONE)
        yield Part(f"Humerus {side}", _humerus(plan, sign), FEMUR)
        yield Part(f"Hip {side}", _hip(plan, sign), BONE)
        yield Part(f"Femur {side}", _femur(sign), FEMUR)


def arm_course(plan: BodyPlan) -> list[Point]:
    """Shoulder, head of the humerus, middle, elbow, wrist of the right arm: raised, or beside the trunk."""
    if plan.arms_raised:
        return [SHOULDER, (176, -34, 440), (182, -14, 580), (160, 0, 728), (120, 40, 900)]
    return [SHOULDER, (184, -40, 392), (214, -46, 250), (222, -44, 112), (226, 12, -150)]


def _clavicle(plan: BodyPlan, sign: float) -> Shape:
    points = mirrored([(22, 62, 417), (58, 54, 428), (104, 8, 440), (152, -26, 440)], sign)
    return tube(points, 7.5, 5.5, 5.5, 6.0, floor=plan.floor_mm)


def _scapula(plan: BodyPlan, sign: float) -> Shape:
    thin = plan.thin(3.8)
    blade = Ellipsoid(
        (sign * 108, -92, 358), (76.0, 40.0, thin + 0.8), (0.1 * sign, -0.12, -1.0), (sign * 0.8, 0.6, 0.0)
    )
    spine = tube(mirrored([(78, -112, 398), (120, -104, 416), (152, -80, 440), (172, -42, 446)], sign), thin + 1.0)
    neck = tube(mirrored([(118, -82, 388), (142, -56, 408)], sign), 9.0, 12.0)
    coracoid = tube(mirrored([(138, -48, 420), (136, -22, 432), (140, -6, 424)], sign), plan.thin(5.0))
    border = tube(mirrored([(94, -108, 288), (112, -88, 340), (138, -60, 398)], sign), thin + 0.6)
    inner = Common((blade, Beyond((sign * 118, -80, 345), (-0.92 * sign, 0.0, 0.4))), blend=4.0)
    return Union((inner, spine, neck, coracoid, border), blend=5.0)


def _humerus(plan: BodyPlan, sign: float) -> Shape:
    shoulder, neck, middle, elbow, _ = arm_course(plan)
    head = ball(mirrored([shoulder], sign)[0], 23.0)
    shaft = tube(mirrored([shoulder, neck, middle, elbow], sign), 16.0, 14.0, 11.0, 16.0)
    return Union((head, shaft), blend=6.0)


def _hip(plan: BodyPlan, sign: float) -> Shape:
    joint = mirrored([HIP_JOINT], sign)[0]
    thick = max(8.5, plan.floor_mm)
    blade = Ellipsoid((sign * 92, -20, 2), (62.0, 60.0, thick), (sign * 0.62, 0.78, 0.0), (sign * 0.28, -0.12, 0.95))
    crest = tube(mirrored([(48, -72, 6), (78, -48, 44), (112, -12, 54), (126, 28, 30), (116, 44, -6)], sign),
                 plan.thin(6.0))  # fmt: skip
    socket = Without(ball(joint, 33.0), ball(mirrored([(122, -16, -112)], sign)[0], 33.0), blend=4.0)
    pillar = tube(mirrored([(96, -6, -66), (94, -14, -30), (60, -52, -8), (46, -66, -10)], sign), 22, 13, 13, 12)
    pubis = tube(mirrored([(78, 18, -92), (44, 42, -102), (8, 44, -114)], sign), 10, 8, 9, floor=plan.floor_mm)
    ramus = tube(mirrored([(7, 40, -122), (34, 2, -150), (54, -36, -148)], sign), plan.thin(6.5))
    ischium = tube(mirrored([(84, -30, -98), (68, -46, -126), (56, -42, -148)], sign), 17, 15, 14)
    return Union((blade, crest, socket, pillar, pubis, ramus, ischium), blend=8.0)


def _femur(sign: float) -> Shape:
    head = ball(mirrored([HIP_JOINT], sign)[0], 24.5)
    neck = tube(mirrored([HIP_JOINT, (122, -16, -122)], sign), 17.0, 19.0)
    trochanter = Ellipsoid((sign * 134, -22, -112), (14.0, 17.0, 26.0))
    shaft = tube(mirrored([(122, -16, -122), (118, -12, -165), (106, -4, -250), (94, 0, -400)], sign), 21, 16, 15, 16)
    return Union((head, neck, trochanter, shaft), blend=8.0)
