"""Gullet, stomach, duodenum, small bowel as coils, and the frame of the colon."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from AnatomyGuidedLib.phantom.abdomen import CAVITY, belly
from AnatomyGuidedLib.phantom.body_plan import BodyPlan
from AnatomyGuidedLib.phantom.painting import Part
from AnatomyGuidedLib.phantom.shapes import Common, Point, Shape, tube

SMALL, COLON, STOMACH, DUODENUM, ESOPHAGUS = 40, 42, 44, 49, 57
_ESOPHAGUS_FLOOR = 31
_HAUSTRUM_MM = 28.0


def bowel(plan: BodyPlan) -> Iterator[Part]:
    """From the mouth's end to the rectum."""
    inner = belly(plan, 2.0)
    esophagus = tube(esophagus_course(plan), plan.thin(7.0))
    yield Part("Esophagus", esophagus, ESOPHAGUS)
    yield Part("Stomach", Common((_stomach(plan), inner), blend=4.0), STOMACH, above=CAVITY)
    yield Part("Duodenum", tube(_duodenum(plan), plan.thin(11.5 * plan.organ["bowel"])), DUODENUM, above=CAVITY)
    yield Part("Small Bowel", Common((_small_bowel(plan), inner)), SMALL, above=CAVITY)
    yield Part("Colon", _colon(plan), COLON, above=CAVITY)


def hiatal_hernia(plan: BodyPlan) -> Iterator[Part]:
    """A part of the stomach that has slid through the diaphragm, into the fat before the spine."""
    a = plan.body_a(262.0) + 42.0
    pouch = tube([(-40.0, 4.0, 210.0), (-18.0, 6.0, 236.0), (-8.0, round(a, 3), 258.0), (-6.0, round(a, 3), 274.0)],
                 16.0, 13.0, 21.0, 19.0, floor=plan.floor_mm)  # fmt: skip
    yield Part("Stomach", pouch, ESOPHAGUS, only=_MAKES_WAY)


def esophagus_course(plan: BodyPlan) -> list[Point]:
    """Behind the windpipe, beside the aorta, through the diaphragm to the stomach."""
    chest = [(-3.0, plan.body_a(s) + gap, s) for s, gap in ((440.0, 21.0), (400.0, 25.0), (362.0, 25.0), (318.0, 24.0))]
    return [
        (0.0, 2.0, 492.0),
        *chest,
        (-8.0, plan.body_a(270.0) + 40.0, 270.0),
        (-16.0, 4.0, 236.0),
        (-36.0, 8.0, 212.0),
    ]


def _stomach(plan: BodyPlan) -> Shape:
    """A J: fundus under the left dome, body down, antrum across to the pylorus."""
    size = plan.organ["stomach"]
    course = [(-58.0, -24.0, 222.0), (-62.0, -6.0, 196.0), (-62.0, 24.0, 164.0), (-50.0, 50.0, 126.0),
             (-14.0, 62.0, 104.0),              (16.0, 58.0, 112.0), (34.0, 50.0, 122.0)]  # fmt: skip
    return tube(course, *(size * r for r in (31.0, 35.0, 31.0, 26.0, 21.0, 16.0, 11.0)), floor=plan.floor_mm)


def _duodenum(plan: BodyPlan) -> list[Point]:
    """A C around the pancreas' head, its lower part before the aorta and the vena cava."""
    before = plan.body_a(60.0) + 54.0
    return [(34.0, 50.0, 122.0), (50.0, 36.0, 122.0), (58.0, 22.0, 98.0), (50.0, 28.0, 68.0),
            (16.0, before - 2.0, 58.0), (-12.0, before, 62.0), (-30.0, before - 8.0, 84.0)]  # fmt: skip


def _small_bowel(plan: BodyPlan) -> Shape:
    """One long serpentine through the middle of the abdomen: rows across, stacked from front to back and downwards."""
    size = 14.0 * plan.organ["bowel"]
    rows, phase = [], plan.wave
    heights = np.arange(82.0, -62.0, -2.05 * 12.5)
    for layer, depth in enumerate((64.0, 38.0, 16.0)):
        for number, s in enumerate(heights if layer % 2 == 0 else heights[::-1]):
            wide = 78.0 if s > -25.0 else 46.0
            steps = np.linspace(-1.0, 1.0, 7)
            for step in steps if (number + layer) % 2 == 0 else steps[::-1]:
                turn = 2.6 * step + phase[(number + 3 * layer) % len(phase)]
                rows.append((round(wide * float(step), 3), round(depth + 9.0 * math.sin(turn), 3),
                             round(float(s) + 9.0 * math.cos(1.3 * turn), 3)))  # fmt: skip
    return tube(rows, size)


def _colon(plan: BodyPlan) -> Shape:
    """The frame from the caecum to the rectum, its radius waving as haustra do."""
    push = 9.0 * (plan.visceral - 1.0)
    size, phase = plan.organ["bowel"], plan.wave[0]
    knots = np.array([(r, a + (push if a > 50 else 0.0), s, radius) for r, a, s, radius in _COLON])
    gaps = np.sqrt((np.diff(knots[:, :3], axis=0) ** 2).sum(axis=1))
    along = np.concatenate([[0.0], np.cumsum(gaps)])
    places = np.linspace(0.0, along[-1], 1 + int(along[-1] / 9.0))
    course = np.column_stack([np.interp(places, along, column) for column in knots.T])
    pouch = 1.0 + 0.14 * np.sin(places * (2.0 * math.pi / _HAUSTRUM_MM) + phase)
    radii = np.round(np.maximum(course[:, 3] * size * pouch, plan.floor_mm), 3)
    points = [(float(r), float(a), float(s)) for r, a, s in np.round(course[:, :3], 3)]
    return tube(points, *(float(radius) for radius in radii))


_MAKES_WAY = ("Mediastinal Tissue", "Abdominal Tissue", "Fat", "Muscles", "Esophagus",
              *(f"Lung Lower Lobe {side}" for side in ("Left", "Right")))  # fmt: skip
_COLON = (
    (78.0, 42.0, -28.0, 24.0),
    (86.0, 34.0, 5.0, 27.0),
    (90.0, 10.0, 45.0, 25.0),
    (86.0, 10.0, 78.0, 24.0),
    (70.0, 42.0, 92.0, 22.0),
    (40.0, 68.0, 80.0, 21.0),
    (0.0, 76.0, 64.0, 21.0),
    (-40.0, 72.0, 80.0, 21.0),
    (-76.0, 46.0, 120.0, 21.0),
    (-96.0, 6.0, 148.0, 20.0),
    (-98.0, -24.0, 126.0, 18.0),
    (-98.0, -26.0, 80.0, 16.0),
    (-93.0, -4.0, 36.0, 16.0),
    (-82.0, 36.0, -6.0, 16.0),
    (-54.0, 50.0, -38.0, 16.0),
    (-22.0, 36.0, -34.0, 16.0),
    (14.0, 10.0, -38.0, 16.0),
    (14.0, -26.0, -50.0, 17.0),
    (0.0, -46.0, -72.0, 19.0),
    (0.0, -46.0, -100.0, 19.0),
    (0.0, -34.0, -128.0, 13.0),
    (0.0, -44.0, -150.0, 11.0),
)
