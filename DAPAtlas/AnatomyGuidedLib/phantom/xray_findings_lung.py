"""Findings of whole lobes and lungs: atelectasis, emphysema, fibrosis, nodules without number."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.texture import sheets, smooth_noise
from AnatomyGuidedLib.phantom.xray_change import Change, any_lobe, host_of, ramp
from AnatomyGuidedLib.phantom.xray_chest import LOBES, Chest
from AnatomyGuidedLib.phantom.xray_projection import Box, Mask

_COLLAPSED_SHARE, _COLLAPSED_HU, _RISE_MM = (0.22, 0.4), (15.0, 45.0), (8.0, 22.0)
_EMPTY_SHARE, _VESSELS_KEPT_HU = (0.12, 0.3), -700.0
_RETICULE_MM, _SEPTUM_MM, _FIBROSIS_REACH_MM, _FIBROSIS_HEIGHT = 13.0, 2.4, (30.0, 50.0), (0.45, 0.65)
_NODULES, _NODULE_MM, _NODULE_HU = (70, 150), (4.0, 9.0), 30.0


def atelectasis(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A lobe that has collapsed into a wedge beside the mediastinum; the diaphragm below has risen."""
    lobe = any_lobe(chest, rng)
    box = chest.boxes[lobe]
    inside = chest.mask([lobe], box)
    medial = _from_mediastinum_mm(chest, box)
    _, _, s = chest.offsets_mm(box, np.array([side.start for side in box], dtype=np.float64))
    height = s - s[0] if "Lower" in lobe else s[-1] - s if "Upper" in lobe else np.abs(s - s.mean())
    depth = medial + np.float32(0.55) * height.reshape(1, 1, -1)
    depth += 4.0 * smooth_noise(inside.shape, chest.spacing_mm, 25.0, rng)
    border = float(np.quantile(depth[inside], float(rng.uniform(*_COLLAPSED_SHARE))))
    share = ramp(depth - np.float32(border), max(4.0, chest.spacing_mm)) * inside
    chest.blend(box, share, float(rng.uniform(*_COLLAPSED_HU)))
    _raise_diaphragm(chest, next(lung for lung in chest.lungs if lobe in lung), float(rng.uniform(*_RISE_MM)))
    return [Change("Atelectasis", lobe, box, (share > 0.5) & chest.mask([lobe], box), visible_mm=6.0)]


def emphysema(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """Lungs with little tissue and thin vessels, in patches that are nearly air; one instance a lung."""
    left = float(rng.uniform(*_EMPTY_SHARE))
    changes = []
    for lung in chest.lungs:
        box = chest.box_of(lung)
        inside = chest.mask(lung, box)
        kept = np.clip(left + 0.2 * smooth_noise(inside.shape, chest.spacing_mm, 20.0, rng), 0.05, 1.0)
        tissue = chest.hu[box] + np.float32(1000.0)
        kept = np.where(chest.hu[box] > _VESSELS_KEPT_HU, (1 + kept) / 2, kept)
        chest.blend(box, inside.astype(np.float32), (tissue * kept - np.float32(1000.0)).astype(np.float32))
        changes.append(Change("Emphysema", host_of(chest, lung, box, inside), box, inside, visible_mm=25.0))
    return changes


def fibrosis(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """A net of thick septa under the pleura of the lungs' bases; one instance a lung."""
    reach, share_of_height = float(rng.uniform(*_FIBROSIS_REACH_MM)), float(rng.uniform(*_FIBROSIS_HEIGHT))
    changes = []
    for lung in chest.lungs:
        box = chest.box_of(lung)
        inside = chest.mask(lung, box)
        s = np.arange(inside.shape[2]) / inside.shape[2]
        weight = np.clip(1.3 - chest.from_wall_mm(lung, box) / reach, 0.0, 1.0)
        weight *= np.clip((share_of_height - s) / 0.25, 0.0, 1.0) * inside
        net = sheets(inside.shape, chest.spacing_mm, _RETICULE_MM, _SEPTUM_MM, rng)
        chest.blend(box, (weight * np.minimum(0.1 + 0.9 * net, 1.0)).astype(np.float32), 20.0)
        where = weight > 0.35
        changes.append(Change("Fibrosis", host_of(chest, lung, box, where), box, where, visible_mm=8.0))
    return changes


def diffuse_nodules(chest: Chest, rng: np.random.Generator) -> list[Change]:
    """Many small nodules all over both lungs; one instance a lung."""
    changes = []
    for lung in chest.lungs:
        box = chest.box_of(lung)
        inside = chest.mask(lung, box)
        share = _many_balls(chest, inside, rng)
        chest.blend(box, share, _NODULE_HU)
        where = share > 0.25
        changes.append(Change("Diffuse Nodule", host_of(chest, lung, box, where), box, where, 0.5, 12.0))
    return changes


def _many_balls(chest: Chest, inside: Mask, rng: np.random.Generator) -> Field:
    voxels = np.argwhere(inside)
    middles = voxels[rng.integers(len(voxels), size=int(rng.integers(*_NODULES)))] + rng.uniform(-0.5, 0.5, 3)
    share = np.zeros(inside.shape, dtype=np.float32)
    for middle in middles:
        radius = float(rng.uniform(*_NODULE_MM)) / 2 / chest.spacing_mm
        seen = max(radius, 0.6)
        low = np.maximum(np.floor(middle - seen - 1).astype(int), 0)
        high = np.minimum(np.ceil(middle + seen + 1).astype(int) + 1, inside.shape)
        places = np.ix_(*(np.arange(b, h) - m for b, h, m in zip(low, high, middle, strict=True)))
        away = np.sqrt(sum(place**2 for place in places))
        own = np.clip(seen - away + 0.5, 0.0, 1.0) * (radius / seen) ** 3
        part = share[tuple(slice(b, h) for b, h in zip(low, high, strict=True))]
        np.maximum(part, own.astype(np.float32), out=part)
    return share * inside


def _from_mediastinum_mm(chest: Chest, box: Box) -> Field:
    """How far each voxel lies aside of the first lung that its row has beside the spine."""
    aside = (np.arange(box[0].start, box[0].stop) - chest.spine_i) * chest.spacing_mm
    sign = np.sign(aside[len(aside) // 2])
    across = (sign * aside).astype(np.float32).reshape(-1, 1, 1)
    first = np.where(chest.mask(LOBES, box), across, np.float32(1e3)).min(axis=0, keepdims=True)
    return np.asarray(across - np.where(first < 999.0, first, 0.0), dtype=np.float32)


def _raise_diaphragm(chest: Chest, lung: tuple[str, ...], rise_mm: float) -> None:
    """Nothing; under this lung the dome stands higher, while the recess around it stays."""
    box = chest.box_of(lung)
    inside = chest.mask(lung, box)
    lowest = np.where(inside.any(axis=2), inside.argmax(axis=2), 0)
    i, j = np.nonzero(inside.any(axis=2))
    heights = lowest[i, j]
    low, high = np.quantile(heights, [0.25, 0.98])
    rises = np.rint(rise_mm / chest.spacing_mm * np.clip((heights - low) / max(high - low, 1.0), 0, 1)).astype(int)
    below = heights + box[2].start - 1
    labels, hu = chest.labels[box[0], box[1]], chest.hu[box[0], box[1]]
    for step in range(int(rises.max(initial=0))):
        rising = (rises > step) & (below >= 0)
        a, b, c = i[rising], j[rising], below[rising]
        up = np.minimum(c + step + 1, labels.shape[2] - 1)
        labels[a, b, up], hu[a, b, up] = labels[a, b, c], hu[a, b, c]
