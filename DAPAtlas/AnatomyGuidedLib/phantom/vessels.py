"""Great vessels as trees: each branch begins inside its parent."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Point, Tube, mirrored, tube

VEIN, CAVA, SMALL_ARTERY, ARTERY, AORTA = 60, 61, 62, 63, 64
PULMONARY, PORTAL = 59, 60


def vessels(plan: BodyPlan) -> Iterator[Part]:
    """Veins first, then arteries, the aorta last: it keeps its whole wall."""
    yield from _veins(plan)
    yield from _pulmonary(plan)
    yield from _neck_arteries(plan)
    yield from _abdominal_arteries(plan)
    yield Part("Aorta", _tube(plan, _aorta(plan), 15.0, 15.5, 15.0, 13.5, 12.5, 12.0, 11.5, 10.5, 9.5, 9.0, 8.5), AORTA)


def _tube(plan: BodyPlan, points: list[Point], *radii: float) -> Tube:
    """A vessel of this patient's calibre."""
    return tube(points, *(radius * plan.organ["vessel"] ** 0.7 for radius in radii), floor=plan.floor_mm)


def _before(plan: BodyPlan, r: float, s: float, gap: float) -> Point:
    """A place `gap` mm before the vertebral bodies' middle."""
    return (r, round(plan.body_a(s) + gap, 3), s)


def _aorta(plan: BodyPlan) -> list[Point]:
    r, a, s = plan.shift["heart"]
    root = [(-4.0 + r, 22.0 + a, 304.0 + s), (12.0, 26.0, 338.0), (8.0, 18.0, 372.0)]
    arch = [(-8.0, -4.0, 388.0), (-21.0, -26.0, 372.0)]
    down = [_before(plan, r, s, gap) for r, s, gap in
            ((-24.0, 335.0, 21.0), (-22.0, 290.0, 22.0), (-14.0, 235.0, 27.0), (-10.0, 180.0, 27.0),
             (-9.0, 120.0, 29.0), (-9.0, 52.0, 27.0))]  # fmt: skip
    return root + arch + down


def _abdominal_arteries(plan: BodyPlan) -> Iterator[Part]:
    start = _before(plan, -9.0, 160.0, 29.0)
    end = (-6.0, start[1] + 22.0, 166.0)
    yield Part("Celiac Trunk", _tube(plan, [start, end], 4.0), SMALL_ARTERY)
    fork = _before(plan, -9.0, 54.0, 27.0)
    for side, sign in SIDES:
        course = [fork, (sign * 20.0 - 4.0, 34.0, 22.0), (sign * 46.0, 22.0, -16.0), (sign * 60.0, 28.0, -54.0),
                  (sign * 76.0, 46.0, -98.0)]  # fmt: skip
        yield Part(f"Iliac Artery {side}", _tube(plan, course, 6.5, 6.0, 5.5, 5.0, 5.0), SMALL_ARTERY)


def _neck_arteries(plan: BodyPlan) -> Iterator[Part]:
    fork = (22.0, 2.0, 428.0)
    yield Part("Artery Brachiocephalic", _tube(plan, [(4.0, 10.0, 386.0), (14.0, 7.0, 406.0), fork], 6.5), ARTERY)
    roots = {"Right": fork, "Left": (-9.0, 0.0, 390.0)}
    for side, sign in SIDES:
        carotid = [roots[side], (sign * 24.0, 2.0, 446.0), (sign * 29.0, 6.0, 480.0), (sign * 30.0, 8.0, 518.0)]
        yield Part(f"Artery Common Carotid {side}", _tube(plan, carotid, 4.0), ARTERY)
        inner = [carotid[-1], (sign * 32.0, 2.0, 542.0), (sign * 27.0, 4.0, 566.0), (sign * 24.0, 12.0, 580.0)]
        yield Part(f"Artery Internal Carotid {side}", _tube(plan, inner, 3.5), SMALL_ARTERY)
        root = [(19.0, 4.0, 420.0)] if sign > 0 else [(-19.0, -16.0, 384.0), (-26.0, -16.0, 416.0)]
        outer = mirrored([(46.0, -14.0, 446.0), (76.0, -4.0, 444.0), (108.0, 0.0, 424.0), (136.0, -14.0, 404.0)], sign)
        yield Part(f"Artery Subclavian {side}", _tube(plan, root + outer, 4.5), SMALL_ARTERY)


def _veins(plan: BodyPlan) -> Iterator[Part]:
    join = _before(plan, 16.0, 36.0, 24.0)
    for side, sign in SIDES:
        middle = [(32.0, 12.0, 8.0)] if sign > 0 else [(-8.0, 18.0, 22.0), (-32.0, 10.0, -2.0)]
        course = [join, *middle, (sign * 50.0, 2.0, -30.0), (sign * 60.0, 10.0, -60.0), (sign * 66.0, 38.0, -98.0)]
        yield Part(f"Iliac Vena {side}", _tube(plan, course, 7.0), VEIN)
    cava = [_before(plan, 16.0, 34.0, 24.0), _before(plan, 18.0, 90.0, 26.0), _before(plan, 20.0, 150.0, 25.0),
            (26.0, 6.0, 205.0), (28.0, 8.0, 245.0), (30.0, 12.0, 272.0)]  # fmt: skip
    yield Part("Inferior Vena Cava", _tube(plan, cava, 10.0, 10.5, 11.0, 11.5, 12.0, 12.0), CAVA)
    yield from _portal(plan)
    meeting = (24.0, 22.0, 400.0)
    for side, sign in reversed(SIDES):
        jugular = mirrored([(30.0, -4.0, 568.0), (40.0, 0.0, 530.0), (41.0, 4.0, 480.0), (34.0, 10.0, 444.0)], sign)
        yield Part(f"Internal Jugular Vein {side}", _tube(plan, jugular, 4.5, 6.0, 6.5, 6.5), VEIN)
        rest = [meeting, (24.0, 22.0, 388.0)] if sign > 0 else [(-16.0, 30.0, 424.0), (6.0, 34.0, 408.0), meeting]
        yield Part(f"Vein Brachiocephalic {side}", _tube(plan, [jugular[-1], *rest], 7.0), VEIN)


def _portal(plan: BodyPlan) -> Iterator[Part]:
    join = (14.0, 30.0, 136.0)
    portal = [join, (26.0, 30.0, 160.0), (46.0, 26.0, 184.0)]
    splenic = [join, (-12.0, 32.0, 143.0), (-46.0, 10.0, 155.0), (-74.0, -18.0, 168.0), (-96.0, -42.0, 186.0)]
    for course, radius in ((portal, 7.0), (splenic, 4.5)):
        yield Part("Portal Vein and Splenic Vein", _tube(plan, course, radius), PORTAL)


def _pulmonary(plan: BodyPlan) -> Iterator[Part]:
    r, a, s = plan.shift["heart"]
    trunk = [(-14.0 + r, 46.0 + a, 304.0 + s), (-18.0, 38.0, 330.0), (-18.0, 16.0, 346.0)]
    right = [(-18.0, 14.0, 345.0), (12.0, -2.0, 341.0), (44.0, -6.0, 332.0), (62.0, -22.0, 306.0)]
    left = [(-18.0, 14.0, 345.0), (-36.0, -8.0, 350.0), (-54.0, -22.0, 340.0), (-66.0, -34.0, 308.0)]
    for course, radii in ((trunk, (12.0, 13.0, 11.0)), (right, (10.0, 9.0, 7.0, 3.5)), (left, (10.0, 9.0, 7.0, 3.5))):
        yield Part("Pulmonary Artery", _tube(plan, course, *radii), PULMONARY)
