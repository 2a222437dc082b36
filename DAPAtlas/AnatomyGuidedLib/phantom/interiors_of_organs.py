"""Organs in CT: walls and what they hold, vessels in parenchyma, grey and white matter, septa of fat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.hounsfield import FAT_HU, GAS_HU, WATER_HU
from AnatomyGuidedLib.phantom.interiors import BoolArray, Interior, Room
from AnatomyGuidedLib.phantom.scan import Scan
from AnatomyGuidedLib.phantom.shapes import Field

_LOBES = tuple(label.name for label in structures() if label.name.startswith("Lung"))
_MUSCLES = tuple(label.name for label in structures() if label.group == "Musculature")
_ARTERIES = ("Aorta", "Iliac Artery Left", "Iliac Artery Right", "Celiac Trunk", "Artery Common Carotid Left",
             "Artery Common Carotid Right")  # fmt: skip
_KIDNEYS, _BREASTS = ("Kidney Left", "Kidney Right"), ("Breast Left", "Breast Right")


def organs(body: Body, scan: Scan) -> Iterator[tuple[tuple[str, ...], Interior]]:
    """The interiors of soft tissues, in the order in which they are worked out."""
    age = body.plan.age_years
    yield ("Fat",), _fat
    yield ("Abdominal Tissue",), _mesentery
    yield ("Mediastinal Tissue",), _mesentery
    yield _MUSCLES, lambda room: _muscle(room, 0.05 + 0.0025 * (age - 25))
    yield _BREASTS, lambda room: _breast(room, age)
    yield _LOBES, _lungs
    yield ("Liver",), lambda room: _liver(room, scan, body.plan.visceral)
    yield ("Spleen",), lambda room: room.add(room.noise(9.0) * (18.0 if scan.phase == "arterial" else 3.0))
    for kidney in _KIDNEYS:
        yield (kidney,), lambda room: _kidney(room, scan)
    yield ("Pancreas",), lambda room: _lobulated(room, 0.15 + 0.012 * max(age - 40, 0))
    yield ("Thymus",), lambda room: _involuted(room, age)
    yield ("Brain",), lambda room: _brain(room, age)
    yield ("Spinal Canal",), _cord
    yield ("Prostate", "Uterus", "Uterocervix", "Gonads", "Heart Myocardium"), lambda room: room.add(6 * room.noise(8))
    yield _ARTERIES, lambda room: _artery(room, age)
    yield ("Stomach",), lambda room: _hollow(room, wall_mm=3.5, content=_level(room, 0.22, WATER_HU + 12.0))
    yield ("Duodenum",), lambda room: _hollow(room, wall_mm=2.2, content=15.0 + 10.0 * room.noise(12.0))
    yield ("Small Bowel",), lambda room: _hollow(room, wall_mm=2.2, content=_chyme(room))
    yield ("Colon",), lambda room: _hollow(room, wall_mm=2.6, content=_stool(room))
    yield ("Esophagus",), lambda room: _hollow(room, wall_mm=3.5, content=np.where(room.noise(35.0) > 0.7, GAS_HU, 25))
    yield ("Gallbladder",), lambda room: _hollow(room, wall_mm=1.2, content=room.values, wall_hu=45.0)
    yield ("Bladder",), lambda room: _bladder(room, scan)
    yield ("Trachea", "Bronchus"), lambda room: _hollow(room, wall_mm=1.2, content=GAS_HU, wall_hu=30.0)
    yield ("Nasal Cavity",), lambda room: room.add(1000.0 * room.sheets(11.0, 1.2))


def _fat(room: Room) -> None:
    """Fine septa and the small vessels of the subcutis."""
    room.add(4.0 * room.noise(25.0) + 70.0 * room.threads(18.0, 1.2))


def _mesentery(room: Room) -> None:
    """Fat with vessels and strands: what fills the spaces between organs."""
    room.add(10.0 * room.noise(14.0) + 130.0 * room.threads(16.0, 2.0) + 110.0 * room.threads(9.0, 0.9))


def _muscle(room: Room, fat_share: float) -> None:
    """Sheets of fat part the muscles' bundles; there is more of it in the old."""
    fat = room.sheets(24.0, 1.0) * (0.7 + fat_share) + np.clip(room.noise(6.0) * 0.5 - 0.6, 0, 1) * fat_share * 4
    room.add(np.clip(fat, 0.0, 1.0) * (FAT_HU - 55.0))


def _breast(room: Room, age_years: float) -> None:
    """Islands of gland in fat, fewer in the old."""
    gland = np.clip((room.noise(13.0) - 0.2 - 0.02 * (age_years - 45.0)) * 1.6, 0.0, 1.0)
    room.add(gland * 120.0 * (room.depth_mm > 6.0))


def _lungs(room: Room) -> None:
    """Denser where they hang, with vessels that thicken towards the hilum, and fissures."""
    shape = room.mask.shape
    dependent = np.linspace(70.0, -10.0, shape[1]).reshape(1, -1, 1)
    vessels = 800.0 * room.threads(24.0, 2.6) + 700.0 * room.threads(12.0, 1.2)
    hilum = np.clip(room.depth_mm / 25.0, 0.2, 1.0)
    room.add(dependent + 22.0 * room.noise(18.0) + vessels * hilum)


def _liver(room: Room, scan: Scan, visceral: float) -> None:
    """Vessels brighter than parenchyma after contrast and darker before; fat in the liver goes with fat around it."""
    contrast = {"native": -14.0, "arterial": 25.0, "portal-venous": 45.0, "delayed": 22.0}[scan.phase]
    steatosis = -9.0 * max(visceral - 1.0, 0.0) + 6.0 * float(room.rng.uniform(-1.0, 1.0))
    room.add(
        steatosis
        + 3.0 * room.noise(16.0)
        + contrast * (room.threads(30.0, 3.5) + room.threads(16.0, 1.5)) * (room.depth_mm > 6.0)
    )


def _kidney(room: Room, scan: Scan) -> None:
    """Cortex over medullary pyramids; the collecting system shines late."""
    medulla = (room.depth_mm > 6.0) * np.clip(0.5 + 1.2 * room.noise(11.0), 0.0, 1.0)
    drop = {"native": 0.0, "arterial": -75.0, "portal-venous": -25.0, "delayed": 0.0}[scan.phase]
    pelvis = np.clip((room.depth_mm - 12.0) / 3.0, 0.0, 1.0)
    late = 250.0 if scan.phase == "delayed" else -60.0 if scan.phase != "native" else -15.0
    room.add(drop * medulla + late * pelvis * np.clip(0.4 + room.noise(9.0), 0.0, 1.0))


def _lobulated(room: Room, fat_share: float) -> None:
    room.add(np.clip(room.noise(5.0) * 0.6 - 0.7 + fat_share, 0.0, 1.0) * -110.0)


def _involuted(room: Room, age_years: float) -> None:
    """Gland in the young, fat in the old."""
    gland = min(max((65.0 - age_years) / 45.0, 0.05), 1.0)
    room.put(FAT_HU + (room.values - FAT_HU) * np.clip(gland + 0.2 * room.noise(7.0), 0.0, 1.0))


def _brain(room: Room, age_years: float) -> None:
    """White matter within grey, sulci between gyri, ventricles that widen with age."""
    deep = room.depth_mm
    white = np.clip((deep - 5.0 - 4.0 * room.noise(9.0)) / 3.0, 0.0, 1.0)
    sulci = room.sheets(13.0, 1.3) * np.clip((17.0 - deep) / 6.0, 0.0, 1.0) * (0.5 + 0.008 * (age_years - 25.0))
    room.add(4.0 - 9.0 * white - sulci * 26.0)
    room.values[_ventricles(room, 1.0 + 0.006 * (age_years - 25.0)) & room.mask] = 8.0


def _ventricles(room: Room, size: float) -> BoolArray:
    """Two lateral ventricles: curved ellipsoids beside the midline, above the brain's middle."""
    r, a, s = (room.ras_mm(axis) - middle for axis, middle in enumerate(room.middle_mm()))
    found = np.zeros(room.mask.shape, np.bool_)
    for side in (-1.0, 1.0):
        across = (r - side * (9.0 + 0.0022 * a * a)) / (5.5 * size)
        found |= across**2 + (a / 36.0) ** 2 + ((s - 8.0 + 0.006 * a * a) / (8.0 * size)) ** 2 < 1.0
    return found


def _cord(room: Room) -> None:
    room.put(np.where(room.depth_mm > 3.5, 38.0, 14.0))


def _artery(room: Room, age_years: float) -> None:
    """Calcified plaques in the walls of the old."""
    plaque = (room.noise(6.0) > 3.1 - 0.026 * age_years) & (room.depth_mm < 2.0 + room.spacing_mm / 2)
    room.values[plaque & room.mask] = np.maximum(room.values[plaque & room.mask], 480.0)


def _hollow(room: Room, *, wall_mm: float, content: Field | FloatArray | float, wall_hu: float | None = None) -> None:
    wall = room.values if wall_hu is None else wall_hu
    room.put(content + room.shell(wall_mm) * (wall - content))


def _level(room: Room, gas_share: float, fluid_hu: float) -> FloatArray:
    """Gas in front of fluid, parted by a level: the patient lies on the back."""
    a = np.broadcast_to(room.ras_mm(1), room.mask.shape)
    level = np.quantile(a[room.mask], 1.0 - gas_share * float(room.rng.uniform(0.2, 1.8)))
    return np.where(a > level, GAS_HU, fluid_hu + 8.0 * room.noise(15.0))


def _chyme(room: Room) -> FloatArray:
    gas = (room.noise(18.0) > 1.5) & (room.depth_mm > 4.0)
    return np.where(gas, GAS_HU, 18.0 + 12.0 * room.noise(14.0))


def _stool(room: Room) -> FloatArray:
    """Stretches of stool with bubbles, and stretches of gas."""
    stool = 25.0 + 20.0 * room.noise(10.0) - 420.0 * np.clip(room.noise(4.5) - 0.9, 0.0, 1.0)
    return np.where(room.noise(42.0) + 0.4 * room.noise(16.0) > 0.75, GAS_HU, stool)


def _bladder(room: Room, scan: Scan) -> None:
    """Urine in a wall; excreted contrast lies at the back."""
    a = np.broadcast_to(room.ras_mm(1), room.mask.shape)
    layer = a < np.quantile(a[room.mask], 0.45) if scan.phase == "delayed" else np.zeros(room.mask.shape, np.bool_)
    _hollow(room, wall_mm=3.0, content=np.where(layer, 320.0, WATER_HU + 2.0), wall_hu=38.0)
