"""The made body's CT in HU: tissues and their interiors, lesions, implants, the table, and the scanner."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.hounsfield import hu_table
from AnatomyGuidedLib.phantom.interiors import furnish
from AnatomyGuidedLib.phantom.interiors_of_bones import bones
from AnatomyGuidedLib.phantom.interiors_of_organs import organs
from AnatomyGuidedLib.phantom.lesions import Lesions
from AnatomyGuidedLib.phantom.scan import Scan
from AnatomyGuidedLib.phantom.scanner import acquired
from AnatomyGuidedLib.phantom.shapes import Field


def make_ct(body: Body, lesions: Lesions, scan: Scan | None = None, *, rng: np.random.Generator) -> Field:
    """Whole HU from -1024 to 3071 of every voxel of the body, [i, j, k] along R, A and S."""
    scan = scan or Scan()
    return acquired(furnished(body, lesions, scan, rng), body, scan, rng)


def furnished(body: Body, lesions: Lesions, scan: Scan, rng: np.random.Generator) -> Field:
    """HU of tissues, their interiors and the lesions, before a scanner has seen them."""
    hu = hu_table(scan.phase, rng)[body.labels]
    furnish(hu, body, [*organs(body, scan), *bones(body)], rng)
    own = np.array([0.0, *(lesion.hu for lesion in lesions.each)], dtype=np.float32)
    found = lesions.numbers > 0
    hu[found] = own[lesions.numbers[found]]
    cores = np.array([0.0, *(lesion.core_hu for lesion in lesions.each)], dtype=np.float32)
    hu[lesions.necrotic] = cores[lesions.numbers[lesions.necrotic]]
    return hu
