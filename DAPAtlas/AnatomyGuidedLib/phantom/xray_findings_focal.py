"""Findings at one place: nodule, mass, consolidation, calcification, large heart, broken rib.

A mass is wider than 30 mm, a nodule is not (Fleischner Society glossary, doi 10.1148/radiol.2462070712).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.phantom.lesion_shapes import draw_form
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.texture import smooth_noise
from AnatomyGuidedLib.phantom.xray_change import Change, any_lobe, middle_in, ramp
from AnatomyGuidedLib.phantom.xray_chest import HEART, Chest
from AnatomyGuidedLib.phantom.xray_heart import fit_heart
from AnatomyGuidedLib.phantom.xray_projection import Box, Mask

_NODULE_MM, _MASS_MM, _TUMOUR_HU = (8.0, 28.0), (34.0, 70.0), (25.0, 60.0)
_CONSOLIDATED_MM, _CONSOLIDATED_HU, _PATCHY = (45.0, 95.0), (5.0, 35.0), 0.45
_GRANULOMA_MM, _CALCIUM_HU = (4.0, 9.0), (500.0, 1100.0)
_PLAQUE_SHARE, _ARCH_MM = 0.25, 30.0
_LARGE_RATIO = (0.56, 0.66)
_RIBS = tuple(f"Costa {number} {side}" for number in range(4, 11) for side in ("Left", "Right"))
_STEP_MM, _GAP_MM, _MUSCLE_HU = (6.0, 11.0), (3.5, 7.0), 50.0
_FRACTURE_REACH_MM, _FADES_MM = 32.0, 14.0


def nodule(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A ball in a lobe, a little uneven."""
    return [_tumour(chest, "Nodule", float(rng.uniform(*_NODULE_MM)), lobed=False, rng=rng)]


def mass(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A lobed lump in a lobe."""
    return [_tumour(chest, "Mass", float(rng.uniform(*_MASS_MM)), lobed=bool(rng.random() < 0.7), rng=rng)]


def _tumour(chest: Chest, category: str, diameter_mm: float, *, lobed: bool, rng: np.random.Generator) -> Change:
    lobe = any_lobe(chest, rng)
    middle = middle_in(chest, lobe, diameter_mm / 2, rng)
    box = chest.box_around(middle, diameter_mm)
    form = draw_form(diameter_mm, lobed=lobed, rng=rng)
    share = ramp(form.distance(chest.offsets_mm(box, middle)), max(2.5, chest.spacing_mm))
    share *= chest.mask([name for lung in chest.lungs if lobe in lung for name in lung], box)
    chest.blend(box, share, float(rng.uniform(*_TUMOUR_HU)))
    return Change(category, lobe, box, _where(share), visible_mm=min(3.0, diameter_mm / 3))


def consolidation(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """Filled alveoli in part of a lobe: patchy, with soft edges but sharp at the fissure; bronchi keep their air."""
    lobe = any_lobe(chest, rng)
    size = float(rng.uniform(*_CONSOLIDATED_MM))
    middle = middle_in(chest, lobe, size / 4, rng)
    box = chest.box_around(middle, 0.8 * size)
    radii = size / 2 * rng.uniform(0.8, 1.25, 3)
    away = _scaled_distance(chest, box, middle, radii)
    away += np.float32(_PATCHY / 2) * smooth_noise(away.shape, chest.spacing_mm, 18.0, rng)
    share = np.clip((1.25 - away) / 0.5, 0.0, 1.0) * chest.mask([lobe], box)
    share *= np.clip(0.85 + 0.12 * smooth_noise(away.shape, chest.spacing_mm, 7.0, rng), 0.5, 1.0)
    chest.blend(box, share.astype(np.float32), float(rng.uniform(*_CONSOLIDATED_HU)))
    return [Change("Consolidation", lobe, box, np.asarray(share > 0.4), visible_mm=6.0)]


def calcification(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A granuloma in a lobe, or plaque in the wall of the aortic arch."""
    if "Aorta" in chest.boxes and rng.random() < _PLAQUE_SHARE:
        return [_plaque(chest, rng)]
    lobe = any_lobe(chest, rng)
    middle = middle_in(chest, lobe, 12.0, rng)
    diameter = float(rng.uniform(*_GRANULOMA_MM))
    box = chest.box_around(middle, diameter + chest.spacing_mm)
    share = _ball_share(chest, box, middle, diameter)
    chest.blend(box, share, float(rng.uniform(*_CALCIUM_HU)))
    return [Change("Calcification", lobe, box, share > 0.3 * share.max(), visible_mm=1.0)]


def _plaque(chest: Chest, rng: np.random.Generator) -> Change:
    i, j, k = chest.boxes["Aorta"]
    box = (i, j, slice(max(k.start, k.stop - round(_ARCH_MM / chest.spacing_mm)), k.stop))
    aorta = np.pad(chest.mask(["Aorta"], box), ((1, 1), (1, 1), (0, 1)))
    wall = (aorta & ~ndimage.binary_erosion(aorta))[1:-1, 1:-1, :-1]
    noise = smooth_noise(wall.shape, chest.spacing_mm, 16.0, rng)
    places = wall & (noise > np.quantile(noise[wall], 0.6))
    thickness = min(1.0, 2.0 / chest.spacing_mm)
    chest.blend(box, places.astype(np.float32) * np.float32(thickness), float(rng.uniform(*_CALCIUM_HU)))
    return Change("Calcification", "Aorta", box, places)


def cardiomegaly(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """The heart is much wider than half the thorax; the instance is the whole heart."""
    if len(chest.lungs) < 2:  # there is no thorax's width to be half of
        return []
    box = fit_heart(chest, float(rng.uniform(*_LARGE_RATIO)), rests=True)
    return [Change("Cardiomegaly", "Heart", box, chest.mask(HEART, box), visible_mm=8.0)]


def fracture(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A gap in one rib, and its farther part a step lower."""
    present = [name for name in _RIBS if name in chest.boxes]
    if not present:
        return []
    rib = present[int(rng.integers(len(present)))]
    middle, along = _break(chest, rib, float(rng.uniform(0.2, 0.5)))
    box = chest.box_around(middle, _FRACTURE_REACH_MM)
    r, a, s = np.ix_(*chest.offsets_mm(box, middle))
    from_break = r * along[0] + a * along[1] + s * along[2]
    away = np.sqrt(r * r + a * a + s * s)
    bone = chest.mask([rib], box)
    extra = np.where(bone, chest.hu[box] - np.float32(_MUSCLE_HU), 0).astype(np.float32)
    moved = _lowered(extra, float(rng.uniform(*_STEP_MM)) / chest.spacing_mm * np.exp(-away / _FADES_MM))
    gap = float(rng.uniform(*_GAP_MM))
    chest.hu[box] -= extra
    chest.hu[box] += np.where(from_break > gap / 2, moved, np.where(from_break < -gap / 2, extra, 0))
    near = ndimage.binary_dilation(bone, iterations=max(1, round(4.0 / chest.spacing_mm))) & (away < 13.0)
    return [Change("Fracture", rib, box, near)]


def _break(chest: Chest, rib: str, share: float) -> tuple[FloatArray, FloatArray]:
    """A place on a rib, so far from its rear to its front end, and the rib's direction there (forwards)."""
    box = chest.boxes[rib]
    voxels = np.argwhere(chest.mask([rib], box)) + np.array([side.start for side in box])
    around = np.arctan2(np.abs(voxels[:, 0] - chest.labels.shape[0] / 2), voxels[:, 1].mean() - voxels[:, 1])
    turn = np.quantile(around, share)
    nearest = voxels[np.argsort(np.abs(around - turn))[: max(4, len(voxels) // 20)]]
    middle = nearest.mean(axis=0)
    close = voxels[((voxels - middle) ** 2).sum(axis=1) < (20.0 / chest.spacing_mm) ** 2]
    _, _, axes = np.linalg.svd(close - close.mean(axis=0), full_matrices=False)
    return middle, axes[0] * (1.0 if axes[0][1] >= 0 else -1.0)


def _lowered(values: Field, steps: FloatArray) -> Field:
    """Values moved down along S by so many voxels, place by place."""
    i, j, k = np.indices(values.shape, dtype=np.float32)
    return np.asarray(ndimage.map_coordinates(values, (i, j, k + steps), order=1), dtype=np.float32)


def _scaled_distance(chest: Chest, box: Box, middle: FloatArray, radii: FloatArray) -> Field:
    """Distance from the middle in radii."""
    r, a, s = np.ix_(*(offset / np.float32(radius) for offset, radius in
                       zip(chest.offsets_mm(box, middle), radii, strict=True)))  # fmt: skip
    return np.asarray(np.sqrt(r * r + a * a + s * s), dtype=np.float32)


def _ball_share(chest: Chest, box: Box, middle: FloatArray, diameter_mm: float) -> Field:
    """Which part of each voxel a small ball fills; its volume is right on coarse grids too."""
    r, a, s = np.ix_(*chest.offsets_mm(box, middle))
    share = ramp(np.sqrt(r * r + a * a + s * s) - np.float32(max(diameter_mm, chest.spacing_mm) / 2), chest.spacing_mm)
    volume = np.pi / 6 * diameter_mm**3 / chest.spacing_mm**3
    return np.asarray(np.minimum(share * np.float32(volume / max(float(share.sum()), 1e-6)), 1.0))


def _where(share: Field) -> Mask:
    """The voxels that the finding fills half as much as its fullest."""
    return np.asarray(share > 0.5 * share.max(initial=0.0))
