"""What structures measure in CT without contrast, and what contrast adds in each phase.

Native values: soft tissues, blood, water and fat as Prokop et al. tabulate them (Spiral and Multislice Computed
Tomography of the Body, 2003): liver 45-65, spleen 35-55, kidney 20-40, blood 45-65, grey matter 37-45, white matter
20-30, fat -50 to -100, lung -850 to -910 in inspiration. Contrast adds in the aorta 300, spleen 100, liver 20 and
portal vein 90 in the arterial phase and 120, 78 and 61 in aorta, spleen and liver in the portal-venous one: Goshima
et al., AJR 2006;187:W25-W32 (171 patients). Values of other organs follow from their blood supply and are rounded.
"""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.labels import labels
from AnatomyGuidedLib.phantom.scan import PHASES, Phase
from AnatomyGuidedLib.phantom.shapes import Field

AIR_HU, FAT_HU, WATER_HU, GAS_HU = -1000.0, -100.0, 5.0, -960.0

# native, and what the arterial, the portal-venous and the delayed phase add
_Row = tuple[float, float, float, float]
_BLOOD: _Row = (45.0, 280.0, 120.0, 70.0)
_VEIN: _Row = (45.0, 30.0, 115.0, 75.0)
_MUSCLE: _Row = (55.0, 4.0, 12.0, 15.0)
_BOWEL: _Row = (35.0, 45.0, 55.0, 35.0)
_BY_GROUP: dict[str, _Row] = {
    "Musculature": _MUSCLE,
    "Cardiovascular": _BLOOD,
    "Respiratory": (-860.0, 10.0, 10.0, 8.0),
    "Vertebras": (190.0, 5.0, 12.0, 10.0),
    "Ribs": (300.0, 5.0, 10.0, 10.0),
    "Bones": (300.0, 3.0, 8.0, 8.0),
}
_BY_NAME: dict[str, _Row] = {
    "Unknown Tissue": (75.0, 0.0, 2.0, 4.0),
    "Fat": (FAT_HU, 0.0, 1.0, 1.0),
    "Abdominal Tissue": (-92.0, 2.0, 6.0, 5.0),
    "Mediastinal Tissue": (-85.0, 4.0, 8.0, 6.0),
    "Skin": (30.0, 5.0, 20.0, 20.0),
    "Liver": (56.0, 20.0, 61.0, 40.0),
    "Spleen": (47.0, 100.0, 78.0, 45.0),
    "Kidney Left": (32.0, 110.0, 160.0, 110.0),
    "Kidney Right": (32.0, 110.0, 160.0, 110.0),
    "Pancreas": (42.0, 65.0, 55.0, 35.0),
    "Adrenal Gland Left": (28.0, 35.0, 45.0, 25.0),
    "Adrenal Gland Right": (28.0, 35.0, 45.0, 25.0),
    "Bladder": (WATER_HU, 0.0, 0.0, 160.0),
    "Gallbladder": (10.0, 0.0, 0.0, 0.0),
    "Stomach": _BOWEL,
    "Duodenum": _BOWEL,
    "Small Bowel": _BOWEL,
    "Colon": (35.0, 25.0, 40.0, 30.0),
    "Esophagus": (35.0, 15.0, 30.0, 25.0),
    "Brain": (34.0, 2.0, 4.0, 4.0),
    "Eyeball Left": (8.0, 0.0, 0.0, 0.0),
    "Eyeball Right": (8.0, 0.0, 0.0, 0.0),
    "Spinal Canal": (28.0, 0.0, 2.0, 2.0),
    "Thyroid Left": (95.0, 70.0, 65.0, 40.0),
    "Thyroid Right": (95.0, 70.0, 65.0, 40.0),
    "Thymus": (35.0, 5.0, 20.0, 18.0),
    "Trachea": (GAS_HU, 0.0, 0.0, 0.0),
    "Bronchus": (GAS_HU, 0.0, 0.0, 0.0),
    "Nasal Cavity": (GAS_HU, 0.0, 0.0, 0.0),
    "Pulmonary Artery": (45.0, 200.0, 115.0, 70.0),
    "Heart Ventricle Right": (45.0, 170.0, 115.0, 70.0),
    "Heart Atrium Right": (45.0, 150.0, 115.0, 70.0),
    "Heart Ventricle Left": _BLOOD,
    "Heart Atrium Left": _BLOOD,
    "Heart Myocardium": (48.0, 60.0, 62.0, 45.0),
    "Heart": (48.0, 60.0, 62.0, 45.0),
    "Heart Tissue": (-55.0, 10.0, 15.0, 12.0),
    "Inferior Vena Cava": (45.0, 15.0, 95.0, 75.0),
    "Portal Vein and Splenic Vein": (45.0, 90.0, 130.0, 80.0),
    "Internal Jugular Vein Left": _VEIN,
    "Internal Jugular Vein Right": _VEIN,
    "Vein Brachiocephalic Left": _VEIN,
    "Vein Brachiocephalic Right": _VEIN,
    "Iliac Vena Left": (45.0, 5.0, 80.0, 75.0),
    "Iliac Vena Right": (45.0, 5.0, 80.0, 75.0),
    "Prostate": (40.0, 15.0, 40.0, 35.0),
    "Uterus": (45.0, 40.0, 65.0, 55.0),
    "Uterocervix": (45.0, 25.0, 50.0, 45.0),
    "Gonads": (30.0, 8.0, 18.0, 16.0),
    "Breast Left": (-85.0, 2.0, 6.0, 6.0),
    "Breast Right": (-85.0, 2.0, 6.0, 6.0),
    "Rib Cartilage": (100.0, 0.0, 3.0, 3.0),
}
_OTHER: _Row = (42.0, 15.0, 35.0, 30.0)
_SPREAD_HU = 4.0
_SPREAD_OF_CONTRAST = 0.12


def hu_table(phase: Phase, rng: np.random.Generator) -> Field:
    """HU by DAP id in this patient (256 values; air at 0): each structure a little off, contrast more or less."""
    rows = np.array([_BY_NAME.get(label.name, _BY_GROUP.get(label.group, _OTHER)) for label in labels()])
    native = rows[:, 0] + _SPREAD_HU * rng.uniform(-1.0, 1.0, len(rows))
    added = rows[:, PHASES.index(phase)] if phase != "native" else np.zeros(len(rows))
    strength = 1.0 + _SPREAD_OF_CONTRAST * rng.uniform(-1.0, 1.0) + 0.06 * rng.uniform(-1.0, 1.0, len(rows))
    table = np.full(256, AIR_HU, dtype=np.float32)
    table[[label.id for label in labels()]] = native + added * strength
    table[0] = AIR_HU
    return table
