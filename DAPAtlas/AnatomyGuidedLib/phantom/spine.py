"""The spine: 24 vertebrae with body, arch and processes, their discs, the sacrum, and the canal through all of them."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan, Vertebra
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Drum, Ellipsoid, Point, Shape, Union, ball, tube

DISC, BONE, CANAL = 78, 80, 86
_CANAL_RADIUS = 8.0
_DISC_SHARE = {"L": 0.22, "T": 0.16, "C": 0.24}


def spine(plan: BodyPlan) -> Iterator[Part]:
    """Vertebrae from below, sacrum, discs (which have no name of their own), and the canal."""
    for vertebra in plan.spine:
        yield Part("Unknown Tissue", _disc(vertebra), DISC)
    yield Part("Sacrum", _sacrum(plan), BONE)
    for vertebra in plan.spine:
        yield Part(f"Vertebra {vertebra.name}", _vertebra(plan, vertebra), BONE)
    yield Part("Spinal Canal", tube(canal_points(plan), plan.thin(_CANAL_RADIUS)), CANAL)


def canal_points(plan: BodyPlan) -> list[Point]:
    """The middle of the spinal canal from the sacrum up to the skull's base."""
    sacral: list[Point] = [(0.0, -82.0, -62.0), (0.0, -66.0, -36.0), (0.0, -45.0, -12.0)]
    vertebral: list[Point] = [(0.0, canal_a(v), v.s) for v in plan.spine]
    return [*sacral, *vertebral, (0.0, canal_a(plan.spine[-1]) + 2.0, plan.spine[-1].top + 6.0)]


def canal_a(vertebra: Vertebra) -> float:
    """A of the canal's middle at a vertebra."""
    return round(vertebra.a - half_depth(vertebra) - _CANAL_RADIUS - 1.0, 3)


def half_depth(vertebra: Vertebra) -> float:
    """Half the depth of a vertebral body, front to back."""
    number = int(vertebra.name[1:])
    return {"L": 17.5, "T": 10.5 + 0.5 * number, "C": 8.0}[vertebra.name[0]]


def half_width(vertebra: Vertebra) -> float:
    """Half the width of a vertebral body."""
    number = int(vertebra.name[1:])
    return {"L": 22.5 + 0.8 * number, "T": 14.5 + 0.6 * abs(number - 3), "C": 11.0 + 0.4 * number}[vertebra.name[0]]


def _disc(vertebra: Vertebra) -> Shape:
    """A column as high as the level; the vertebra's body covers all of it but the disc."""
    half = vertebra.height / 2 + 1.0
    return Drum((0.0, vertebra.a, vertebra.s), half_width(vertebra), half_depth(vertebra), half, vertebra.lean)


def _vertebra(plan: BodyPlan, vertebra: Vertebra) -> Shape:
    if vertebra.name == "C1":
        return _atlas(plan, vertebra)
    bone = vertebra.height * (1.0 - _DISC_SHARE[vertebra.name[0]]) / 2
    center = (0.0, vertebra.a, vertebra.s)
    body = Drum(center, half_width(vertebra), half_depth(vertebra), bone, vertebra.lean)
    parts: list[Shape] = [body, *_arch(plan, vertebra), *_processes(plan, vertebra)]
    if vertebra.name == "C2":
        parts.append(tube([center, (0.0, vertebra.a + 2.0, vertebra.s + 26.0)], plan.thin(5.0)))
    return Union(tuple(parts), blend=3.0)


def _arch(plan: BodyPlan, vertebra: Vertebra) -> Iterator[Shape]:
    wide, rear = half_width(vertebra) * 0.62, canal_a(vertebra)
    radius = plan.thin(min(0.18 * vertebra.height, 6.0))
    low = vertebra.s - 0.1 * vertebra.height
    for sign in (1.0, -1.0):
        pedicle = (sign * wide, vertebra.a - half_depth(vertebra) + 3.0, vertebra.s + 1.0)
        facet = (sign * (_CANAL_RADIUS + 5.0), rear - 4.0, low)
        yield tube([pedicle, facet, (0.0, rear - _CANAL_RADIUS - 3.5, low - 2.0)], radius)
        yield ball(facet, radius + 1.5)


def _processes(plan: BodyPlan, vertebra: Vertebra) -> Iterator[Shape]:
    kind, number = vertebra.name[0], int(vertebra.name[1:])
    length, drop = {"L": (29.0, 5.0), "T": (27.0, 17.0), "C": (8.0 + 2.6 * max(number - 2, 0), 4.0)}[kind]
    reach = {"L": 37.0, "T": 33.0 - 0.5 * number, "C": 22.0}[kind]
    rear, radius = canal_a(vertebra) - _CANAL_RADIUS - 2.0, plan.thin({"L": 4.5, "T": 3.8, "C": 3.0}[kind])
    low = vertebra.s - 0.14 * vertebra.height
    tip = (0.0, rear - length, low - drop)
    yield tube([(0.0, rear, low), tip], radius, tall=6.0 if kind == "L" else 0.0)
    back = {"L": 3.0, "T": 14.0, "C": -6.0}[kind]
    for sign in (1.0, -1.0):
        root = (sign * (_CANAL_RADIUS + 4.0), canal_a(vertebra), vertebra.s - 1.0)
        yield tube([root, (sign * reach, canal_a(vertebra) - back, vertebra.s)], radius)


def _atlas(plan: BodyPlan, vertebra: Vertebra) -> Shape:
    """C1: a ring around the dens of C2 and the canal, with two blocks below the skull and no body."""
    radius, rear = plan.thin(4.0), canal_a(vertebra) - _CANAL_RADIUS - 4.0
    a, s = vertebra.a, vertebra.s
    half = [(0.0, a + 12.0, s), (15.0, a + 7.0, s), (19.0, a - 8.0, s), (14.0, rear + 6.0, s), (0.0, rear, s)]
    rings = [tube([(sign * p[0], p[1], p[2]) for p in half], radius) for sign in (1.0, -1.0)]
    blocks = [Ellipsoid((sign * 19.0, a - 4.0, s), (10.0, 9.0, 9.0)) for sign in (1.0, -1.0)]
    wings = [tube([(sign * 20.0, a - 6.0, s), (sign * 37.0, a - 8.0, s)], radius) for sign in (1.0, -1.0)]
    return Union((*rings, *blocks, *wings), blend=2.0)


def _sacrum(plan: BodyPlan) -> Shape:
    first = plan.spine[0].a
    top = Drum((0.0, first - 10.0, -13.0), 25.0, 16.5, 12.0, lean=0.75)
    curve = tube([(0.0, -34.0, -24.0), (0.0, -58.0, -52.0), (0.0, -73.0, -82.0), (0.0, -62.0, -114.0)], 18, 16, 11, 4.5)
    wings = [Ellipsoid((sign * 34.0, -50.0, -24.0), (27.0, 15.0, 25.0), (sign, -0.35, -0.1)) for sign in (1.0, -1.0)]
    flanks = [tube([(sign * 26.0, -60.0, -45.0), (sign * 12.0, -76.0, -88.0)], 14, 8) for sign in (1.0, -1.0)]
    crest = tube([(0.0, -66.0, -8.0), (0.0, -88.0, -45.0), (0.0, -86.0, -80.0)], plan.thin(6.0))
    return Union((top, curve, *wings, *flanks, crest), blend=8.0)
