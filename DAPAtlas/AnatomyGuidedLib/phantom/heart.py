"""The heart: chambers, the left ventricle's muscle, the walls that remain, and the pericardial fat around."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.lungs import Dome
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Common, Ellipsoid, Offset, Point, Shape, Union

TISSUE, WALL, CHAMBER, MYOCARDIUM = 33, 34, 36, 37
_LONG_AXIS: Point = (-0.74, 0.50, -0.44)
_WALL_MM, _PERICARDIUM_MM = 3.0, 6.0


def heart(plan: BodyPlan) -> Iterator[Part]:
    """From the outside in; the left ventricle keeps its round shape, the right one wraps around it."""
    size = plan.organ["heart"] * (1.02 if plan.female else 1.04)
    chambers = {
        "Heart Atrium Right": _chamber(plan, (25, 20, 288), (22, 28, 34), size),
        "Heart Ventricle Right": _chamber(plan, (-14, 54, 278), (45, 29, 33), size, (-0.85, 0.3, -0.3)),
        "Heart Atrium Left": _chamber(plan, (-6, -12, 316), (35, 19, 25), size),
    }
    left = _chamber(plan, (-38, 27, 280), (40, 25, 25.5), size, _LONG_AXIS)
    muscle = _chamber(plan, (-40, 28, 279), (51, 35, 35.5), size, _LONG_AXIS)
    whole = Union((*chambers.values(), muscle), blend=22.0)
    above = Dome(1.0)
    yield Part("Heart Tissue", Common((Offset(whole, _PERICARDIUM_MM), above)), TISSUE)
    yield Part("Heart", Common((Offset(whole, _WALL_MM), above)), WALL)
    for name, shape in chambers.items():
        yield Part(name, Common((shape, Dome(5.0))), CHAMBER)
    yield Part("Heart Myocardium", Common((muscle, Dome(3.0))), MYOCARDIUM)
    yield Part("Heart Ventricle Left", Common((left, Dome(8.0))), MYOCARDIUM)


def _chamber(plan: BodyPlan, center: Point, radii: Point, size: float, along: Point = (1.0, 0.0, 0.0)) -> Shape:
    place = plan.moved("heart", center)[0]
    return Ellipsoid(place, (radii[0] * size, radii[1] * size, radii[2] * size), along, (0.0, 1.0, 0.0))
