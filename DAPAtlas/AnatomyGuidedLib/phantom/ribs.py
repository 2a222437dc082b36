"""The rib cage: twelve ribs a side from their own vertebra round the chest, cartilage, breastbone."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Loft, Point, Shape, Union, mirrored, tube
from AnatomyGuidedLib.phantom.spine import BONE, half_depth, half_width

CARTILAGE = 79
_OUTSIDE_MM = 5.0
# Where each bony rib ends, anatomical rib 1 first: half turns from the back to the front, and height.
_ENDS = (
    (0.83, 418.0),
    (0.85, 384.0),
    (0.845, 354.0),
    (0.835, 322.0),
    (0.82, 290.0),
    (0.79, 256.0),
    (0.745, 222.0),
    (0.69, 192.0),
    (0.635, 170.0),
    (0.58, 154.0),
    (0.43, 140.0),
    (0.25, 146.0),
)
_STERNAL_HEIGHTS = (404.0, 368.0, 346.0, 324.0, 302.0, 285.0, 272.0)
_TURN_AT_ANGLE = 0.17


def rib_cage(plan: BodyPlan) -> Iterator[Part]:
    """Cartilages, ribs named as DAP counts them (Costa 1 is rib 12), and both parts of the sternum."""
    for sign in (1.0, -1.0):
        for rib in range(1, 11):
            yield Part("Rib Cartilage", _cartilage(plan, rib, sign), CARTILAGE)
    yield from _sternum(plan)
    for rib in range(1, 13):
        for side, sign in (("Right", 1.0), ("Left", -1.0)):
            yield Part(f"Costa {13 - rib} {side}", _rib(plan, rib, sign), BONE)


def lumbar_ribs(plan: BodyPlan) -> Iterator[Part]:
    """A thirteenth pair at L1. No structure has its name, so it is Unknown Tissue."""
    vertebra = plan.level("L1")
    rear = vertebra.a - half_depth(vertebra) - 14.0
    course = [(half_width(vertebra), rear + 6.0, vertebra.s + 6.0), (46.0, rear - 6.0, vertebra.s + 2.0),
              (84.0, rear - 2.0, vertebra.s - 14.0)]  # fmt: skip
    for sign in (1.0, -1.0):
        yield Part("Unknown Tissue", tube(mirrored(course, sign), plan.thin(3.3), tall=2.0), CARTILAGE)


def rib_points(plan: BodyPlan, rib: int) -> list[Point]:
    """The course of a right rib, from the vertebral body to its bony end."""
    vertebra = plan.level(f"T{rib}")
    turn_end, s_end = _ENDS[rib - 1]
    wall = _wall(plan)
    head_s = vertebra.top - 4.0
    side = half_width(vertebra)
    head = (side * 0.8, vertebra.a - half_depth(vertebra) * 0.75, head_s)
    tubercle = (side + 13.0, vertebra.a - half_depth(vertebra) - 15.0, head_s - 2.0)
    points = [head, tubercle]
    steps = max(3, round((turn_end - _TURN_AT_ANGLE) / 0.085))
    for step in range(steps + 1):
        share = step / steps
        turn = _TURN_AT_ANGLE + (turn_end - _TURN_AT_ANGLE) * share
        fall = 0.06 + 0.94 * share * (1.25 - 0.25 * share)
        points.append(_rounded(wall.point(turn, head_s - 4.0 + (s_end - head_s + 4.0) * fall)))
    return points[:2] + points[3:] if rib == 1 else points


def _wall(plan: BodyPlan) -> Loft:
    return plan.cage.grown(_OUTSIDE_MM)


def _rib(plan: BodyPlan, rib: int, sign: float) -> Shape:
    points = mirrored(rib_points(plan, rib), sign)
    return tube(points, plan.thin(3.3), tall=2.0 if rib in (1, 12) else 3.2)


def _cartilage(plan: BodyPlan, rib: int, sign: float) -> Shape:
    """Ribs 1 to 7 reach the sternum, 8 to 10 the cartilage above; ribs 11 and 12 end free."""
    start = rib_points(plan, rib)[-1]
    turn, s = _ENDS[rib - 1]
    wall = _wall(plan)
    if rib <= 7:
        goal = (13.0, _front(plan, _STERNAL_HEIGHTS[rib - 1]), _STERNAL_HEIGHTS[rib - 1])
        dip = 4.0 if rib < 5 else 0.0
        middle_s = (s + goal[2]) / 2 - dip
        middle = wall.point((turn + 0.95) / 2, middle_s)
        points = [start, _rounded(middle), goal]
    else:
        turn_above, s_above = _ENDS[rib - 2]
        points = [start, _rounded(wall.point((turn + turn_above) / 2 + 0.03, s + 8.0)),
                  _rounded(wall.point(turn_above + 0.02, s_above + 4.0))]  # fmt: skip
    return tube(mirrored(points, sign), plan.thin(4.5), tall=2.0)


def _sternum(plan: BodyPlan) -> Iterator[Part]:
    def at(r: float, s: float) -> Point:
        return (r, _front(plan, s), s)

    course = [at(6, 360), at(10, 300), at(7, 268), at(0, 244)]
    halves = [tube(mirrored(course, sign), 7.0, 7.5, 6.5, 4.5, floor=plan.floor_mm) for sign in (1.0, -1.0)]
    corpus = Union(tuple(halves), blend=6.0)
    manubrium = Union((tube([at(-20, 408), at(20, 408)], 8.0), tube([at(-14, 392), at(14, 392)], 8.0),
                       tube([at(0, 400), at(0, 374)], 9.0)), blend=8.0)  # fmt: skip
    yield Part("Sternum Corpus", corpus, BONE)
    yield Part("Sternum Manubrium", manubrium, BONE)


def _front(plan: BodyPlan, s: float) -> float:
    return round(float(plan.cage.at(s)[3]) + 8.0, 3)


def _rounded(point: Point) -> Point:
    return (round(point[0], 3), round(point[1], 3), round(point[2], 3))
