"""Where uptake is uneven within structures, and findings that no structure has: tonsils, ureters, brown fat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.interiors import BoolArray, Interior, Room, each, furnish
from AnatomyGuidedLib.phantom.shapes import Ellipsoid, Field, Shape, tube
from AnatomyGuidedLib.phantom.uptake import Uptake

_SIDES = (-1.0, 1.0)
_SOFT = ("Fat", "Muscles", "Unknown Tissue", "Mediastinal Tissue", "Abdominal Tissue", "Iliopsoas Left",
         "Iliopsoas Right", "Autochthon Left", "Autochthon Right")  # fmt: skip
_MUSCLES = tuple(label.name for label in structures() if label.group == "Musculature")
# From the kidney, L4 and twice the bladder: R away from the midline, A, S.
_URETER_MM = np.array([(-24.0, 8.0, -22.0), (36.0, 30.0, 0.0), (40.0, -14.0, 40.0), (20.0, -24.0, 2.0)])


@dataclass(frozen=True)
class _Spot:
    """A finding: a solid in mm along R, A and S, and the SUV within it."""

    shape: Shape
    suv: float


def put_interiors(suv: Field, body: Body, uptake: Uptake, rng: np.random.Generator) -> None:
    """Nothing; structures that are uneven inside have their uptake's pattern, in place."""
    furnish(suv, body, _interiors(uptake, rng), rng)


def _interiors(uptake: Uptake, rng: np.random.Generator) -> Iterator[tuple[tuple[str, ...], Interior]]:
    warm_side = float(rng.choice(_SIDES))
    yield ("Brain",), lambda room: _brain(room, uptake)
    yield ("Heart Myocardium",), lambda room: _myocardium(room, uptake)
    yield from each(("Kidney Left", "Kidney Right"), lambda room: _kidney(room, uptake))
    yield ("Stomach",), lambda room: room.put(room.values * _wall(room, 7.0, 0.5) * np.exp(0.2 * room.noise(25.0)))
    yield ("Colon",), lambda room: _bowel(room, uptake.bowel_peak, 45.0)
    yield ("Small Bowel",), lambda room: _bowel(room, 0.7 * uptake.bowel_peak, 30.0)
    yield ("Uterus",), lambda room: _endometrium(room, uptake)
    if uptake.ovary:
        yield ("Gonads",), lambda room: _ovary(room, uptake, warm_side)
    yield _MUSCLES, lambda room: room.put(room.values * np.exp(0.15 * room.noise(28.0)))


def _brain(room: Room, uptake: Uptake) -> None:
    """A rim of cortex and the deep grey around the brain's middle are hot; white matter and ventricles are not."""
    r, a, s = (room.ras_mm(axis) - middle for axis, middle in enumerate(room.middle_mm()))
    white = np.clip((room.depth_mm - 11.0 - 5.0 * room.noise(13.0)) / 5.0, 0.0, 1.0)
    deep = np.zeros(room.mask.shape)
    hollow = np.zeros(room.mask.shape)
    for side in _SIDES:
        basal = ((r - side * 19.0) / 9.0) ** 2 + ((a - 6.0) / 24.0) ** 2 + ((s - 3.0) / 13.0) ** 2
        space = ((r - side * 7.0) / 6.0) ** 2 + (a / 30.0) ** 2 + ((s - 17.0) / 7.0) ** 2
        deep = np.maximum(deep, np.clip(1.6 - basal, 0.0, 1.0))
        hollow = np.maximum(hollow, np.clip(1.5 - space, 0.0, 1.0))
    grey = np.maximum(1.0 - white, deep) * (1.0 - hollow)
    cerebellum = np.where((s < -30.0) & (a < 0.0), 0.85, 1.0)
    room.put((uptake.white * (1.0 - 0.7 * hollow) + (uptake.grey - uptake.white) * grey) * cerebellum)


def _myocardium(room: Room, uptake: Uptake) -> None:
    """Even where the heart burns glucose, patchy where it has begun to burn fat."""
    spread = {"suppressed": 0.1, "patchy": 0.55, "even": 0.12}[uptake.heart]
    room.put(np.clip(room.values * np.exp(spread * room.noise(32.0)), 0.9, 18.0))


def _kidney(room: Room, uptake: Uptake) -> None:
    """Urine in the calyces and the pelvis shines through the cortex."""
    urine = np.clip((room.depth_mm - 9.0) / 6.0, 0.0, 1.0) * np.clip(0.45 + 0.9 * room.noise(12.0), 0.0, 1.0)
    room.put(room.values + (uptake.renal_pelvis - room.values) * urine)


def _wall(room: Room, thickness_mm: float, content: float) -> Field:
    """1 in the wall, `content` inside it."""
    inside = np.clip((room.depth_mm - thickness_mm) / 3.0, 0.0, 1.0)
    return np.asarray(1.0 - (1.0 - content) * inside, dtype=np.float32)


def _bowel(room: Room, peak: float, length_mm: float) -> None:
    """Loops differ along the bowel's course; what lies within the wall holds less."""
    warm = np.clip(0.9 * room.noise(length_mm) + (0.4 if peak > 5.0 else -0.3), 0.0, 1.6)
    room.put((room.values + np.maximum(peak - room.values, 0.0) * warm) * _wall(room, 6.0, 0.55))


def _endometrium(room: Room, uptake: Uptake) -> None:
    core = np.clip((room.depth_mm - 10.0) / 4.0, 0.0, 1.0)
    room.put(room.values + np.maximum(uptake.endometrium - room.values, 0.0) * core)


def _ovary(room: Room, uptake: Uptake, side: float) -> None:
    """One ovary of a woman in mid-cycle."""
    across = room.ras_mm(0) - room.middle_mm()[0]
    room.put(np.where(across * side > 0, uptake.ovary, room.values))


def put_findings(suv: Field, body: Body, uptake: Uptake, rng: np.random.Generator) -> None:
    """Nothing; what has no label of its own is put into the soft tissue where it lies, in place."""
    middles = _middles(body)
    soft = np.zeros(256, dtype=np.bool_)
    soft[[id_of(name) for name in _SOFT]] = True
    for spots in (_throat(middles, uptake), _ureters(middles, uptake, rng), _brown_fat(middles, uptake, rng)):
        for spot in spots:
            _put(suv, body, spot, soft)


def _middles(body: Body) -> dict[str, FloatArray]:
    """Where the landmarks' middles lie, in mm along R, A and S; those that the body lacks are left out."""
    wanted = [f"Vertebra {level}" for level in ("C2", "C3", "C5", "C6", "T1", *(f"T{n}" for n in range(2, 10)), "L4")]
    wanted += ["Kidney Left", "Kidney Right", "Bladder"]
    boxes = ndimage.find_objects(body.labels, 255)
    found = {}
    for name in wanted:
        box = boxes[id_of(name) - 1]
        if box is not None:
            voxels = np.argwhere(body.labels[box] == id_of(name)).mean(axis=0) + [side.start for side in box]
            found[name] = body.grid.affine[:3, 3] + body.spacing_mm * voxels
    return found


def _throat(middles: dict[str, FloatArray], uptake: Uptake) -> Iterator[_Spot]:
    """Tonsils, the glands below the tongue, and the vocal cords of those who talked."""
    rows = (
        ("Vertebra C2", (17.0, 36.0, -6.0), (6.0, 7.0, 11.0), uptake.tonsils),
        ("Vertebra C3", (9.0, 66.0, -2.0), (6.0, 11.0, 5.0), uptake.sublingual),
        ("Vertebra C6", (5.0, 38.0, 4.0), (3.5, 9.0, 4.0), uptake.vocal_cords),
    )
    for landmark, offset, radii, value in rows:
        if landmark in middles and value:
            for side in _SIDES:
                yield _Spot(_oval(middles[landmark], offset, side, radii), value)


def _ureters(middles: dict[str, FloatArray], uptake: Uptake, rng: np.random.Generator) -> Iterator[_Spot]:
    """Stretches of urine on its way from the kidney before the psoas to the bladder."""
    for side, name in zip(_SIDES, ("Kidney Left", "Kidney Right"), strict=True):
        if not uptake.ureter or not {name, "Vertebra L4", "Bladder"} <= set(middles):
            continue
        kidney, spine, bladder = middles[name], middles["Vertebra L4"], middles["Bladder"]
        across = np.sign(kidney[0] - spine[0]) or side
        starts = np.stack([kidney, spine, bladder, bladder])
        course = starts + _URETER_MM * np.array([across, 1.0, 1.0])
        for _ in range(int(rng.integers(1, 4))):
            yield _Spot(_stretch(course, rng), uptake.ureter * float(rng.uniform(0.5, 1.0)))


def _stretch(course: FloatArray, rng: np.random.Generator) -> Shape:
    """A piece of the course, 8 to 35 mm long."""
    along = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(course, axis=0) ** 2).sum(axis=1)))])
    length = float(rng.uniform(8.0, 35.0))
    start = float(rng.uniform(0.0, along[-1] - length))
    places = np.linspace(start, start + length, 5)
    points = np.column_stack([np.interp(places, along, column) for column in course.T])
    return tube([(float(r), float(a), float(s)) for r, a, s in points], 2.6)


def _brown_fat(middles: dict[str, FloatArray], uptake: Uptake, rng: np.random.Generator) -> Iterator[_Spot]:
    """The same on both sides: above the collar bones, and beside the vertebrae of the chest."""
    if not uptake.brown_fat:
        return
    if "Vertebra T1" in middles:
        for across in np.arange(34.0, 100.0, 8.0):
            lift = 20.0 - 0.3 * float(across)
            offset = (float(across), float(rng.uniform(4.0, 28.0)), lift + float(rng.uniform(-12.0, 12.0)))
            size = float(rng.uniform(4.0, 9.0))
            value = uptake.brown_fat * float(rng.uniform(0.3, 1.0))
            yield from _both(middles["Vertebra T1"], offset, (size, size, size), value)
    for level in range(2, 10):
        if f"Vertebra T{level}" in middles:
            offset = (24.0, float(rng.uniform(-2.0, 4.0)), 0.0)
            value = uptake.brown_fat * float(rng.uniform(0.2, 0.6))
            yield from _both(middles[f"Vertebra T{level}"], offset, (5.0, 6.0, 6.0), value)


def _both(
    landmark: FloatArray, offset: tuple[float, float, float], radii: tuple[float, float, float], value: float
) -> Iterator[_Spot]:
    for side in _SIDES:
        yield _Spot(_oval(landmark, offset, side, radii), value)


def _oval(
    landmark: FloatArray, offset: tuple[float, float, float], side: float, radii: tuple[float, float, float]
) -> Ellipsoid:
    r, a, s = (landmark + np.array([side * offset[0], offset[1], offset[2]])).tolist()
    return Ellipsoid((r, a, s), radii)


def _put(suv: Field, body: Body, spot: _Spot, soft: BoolArray) -> None:
    low, high = spot.shape.bounds()
    corner, spacing = body.grid.affine[:3, 3], body.spacing_mm
    first = np.maximum(np.floor((low - corner) / spacing).astype(int) - 1, 0)
    last = np.minimum(np.ceil((high - corner) / spacing).astype(int) + 2, body.labels.shape)
    if (last <= first).any():
        return
    box = tuple(slice(int(f), int(n)) for f, n in zip(first, last, strict=True))
    r, a, s = ((corner[n] + spacing * np.arange(first[n], last[n])).astype(np.float32) for n in range(3))
    share = np.clip(0.5 - spot.shape.distance((r, a, s)) / np.float32(spacing), 0.0, 1.0) * soft[body.labels[box]]
    suv[box] += share * np.maximum(np.float32(spot.suv) - suv[box], 0)
