"""The organs of the upper abdomen: liver, gallbladder, spleen, pancreas, kidneys, adrenal glands."""

from __future__ import annotations

from collections.abc import Iterator

from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.limbs import SIDES
from AnatomyGuidedLib.phantom.lungs import Dome
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import (
    Beyond,
    Common,
    Ellipsoid,
    Offset,
    Shape,
    Union,
    Waves,
    Without,
    ball,
    mirrored,
    tube,
)

CAVITY, SPLEEN, LIVER, PANCREAS, GALLBLADDER, KIDNEY, ADRENAL = 25, 46, 47, 48, 50, 52, 54
_BELOW_DIAPHRAGM = 6.0
_RENAL_BED_MM = 4.0


def cavity(plan: BodyPlan) -> Iterator[Part]:
    """What fills the abdomen and pelvis between the organs."""
    yield Part("Abdominal Tissue", belly(plan, 0.0), CAVITY)


def belly(plan: BodyPlan, inset: float) -> Shape:
    """The inside of the abdomen below the diaphragm, `inset` mm within its wall."""
    return Without(Offset(plan.cavity, -inset), Dome(-_BELOW_DIAPHRAGM - inset))


def solid_organs(plan: BodyPlan) -> Iterator[Part]:
    """Each within the cavity, never in the wall."""
    inner = belly(plan, 2.0)
    yield Part("Pancreas", _pancreas(plan), PANCREAS, above=CAVITY)
    for name, shape, rank, sign in (
        ("Spleen", Common((_spleen(plan), inner), blend=3.0), SPLEEN, -1.0),
        ("Liver", _liver(plan, belly(plan, 0.5)), LIVER, 1.0),
    ):
        bed = Offset(_kidney_body(plan, sign), _RENAL_BED_MM)
        yield Part(name, Without(shape, bed, blend=5.0), rank, above=CAVITY)
    yield Part("Gallbladder", _gallbladder(plan), GALLBLADDER, above=CAVITY)
    for side, sign in SIDES:
        yield Part(f"Kidney {side}", _kidney(plan, sign), KIDNEY, above=CAVITY)
        yield Part(f"Adrenal Gland {side}", _adrenal(plan, sign), ADRENAL, above=CAVITY)


def perirenal_fat(plan: BodyPlan) -> Iterator[Part]:
    """Fat around the kidneys and in lobules between the bowel's coils, in the voxels that no organ has taken."""
    thick = 6.0 + 6.0 * plan.visceral
    for sign in (1.0, -1.0):
        yield Part("Fat", Offset(_kidney_body(plan, sign), thick), CAVITY, only=("Abdominal Tissue",))
    lobules = Waves(plan.wave[1:7], 46.0, 0.2 + 0.5 * (plan.visceral - 1.0))
    yield Part("Fat", Common((belly(plan, 0.0), lobules)), CAVITY,
               only=("Abdominal Tissue",))  # fmt: skip


def _liver(plan: BodyPlan, inner: Shape) -> Shape:
    """Under the right dome, cut obliquely from below and from behind on the left: a wedge."""
    size = plan.organ["liver"]
    drop = 150.0 * (size - 1.0)
    below = Beyond((110.0, 0.0, 52.0 - drop), (0.76, -0.12, 1.0))
    behind = Beyond((0.0, 4.0, 0.0), (0.95, 1.0, 0.0))
    left = Beyond((-84.0 - drop * 0.5, 0.0, 0.0), (1.0, -0.1, -0.25))
    wedge = Common((below, behind, left), blend=30.0)
    return Common((inner, wedge, Beyond((0, 0, 60), (0, 0, 1))), blend=14.0)


def _gallbladder(plan: BodyPlan) -> Shape:
    size = plan.organ["gallbladder"]
    drop = 150.0 * (plan.organ["liver"] - 1.0)
    points = [(50.0, 30.0, 112.0 - drop), (54.0, 48.0, 100.0 - drop), (58.0, 60.0, 84.0 - drop)]
    return tube(points, 9.0 * size, 18.0 * size, 20.5 * size, floor=plan.floor_mm)


def _spleen(plan: BodyPlan) -> Shape:
    size, center = plan.organ["spleen"], plan.moved("spleen", (-99.0, -42.0, 188.0))[0]
    body = Ellipsoid(center, (35 * size, 50 * size, 67 * size), (1.0, 0.55, -0.25), (-0.5, 1.0, 0.35))
    return Without(body, ball((center[0] + 58 * size, center[1] + 16, center[2]), 36.0 * size), blend=8.0)


def _pancreas(plan: BodyPlan) -> Shape:
    size = plan.organ["pancreas"]
    course = [(36.0, 30.0, 100.0), (30.0, 36.0, 120.0), (8.0, 44.0, 134.0), (-18.0, 43.0, 143.0), (-50.0, 20.0, 154.0),
              (-80.0, -12.0, 166.0)]  # fmt: skip
    return tube(course, *(size * r for r in (14.0, 18.0, 12.0, 13.0, 13.0, 11.5)), floor=plan.floor_mm)


def _kidney_body(plan: BodyPlan, sign: float) -> Shape:
    size = plan.organ["kidney"]
    r, a, _ = plan.shift["kidney"]
    center = (sign * 78.0 + r, -24.0 + a, _kidney_s(plan, sign))
    return Ellipsoid(center, (33 * size, 29 * size, 56 * size), (1.0, -0.5 * sign, 0.2 * sign), (0.5 * sign, 1.0, 0.15))


def _kidney_s(plan: BodyPlan, sign: float) -> float:
    """The height of its middle: a large kidney reaches up, not down to the iliac crest."""
    return (121.0 if sign > 0 else 131.0) + plan.shift["kidney"][2] + 70.0 * max(plan.organ["kidney"] - 1.0, 0.0)


def _kidney(plan: BodyPlan, sign: float) -> Shape:
    """A bean: the sinus opens towards the spine."""
    size = plan.organ["kidney"]
    r, a, _ = plan.shift["kidney"]
    sinus = Ellipsoid((sign * 53.0 + r, -16.0 + a, _kidney_s(plan, sign)), (17 * size, 13, 20 * size))
    return Without(_kidney_body(plan, sign), sinus, blend=5.0)


def _adrenal(plan: BodyPlan, sign: float) -> Shape:
    """Two limbs from a body above and inside the kidney's upper pole."""
    radius = plan.thin(4.2 * plan.organ["adrenal"])
    s = 178.0 if sign > 0 else 186.0
    body, medial, lateral = (38.0, -12.0, s + 10.0), (40.0, -34.0, s - 16.0), (56.0, -32.0, s - 14.0)
    limbs = [tube(mirrored([body, end], sign), radius + 1.0, radius) for end in (medial, lateral)]
    return Union(tuple(limbs), blend=2.0)
