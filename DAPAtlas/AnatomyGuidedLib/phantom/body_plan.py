"""Who the patient is, and the landmarks that all organs refer to.

Organs are described once, for a reference adult of 1.75 m, and the patient is that body stretched along R, A and S.
The frame of the reference adult: R, A and S in mm from the front of the disc between the fifth lumbar vertebra and the
sacrum; A = 0 runs through the middle of the third lumbar vertebra's body. S = 710 is the top of the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from AnatomyGuidedLib.phantom.shapes import Loft, Section, sections

VERTEBRAE = (
    *(f"L{number}" for number in range(5, 0, -1)),
    *(f"T{number}" for number in range(12, 0, -1)),
    *(f"C{number}" for number in range(7, 0, -1)),
)
_LEVEL_MM = (
    *(36.0, 35.5, 34.5, 33.5, 32.5),
    *(29.0, 26.5, 25.0, 24.0, 23.0, 22.5, 22.0, 21.5, 21.0, 20.0, 19.0, 18.5),
    *(17.0, 17.0, 17.0, 17.0, 17.0, 20.0, 22.0),
)
_BODY_MIDDLE_A = (
    *(-9.0, -2.0, -1.0, -9.0, -18.0),
    *(-27.0, -35.0, -42.0, -48.0, -53.0, -56.0, -57.0, -55.0, -51.0, -45.0, -38.0, -31.0),
    *(-25.0, -19.0, -14.0, -11.0, -10.0, -11.0, -13.0),
)
_HEIGHT_CM = {"M": (176.0, 7.0), "F": (163.0, 6.5)}
_BMI = (26.0, 4.2)
_BMI_LIMITS = (18.5, 38.0)
_ORGANS = ("liver", "spleen", "kidney", "heart", "stomach", "bladder", "brain", "breast", "prostate", "uterus", "bowel",
           "gallbladder", "thyroid", "adrenal", "pancreas", "vessel", "gonads", "thymus", "eye")  # fmt: skip
_ORGAN_SPREAD = 0.065  # of a linear measure, so that volumes spread by about a fifth


@dataclass(frozen=True)
class Vertebra:
    """One level of the spine: the middle of its body, how tall the level is, and how its axis leans forwards."""

    name: str
    a: float
    s: float
    height: float
    lean: float

    @property
    def top(self) -> float:
        return self.s + self.height / 2


@dataclass(frozen=True)
class BodyPlan:
    """A patient's measures. Lengths are the reference adult's mm where `scale` has not been applied."""

    sex: str
    age_years: int
    height_cm: float
    weight_kg: float
    arms_raised: bool
    scale: tuple[float, float, float]
    fat_mm: float
    visceral: float
    lordosis: float
    kyphosis: float
    organ: dict[str, float]
    shift: dict[str, tuple[float, float, float]]
    wave: tuple[float, ...]
    floor_mm: float

    @property
    def bmi(self) -> float:
        return self.weight_kg / (self.height_cm / 100.0) ** 2

    @property
    def head_size(self) -> float:
        """How much larger the head is than the stretched reference adult's: heads vary less than bodies do."""
        across, deep, tall = self.scale
        return _round((across * deep * tall) ** -0.2)

    @property
    def female(self) -> bool:
        return self.sex == "F"

    @cached_property
    def spine(self) -> tuple[Vertebra, ...]:
        """The 24 vertebrae from L5 upwards to C1."""
        middles = [self.spine_a(a) for a in _BODY_MIDDLE_A]
        bottom, levels = 0.0, []
        centers = np.cumsum(_LEVEL_MM) - np.array(_LEVEL_MM) / 2
        for number, (name, height) in enumerate(zip(VERTEBRAE, _LEVEL_MM, strict=True)):
            low, high = max(number - 1, 0), min(number + 1, len(centers) - 1)
            lean = (middles[high] - middles[low]) / float(centers[high] - centers[low])
            levels.append(Vertebra(name, middles[number], bottom + height / 2, height, round(lean, 4)))
            bottom += height
        return tuple(levels)

    def spine_a(self, reference_a: float) -> float:
        """Where a place of the reference spine lies in this patient's: lordosis in front of -25, kyphosis behind."""
        bend = self.lordosis if reference_a > -25.0 else self.kyphosis
        return round(-25.0 + (reference_a + 25.0) * bend, 3)

    def level(self, name: str) -> Vertebra:
        """The vertebra of this name, e.g. "T7"."""
        return self.spine[VERTEBRAE.index(name)]

    def body_a(self, s: float) -> float:
        """A of the middle of the vertebral bodies at a height."""
        return round(float(np.interp(s, [v.s for v in self.spine], [v.a for v in self.spine])), 3)

    def thin(self, radius: float) -> float:
        """A radius of a thin structure, but never so thin that it falls between voxels."""
        return max(radius, self.floor_mm)

    def moved(self, organ: str, *points: tuple[float, float, float]) -> list[tuple[float, float, float]]:
        """Points of an organ, displaced as this patient's organ is."""
        r, a, s = self.shift[organ]
        return [(round(p[0] + r, 3), round(p[1] + a, 3), round(p[2] + s, 3)) for p in points]

    @cached_property
    def cage(self) -> Loft:
        """The inside of the rib cage (the parietal pleura), continued downwards as the inside of the loins."""
        return Loft(_CAGE, squareness=0.55)

    @cached_property
    def cavity(self) -> Loft:
        """The inside of the abdominal and pelvic wall; visceral fat pushes its front forwards."""
        push = 16.0 * (self.visceral - 1.0)
        widen = 6.0 * (self.visceral - 1.0)
        rows = (
            Section(c.s, c.r, c.half_width + (widen if c.s > -20 else 0), c.back, c.front + push * _belly(c.s))
            for c in _CAVITY
        )
        return Loft(tuple(rows), squareness=0.6)

    @cached_property
    def trunk(self) -> Loft:
        """The outside of the trunk's muscles."""
        push = 16.0 * (self.visceral - 1.0)
        wide = 0.97 if self.female else 1.0
        rows = (
            Section(c.s, c.r, (c.half_width + 6.0 * (self.visceral - 1.0) * _belly(c.s)) * (wide if c.s > 200 else 1.0),
                    c.back, c.front + push * _belly(c.s))
            for c in _TRUNK
        )  # fmt: skip
        return Loft(tuple(rows), squareness=0.62)

    @cached_property
    def skin_trunk(self) -> Loft:
        """The outside of the trunk's subcutaneous fat."""
        heights, factor = (-134, -112, -60, 0, 80, 170, 260, 340, 420), (0.2, 1.0, 1.3, 1.3, 1.15, 0.9, 0.6, 0.5, 0.45)
        rows = []
        for cut in self.trunk.sections:
            fat = self.fat_mm * float(np.interp(cut.s, heights, factor))
            if self.female and -140 <= cut.s <= 20:
                fat *= 1.25
            front = fat * (1.1 if cut.s < 200 else 0.8)
            rows.append(Section(cut.s, 0.0, cut.half_width + fat, cut.back - fat, cut.front + front))
        return Loft(tuple(rows), squareness=0.62)


def make_plan(*, sex: str, rng: np.random.Generator, spacing_mm: float) -> BodyPlan:
    """A patient of this sex, drawn from `rng`; the spacing only keeps thin structures from vanishing."""
    mean, spread = _HEIGHT_CM[sex]
    height = _round(mean + spread * _bell(rng), 1)
    bmi = min(max(_BMI[0] + _BMI[1] * _bell(rng), _BMI_LIMITS[0]), _BMI_LIMITS[1])
    tall, wide = height / 175.0, 0.5 * height / 175.0 + 0.5
    frame = 0.955 if sex == "F" else 1.0
    across = frame * wide * (1.0 + 0.004 * (bmi - 25.0)) * (1.0 + 0.02 * _bell(rng))
    deep = frame * wide * (1.0 + 0.006 * (bmi - 25.0)) * (1.0 + 0.03 * _bell(rng))
    scale = (_round(across), _round(deep), _round(tall * (1.0 + 0.01 * _bell(rng))))
    return BodyPlan(
        sex=sex,
        age_years=int(rng.integers(25, 86)),
        height_cm=height,
        weight_kg=_round(bmi * (height / 100.0) ** 2, 1),
        arms_raised=bool(rng.integers(2)),
        scale=scale,
        fat_mm=_round(max(6.0, 12.0 + (bmi - 24.0) * 1.6 + (5.0 if sex == "F" else 0.0))),
        visceral=_round(min(max(1.0 + (bmi - 25.0) * (0.06 if sex == "F" else 0.085), 0.6), 2.0)),
        lordosis=_round(1.0 + 0.12 * _bell(rng)),
        kyphosis=_round(1.0 + 0.10 * _bell(rng)),
        organ={name: _round(1.0 + _ORGAN_SPREAD * _bell(rng)) for name in _ORGANS},
        shift={name: _shift(rng) for name in _ORGANS},
        wave=tuple(_round(float(v)) for v in rng.uniform(0.0, 2.0 * np.pi, 12)),
        floor_mm=_round(0.88 * spacing_mm / min(scale)),
    )


def _bell(rng: np.random.Generator) -> float:
    """About normal with deviation 1, within 2.2: three uniform numbers, because `normal` calls the C library's exp."""
    return min(max(float(rng.uniform(-1.0, 1.0, 3).sum()), -2.2), 2.2)


def _shift(rng: np.random.Generator) -> tuple[float, float, float]:
    r, a, s = (_round(float(v)) for v in rng.uniform(-1.0, 1.0, 3) * np.array([2.5, 2.0, 5.0]))
    return r, a, s


def _round(value: float, digits: int = 4) -> float:
    return round(float(value), digits)


def _belly(s: float) -> float:
    """How far visceral fat pushes the wall forwards at a height, from 0 to 1."""
    return float(np.interp(s, _BELLY[0], _BELLY[1]))


_BELLY: tuple[Sequence[float], Sequence[float]] = ((-70, -20, 40, 120, 200, 260), (0.0, 0.6, 1.0, 1.0, 0.5, 0.0))
_CAGE = sections(
    (120, 0, 120, -92, 74),
    (160, 0, 124, -95, 76),
    (200, 0, 130, -100, 79),
    (240, 0, 133, -104, 81),
    (280, 0, 132, -107, 80),
    (320, 0, 127, -107, 76),
    (360, 0, 116, -103, 68),
    (400, 0, 99, -96, 56),
    (420, 0, 87, -90, 46),
    (440, 0, 68, -80, 30),
    (455, 0, 46, -64, 8),
    (464, 0, 30, -50, -8),
)
_CAVITY = sections(
    (280, 0, 128, -100, 76),
    (200, 0, 125, -94, 76),
    (130, 0, 119, -80, 76),
    (90, 0, 115, -66, 78),
    (50, 0, 112, -56, 78),
    (10, 0, 106, -52, 76),
    (-25, 0, 92, -62, 70),
    (-60, 0, 66, -72, 64),
    (-95, 0, 56, -70, 46),
    (-125, 0, 44, -62, 34),
    (-142, 0, 30, -50, 20),
)
_TRUNK = sections(
    (-154, 0, 30, -50, 28),
    (-134, 0, 92, -74, 46),
    (-112, 0, 158, -94, 68),
    (-60, 0, 158, -104, 80),
    (0, 0, 143, -102, 88),
    (45, 0, 132, -100, 92),
    (90, 0, 129, -100, 92),
    (150, 0, 138, -108, 92),
    (210, 0, 147, -122, 95),
    (280, 0, 152, -137, 99),
    (330, 0, 156, -141, 99),
    (375, 0, 158, -138, 92),
    (410, 0, 140, -124, 76),
    (435, 0, 100, -112, 56),
    (460, 0, 66, -98, 36),
    (500, 0, 57, -80, 33),
    (545, 0, 57, -72, 30),
    (575, 0, 58, -70, 20),
)
