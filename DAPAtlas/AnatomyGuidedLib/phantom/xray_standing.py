"""The patient stands up for the film: no table, arms held away, gas rises, the heart hangs, vessels show."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom.hounsfield import AIR_HU, FAT_HU, GAS_HU
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.xray_chest import LOBES, Chest
from AnatomyGuidedLib.phantom.xray_heart import fit_heart
from AnatomyGuidedLib.phantom.xray_projection import SOFT_TISSUE_HU
from AnatomyGuidedLib.phantom.xray_vessels import put_vessels

_GAS_ML, _MOST_GAS = (15.0, 70.0), 0.35
_STOMACH_WALL_MM, _CONTENTS_HU = 3.5, 25.0
_NORMAL_RATIO = (0.42, 0.48)  # 0.45 on average, 0.53 is large (Danzer 1919, Am J Med Sci 157:513-521)
_BETWEEN_LUNGS_MM = 11.0
_LUNG_SPREAD_HU = np.float32(40.0)
_THIN_BONES = tuple(label.name for label in structures() if label.name.startswith(("Costa", "Clavicula", "Scapula")))
_CORTEX_GAIN = np.float32(2.6)
# Where arms begin, in the reference adult's mm: the armpit and the shoulder's top, (|R|, S), and the cuts' slopes.
_ARMPIT, _ARM_SLOPE = (150.0, 392.0), -0.9
_SHOULDER_TOP, _SHOULDER_SLOPE = (105.0, 482.0), -0.5
_FLANK_MARGIN_MM = 5.0


def stand_up(chest: Chest, rng: np.random.Generator) -> None:
    """Nothing; the thorax is as it is filmed."""
    chest.hu[chest.labels == 0] = AIR_HU
    _take_arms_away(chest)
    _let_gas_rise(chest, rng)
    _part_lungs(chest)
    _calm_lungs(chest)
    _harden_bones(chest)
    ratio = float(rng.uniform(*_NORMAL_RATIO))
    if len(chest.lungs) == 2:
        fit_heart(chest, ratio)
    for lung in chest.lungs:
        put_vessels(chest, lung, np.random.default_rng(int(rng.integers(2**63))))


def _take_arms_away(chest: Chest) -> None:
    kept = _kept(chest)[:, None, :]
    chest.hu[...] += (1 - kept) * (np.float32(AIR_HU) - chest.hu)
    chest.labels[np.broadcast_to(kept < 0.5, chest.labels.shape)] = 0


def _kept(chest: Chest) -> Field:
    """Which part of each row along A stays, [i, k]: not what hangs below the armpit or rises above the shoulder.

    What is left of a hanging arm looks like one that is held away and leaves the film.
    """
    (scale_r, _, scale_s), (lungs, _, _) = chest.plan.scale, chest.box_of(LOBES)
    r = (np.arange(chest.labels.shape[0]) - (lungs.start + lungs.stop - 1) / 2) * chest.spacing_mm
    across = (np.abs(r) / scale_r)[:, None]
    s = (chest.lattice.origin[2] + chest.spacing_mm * np.arange(chest.labels.shape[2])) / scale_s
    flank = across - chest.plan.skin_trunk.at(s)[1] - _FLANK_MARGIN_MM
    below = np.minimum(flank, _ARMPIT[1] + _ARM_SLOPE * (across - _ARMPIT[0]) - s)
    rises = s - _SHOULDER_TOP[1] - _SHOULDER_SLOPE * (across - _SHOULDER_TOP[0])
    above = np.minimum(across - _SHOULDER_TOP[0], rises)
    return np.asarray(np.clip(0.5 - np.maximum(below, above) / chest.spacing_mm, 0.0, 1.0), dtype=np.float32)


def _let_gas_rise(chest: Chest, rng: np.random.Generator) -> None:
    """The stomach's gas lies under the diaphragm, no longer in front."""
    gas_ml = float(rng.uniform(*_GAS_ML))
    if "Stomach" not in chest.boxes:
        return
    box = chest.boxes["Stomach"]
    stomach = chest.mask(["Stomach"], box)
    inside = ndimage.binary_erosion(stomach, iterations=max(1, round(_STOMACH_WALL_MM / chest.spacing_mm)))
    heights = np.sort(np.nonzero(inside)[2])
    if heights.size:
        count = min(round(gas_ml * 1000.0 / chest.spacing_mm**3), int(_MOST_GAS * heights.size))
        level = heights[heights.size - max(count, 1)]
        gas = np.arange(stomach.shape[2]) >= level
        chest.hu[box][inside] = np.where(gas, GAS_HU, _CONTENTS_HU)[np.nonzero(inside)[2]]


def _part_lungs(chest: Chest) -> None:
    """In front of the spine there is mediastinum, from the apices to the lowest recesses."""
    aside = np.abs(np.arange(chest.labels.shape[0])[:, None] - chest.spine_at_slices) * chest.spacing_mm
    between = chest.mask(LOBES) & (aside < _BETWEEN_LUNGS_MM)[:, None, :]
    chest.labels[between], chest.hu[between] = id_of("Mediastinal Tissue"), FAT_HU


def _calm_lungs(chest: Chest) -> None:
    """Parenchyma alone: the film draws vessels as trees of its own, and all its findings are named."""
    for name in {*LOBES} & chest.boxes.keys():
        hu, lobe = chest.hu[chest.boxes[name]], chest.mask([name], chest.boxes[name])
        middle = np.float32(np.median(hu[lobe]))
        hu[lobe] = middle + np.clip(hu[lobe] - middle, -_LUNG_SPREAD_HU, _LUNG_SPREAD_HU)


def _harden_bones(chest: Chest) -> None:
    """Thin bones get the cortex that a film shows; the CT's voxels blur it away."""
    thin = chest.mask(_THIN_BONES)
    hu = chest.hu[thin]
    chest.hu[thin] = hu + (_CORTEX_GAIN - 1) * np.maximum(hu - np.float32(SOFT_TISSUE_HU), 0)
