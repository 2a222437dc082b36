"""The simple patient's anatomy: ellipsoids and tubes in RAS mm, painted coarse to fine.

Origin: the middle of the fifth lumbar vertebra's front; R, A, S in mm. A trunk with head of a person
of about 1.75 m, cut at mid-thigh. Sizes are those of a textbook adult, varied by a few percent a patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.grid import FloatArray

Point = tuple[float, float, float]
Mask = npt.NDArray[np.bool_]

_LUMBAR = ("L5", "L4", "L3", "L2", "L1")
_THORACIC = tuple(f"T{number}" for number in range(12, 0, -1))
_CERVICAL = tuple(f"C{number}" for number in range(7, 0, -1))
_VERTEBRA_HEIGHT_MM = {"L": 36.0, "T": 25.0, "C": 16.0}


@dataclass(frozen=True)
class Ellipsoid:
    """A solid by centre and half axes in RAS mm; power 2 is an ellipsoid, larger ones are boxier."""

    name: str
    center: Point
    radii: Point
    power: float = 2.0


@dataclass(frozen=True)
class Tube:
    """A solid around a polyline, of one radius."""

    name: str
    points: tuple[Point, ...]
    radius: float


Shape = Ellipsoid | Tube


def body_shapes() -> tuple[Shape, ...]:
    """What makes the outline: trunk, neck, head, thighs; arms lie above the head, out of the field of view."""
    return (
        Ellipsoid("Fat", (0, 0, 150), (170, 115, 330), 4.0),
        Ellipsoid("Fat", (85, 0, -160), (82, 90, 160), 3.0),
        Ellipsoid("Fat", (-85, 0, -160), (82, 90, 160), 3.0),
        Ellipsoid("Fat", (0, -10, 500), (62, 62, 90), 3.0),
        Ellipsoid("Fat", (0, 10, 620), (78, 96, 105), 2.2),
    )


def shapes(sex: str, scale: float) -> Iterator[Shape]:
    """Every structure, coarse to fine: a later one covers an earlier one. `scale` varies the organs' size."""
    yield from _walls()
    yield from _skeleton()
    yield from _head()
    yield from _chest(scale)
    yield from _abdomen(scale)
    yield from _pelvis(sex, scale)
    yield from _vessels()


def inside(shape: Shape, points: FloatArray) -> Mask:
    """Which points, [..., 3] in RAS mm, lie in the shape."""
    if isinstance(shape, Ellipsoid):
        scaled = np.abs((points - np.array(shape.center)) / np.array(shape.radii))
        return np.asarray((scaled**shape.power).sum(axis=-1) <= 1.0)
    segments = zip(shape.points[:-1], shape.points[1:], strict=True)
    near = [_near_segment(points, np.array(a), np.array(b), shape.radius) for a, b in segments]
    return np.asarray(np.logical_or.reduce(near))


def bounds(shape: Shape) -> tuple[FloatArray, FloatArray]:
    """The lowest and highest corner of a box around the shape, RAS mm."""
    if isinstance(shape, Ellipsoid):
        return np.subtract(shape.center, shape.radii), np.add(shape.center, shape.radii)
    points = np.array(shape.points)
    return points.min(axis=0) - shape.radius, points.max(axis=0) + shape.radius


def _near_segment(points: FloatArray, start: FloatArray, end: FloatArray, radius: float) -> Mask:
    along = end - start
    position = np.clip((points - start) @ along / (along @ along), 0.0, 1.0)
    nearest = start + position[..., None] * along
    return np.asarray(((points - nearest) ** 2).sum(axis=-1) <= radius * radius)


def _walls() -> Iterator[Shape]:
    yield Ellipsoid("Muscles", (0, 0, 150), (152, 98, 335), 4.0)
    yield Ellipsoid("Abdominal Tissue", (0, 12, 90), (132, 76, 150), 3.0)
    yield Ellipsoid("Fat", (0, 12, 80), (122, 66, 138), 3.0)
    yield Ellipsoid("Mediastinal Tissue", (0, 5, 330), (60, 70, 110), 3.0)
    yield Ellipsoid("Muscles", (0, -15, 500), (48, 48, 90), 3.0)
    for side, sign in (("Right", 1), ("Left", -1)):
        yield Ellipsoid("Muscles", (sign * 85, 0, -170), (66, 70, 170), 3.0)
        yield Ellipsoid(f"Gluteus Maximus {side}", (sign * 75, -68, -70), (52, 28, 70))
        yield Ellipsoid(f"Gluteus Medius {side}", (sign * 112, -32, -15), (22, 38, 50))
        yield Ellipsoid(f"Iliopsoas {side}", (sign * 45, -5, 30), (20, 20, 110))
        yield Ellipsoid(f"Autochthon {side}", (sign * 32, -75, 200), (28, 20, 260), 3.0)


def _skeleton() -> Iterator[Shape]:
    for name, height, center in _spine():
        width = 22.0 if name[0] == "L" else 16.0
        yield Ellipsoid(f"Vertebra {name}", (0, center[1], center[2]), (width, 16, height / 2 - 1.5), 4.0)
        yield Ellipsoid(f"Vertebra {name}", (0, center[1] - 38, center[2] - 4), (4, 16, height / 2 - 4), 3.0)
    for rib, (_, _, center) in enumerate(list(_spine())[5:17], start=1):
        for side, sign in (("Right", 1.0), ("Left", -1.0)):
            yield Tube(f"Costa {rib} {side}", _rib(rib, sign, center[2]), 5.0)
    yield Ellipsoid("Sternum Corpus", (0, 88, 330), (16, 7, 55), 3.0)
    yield Ellipsoid("Sternum Manubrium", (0, 82, 410), (24, 8, 24), 3.0)
    for side, sign in (("Right", 1), ("Left", -1)):
        yield Tube(f"Clavicula {side}", ((sign * 22, 78, 425), (sign * 80, 55, 442), (sign * 135, 10, 445)), 7)
        yield Ellipsoid(f"Scapula {side}", (sign * 100, -78, 380), (34, 7, 60), 3.0)
        yield Ellipsoid(f"Hip {side}", (sign * 92, -20, -5), (14, 45, 60), 2.5)
        yield Ellipsoid(f"Hip {side}", (sign * 60, 10, -85), (30, 25, 32), 2.5)
        yield Tube(f"Femur {side}", ((sign * 92, -5, -80), (sign * 118, -5, -105), (sign * 95, 0, -330)), 17)
    yield Ellipsoid("Sacrum", (0, -62, -40), (46, 22, 50), 2.5)


def _spine() -> Iterator[tuple[str, float, Point]]:
    bottom = 0.0
    for name in (*_LUMBAR, *_THORACIC, *_CERVICAL):
        height = _VERTEBRA_HEIGHT_MM[name[0]]
        middle = bottom + height / 2
        yield name, height, (0.0, -32.0 - 12.0 * float(np.sin(middle / 300.0)), middle)
        bottom += height


def _rib(rib: int, sign: float, height: float) -> tuple[Point, ...]:
    """From the vertebra round the chest, falling to the front; `rib` counts from the lowest (DAP's Costa 1)."""
    reach = (0.45, 0.6, 0.8)[rib - 1] if rib <= 3 else 0.93
    narrow = 1.0 - 0.05 * max(rib - 9, 0) ** 1.5
    turns = np.linspace(0.05, reach, 12) * np.pi
    return tuple(
        (
            sign * float(12 + 128 * narrow * np.sin(turn)),
            float(-48 + 66 * (1 - np.cos(turn)) * narrow),
            float(height + 6 - 42 * turn / np.pi),
        )
        for turn in turns
    )


def _head() -> Iterator[Shape]:
    yield Ellipsoid("Skull", (0, 8, 640), (70, 86, 82), 2.2)
    yield Ellipsoid("Brain", (0, 8, 642), (63, 79, 74), 2.2)
    yield Ellipsoid("Nasal Cavity", (0, 78, 595), (12, 20, 22))
    for side, sign in (("Right", 1), ("Left", -1)):
        yield Ellipsoid(f"Eyeball {side}", (sign * 32, 82, 615), (12, 12, 12))
        yield Ellipsoid(f"Cheek {side}", (sign * 42, 62, 575), (16, 18, 18))
        yield Ellipsoid(f"Thyroid {side}", (sign * 16, 8, 462), (9, 9, 20))
    yield Tube("Spinal Canal", tuple((0.0, center[1] - 21, center[2]) for _, _, center in _spine()), 7.5)


def _chest(scale: float) -> Iterator[Shape]:
    yield Ellipsoid("Lung Lower Lobe Right", (78, -18, 300), (48, 62, 95), 2.5)
    yield Ellipsoid("Lung Lower Lobe Left", (-80, -18, 300), (46, 62, 95), 2.5)
    yield Ellipsoid("Lung Middle Lobe Right", (76, 45, 300), (40, 36, 40), 2.5)
    yield Ellipsoid("Lung Upper Lobe Right", (70, 15, 385), (48, 62, 50), 2.5)
    yield Ellipsoid("Lung Upper Lobe Left", (-74, 25, 370), (44, 62, 68), 2.5)
    yield Ellipsoid("Heart Tissue", (-18, 32, 295), (54, 42, 48))
    yield Ellipsoid("Heart Myocardium", (-34, 38, 285), (32 * scale, 30, 34))
    yield Ellipsoid("Heart Ventricle Left", (-38, 36, 285), (19, 18, 22))
    yield Ellipsoid("Heart Ventricle Right", (4, 50, 285), (22, 18, 24))
    yield Ellipsoid("Heart Atrium Left", (-14, 2, 312), (22, 14, 18))
    yield Ellipsoid("Heart Atrium Right", (26, 28, 308), (16, 18, 22))
    yield Tube("Trachea", ((0, 15, 500), (0, 0, 390)), 9)
    yield Tube("Bronchus", ((0, 0, 390), (38, -5, 350)), 6)
    yield Tube("Bronchus", ((0, 0, 390), (-38, -5, 350)), 6)
    yield Tube("Esophagus", ((0, -8, 490), (-4, -14, 390), (-10, -8, 240), (-20, 5, 205)), 7)


def _abdomen(scale: float) -> Iterator[Shape]:
    yield Ellipsoid("Liver", (66, 14, 195), (62 * scale, 60, 56))
    yield Ellipsoid("Liver", (8, 38, 205), (60, 34, 32))
    yield Ellipsoid("Stomach", (-58, 30, 185), (36, 32, 42))
    yield Ellipsoid("Spleen", (-104, -26, 190), (20 * scale, 32, 46))
    yield Ellipsoid("Pancreas", (-20, 14, 142), (54, 11, 12))
    yield Ellipsoid("Duodenum", (40, 12, 118), (14, 14, 30))
    yield Ellipsoid("Gallbladder", (60, 58, 148), (13, 13, 24))
    for side, sign, height in (("Right", 1, 118), ("Left", -1, 130)):
        yield Ellipsoid(f"Kidney {side}", (sign * 66, -34, height), (25 * scale, 24, 52))
        yield Ellipsoid(f"Adrenal Gland {side}", (sign * 48, -26, height + 56), (6, 9, 11))
    colon = (
        (88, 25, -20),
        (92, 30, 110),
        (40, 62, 125),
        (-50, 62, 130),
        (-98, 20, 130),
        (-98, 15, -10),
        (-30, -20, -60),
    )
    yield Tube("Colon", tuple((float(r), float(a), float(s)) for r, a, s in colon), 17)
    for row, height in enumerate((85, 50, 15)):
        turn = 14 * (-1) ** row
        yield Tube("Small Bowel", ((-60, 45, height), (0, 40 + turn, height - 12), (60, 45, height + 6)), 13)


def _pelvis(sex: str, scale: float) -> Iterator[Shape]:
    yield Ellipsoid("Bladder", (0, 30, -75), (36 * scale, 30, 28))
    if sex == "M":
        yield Ellipsoid("Prostate", (0, 22, -116), (22, 18, 16))
        yield Ellipsoid("Gonads", (18, 62, -190), (14, 16, 20))
        yield Ellipsoid("Gonads", (-18, 62, -190), (14, 16, 20))
        return
    yield Ellipsoid("Uterus", (0, -6, -50), (24, 20, 28))
    yield Ellipsoid("Uterocervix", (0, -12, -88), (14, 14, 16))
    yield Ellipsoid("Gonads", (44, 2, -52), (13, 10, 14))
    yield Ellipsoid("Gonads", (-44, 2, -52), (13, 10, 14))
    yield Ellipsoid("Breast Right", (78, 104, 320), (52, 22, 52))
    yield Ellipsoid("Breast Left", (-78, 104, 320), (52, 22, 52))


def _vessels() -> Iterator[Shape]:
    aorta = ((-10, 20, 330), (0, 22, 385), (-14, -12, 395), (-18, -14, 330), (-12, -10, 200), (-8, -6, 20))
    yield Tube("Aorta", tuple((float(r), float(a), float(s)) for r, a, s in aorta), 11)
    yield Tube("Inferior Vena Cava", ((16, -6, 15), (18, -6, 160), (24, 10, 290)), 11)
    yield Tube("Portal Vein and Splenic Vein", ((-90, -18, 178), (-10, 8, 160), (45, 14, 190)), 6)
    yield Tube("Pulmonary Artery", ((0, 36, 330), (-6, 10, 358), (-40, 0, 355)), 10)
    for side, sign in (("Right", 1), ("Left", -1)):
        yield Tube(f"Iliac Artery {side}", ((-8, -6, 20), (sign * 38, -2, -40), (sign * 62, 38, -110)), 5)
        yield Tube(f"Iliac Vena {side}", ((16, -6, 15), (sign * 44, -12, -45), (sign * 70, 32, -115)), 6)
