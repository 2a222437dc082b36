"""Findings of the pleural space: fluid, air, thickening."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.xray_change import Change, any_lung, host_of, ramp
from AnatomyGuidedLib.phantom.xray_chest import Chest
from AnatomyGuidedLib.phantom.xray_projection import Mask

_FLUID_ML, _MOST_FLUID, _FLUID_HU = (150.0, 800.0), 0.35, (5.0, 20.0)
_MENISCUS_MM, _MENISCUS_WIDTH_MM = (40.0, 70.0), 24.0
_SURFACE_MM = 12.0  # a breath long, and seen aslant
_RIM_MM, _RIM_BELOW = (12.0, 38.0), 0.25
_PLEURA_MM, _PLEURA_HU, _AIR_HU = 1.6, 10.0, -1000.0
_DENSEST_LUNG = 1.6
_RIND_WIDTH_MM = 45.0
_THICK_MM, _CAP_MM, _RIND_LENGTH_MM, _RIND_HU = (6.0, 13.0), (25.0, 40.0), (80.0, 150.0), (30.0, 60.0)


def effusion(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """Fluid in the recess of one lung; its surface rises along the ribs (a meniscus), since the patient stands."""
    lung = any_lung(chest, rng)
    box = chest.box_of(lung)
    inside = chest.mask(lung, box)
    _, _, s = chest.offsets_mm(box, np.zeros(3))
    rise = float(rng.uniform(*_MENISCUS_MM)) * np.exp(-chest.from_wall_mm(lung, box) / _MENISCUS_WIDTH_MM)
    height = s.reshape(1, 1, -1) - rise
    share = min(float(rng.uniform(*_FLUID_ML)) * 1000.0 / chest.spacing_mm**3 / inside.sum(), _MOST_FLUID)
    level = float(np.quantile(height[inside], share))
    fluid = ramp(height - level, max(_SURFACE_MM, chest.spacing_mm)) * inside
    chest.blend(box, fluid, float(rng.uniform(*_FLUID_HU)))
    where = fluid > 0.5
    return [Change("Effusion", host_of(chest, lung, box, where), box, where, visible_mm=25.0)]


def pneumothorax(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """Air beside and above one lung, most at the apex: no vessels in it, and the pleura as a line at its border."""
    lung = any_lung(chest, rng)
    box = chest.box_of(lung)
    inside = chest.mask(lung, box)
    up = np.clip((np.arange(inside.shape[2]) / inside.shape[2] - 0.15) / 0.75, 0.0, 1.0).reshape(1, 1, -1)
    rim = float(rng.uniform(*_RIM_MM)) * (_RIM_BELOW + (1.0 - _RIM_BELOW) * up**1.5)
    from_pleura = _from_outline_mm(chest, lung, inside) - rim.astype(np.float32)
    air = ramp(from_pleura, chest.spacing_mm) * inside
    squeezed = min(float(inside.sum() / max(float((inside - air).sum()), 1.0)), _DENSEST_LUNG)
    tissue = chest.hu[box] + np.float32(1000.0)
    denser = np.where(chest.hu[box] < -500.0, tissue * np.float32(squeezed) - np.float32(1000.0), chest.hu[box])
    chest.blend(box, inside.astype(np.float32), denser.astype(np.float32))
    chest.blend(box, air, _AIR_HU)
    line = ramp(np.abs(from_pleura) - max(_PLEURA_MM, chest.spacing_mm) / 2, chest.spacing_mm) * inside
    chest.blend(box, line * np.float32(min(1.0, _PLEURA_MM / chest.spacing_mm)), _PLEURA_HU)
    where = air > 0.5
    return [Change("Pneumothorax", host_of(chest, lung, box, where), box, where, visible_mm=4.0)]


def pleural_thickening(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A rind inside the ribs: a cap on the apex, or a stretch of one side."""
    lung = any_lung(chest, rng)
    box = chest.box_of(lung)
    inside = chest.mask(lung, box)
    thick = float(rng.uniform(*_THICK_MM))
    s = (np.arange(inside.shape[2]) * chest.spacing_mm).reshape(1, 1, -1)
    if rng.random() < 0.4:
        fades = np.clip((s - s.max() + float(rng.uniform(*_CAP_MM))) / 15.0, 0.0, 1.0)
        thick *= 1.4
    else:
        length = float(rng.uniform(*_RIND_LENGTH_MM))
        middle = float(rng.uniform(0.25, 0.55)) * float(s.max())
        fades = np.clip((length / 2 - np.abs(s - middle)) / 20.0, 0.0, 1.0)
    depth = chest.from_wall_mm(lung, box) - (thick * fades).astype(np.float32)
    rind = ramp(depth, max(2.0, chest.spacing_mm)) * inside * (fades > 0)
    rind *= _from_outline_mm(chest, lung, inside) < _RIND_WIDTH_MM
    chest.blend(box, rind.astype(np.float32), float(rng.uniform(*_RIND_HU)))
    where = rind > 0.5
    return [Change("Pleural Thickening", host_of(chest, lung, box, where), box, where, visible_mm=30.0)]


def _from_outline_mm(chest: Chest, lung: tuple[str, ...], inside: Mask) -> Field:
    """How far each row along A lies from the lung's lateral and upper outline on a frontal view, [i, 1, k]."""
    right = chest.box_of(lung)[0].stop - 1 > chest.spine_i + inside.shape[0] / 2
    seen = np.asarray(inside.any(axis=1))
    seen = seen[::-1] if right else seen
    covered = np.maximum.accumulate(np.maximum.accumulate(seen, axis=0)[:, ::-1], axis=1)[:, ::-1]
    wide = np.pad(np.pad(covered, ((1, 0), (0, 1))), ((0, 200), (200, 0)), mode="edge")
    distance = np.asarray(ndimage.distance_transform_edt(wide))[1 : 1 + seen.shape[0], 200:-1]
    values = ((distance - 0.5) * chest.spacing_mm).astype(np.float32)
    return np.asarray((values[::-1] if right else values)[:, None, :])
