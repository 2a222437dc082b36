"""Bladder and the organs of one sex or the other."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.abdomen import CAVITY
from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Ellipsoid, Shape, Union, tube

BLADDER, CERVIX, UTERUS, PROSTATE, GONADS = 50, 51, 52, 52, 51
ANYWHERE = 0


def pelvis(plan: BodyPlan) -> Iterator[Part]:
    """Bladder behind the pubis; uterus, cervix and ovaries, or prostate and testes."""
    full = plan.organ["bladder"]
    s = -98.0 if plan.female else -88.0
    yield Part(
        "Bladder", Ellipsoid((0, 14, s + 12 * (full - 1)), (36 * full, 27 * full, 26 * full)), BLADDER, above=CAVITY
    )
    yield from _female(plan) if plan.female else _male(plan)


def _female(plan: BodyPlan) -> Iterator[Part]:
    size = plan.organ["uterus"]
    cervix = tube([(0, -20, -106), (0, -16, -88)], 16.0 * size, 14.0, floor=plan.floor_mm)
    uterus: Shape = Union(
        (
            tube([(0, -15, -84), (0, 2, -62)], 14.0, 19.0 * size),
            Ellipsoid((0, 4, -54), (30 * size, 22 * size, 24 * size)),
        ),
        blend=10.0,
    )
    yield Part("Uterus", uterus, UTERUS, above=CAVITY)
    yield Part("Uterocervix", cervix, CERVIX, above=CAVITY)
    for _, sign in SIDES:
        radius = 13.0 * plan.organ["gonads"]
        yield Part(
            "Gonads", Ellipsoid((sign * 42, -12, -58), (radius * 0.8, radius, radius * 1.2)), GONADS, above=CAVITY
        )


def _male(plan: BodyPlan) -> Iterator[Part]:
    size = plan.organ["prostate"] * (0.9 + 0.004 * (plan.age_years - 25))
    yield Part("Prostate", Ellipsoid((0, 4, -122), (22 * size, 15 * size, 17 * size)), PROSTATE)
    for _, sign in SIDES:
        radius = 14.0 * plan.organ["gonads"]
        yield Part("Gonads", Ellipsoid((sign * 16, 58, -171), (radius * 0.9, radius, radius * 1.4)), GONADS, ANYWHERE)
