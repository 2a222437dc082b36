"""The made body's CT in HU: tissues, lesions, the scanner's blur and noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.phantom import tissue
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.lesions import Lesions
from AnatomyGuidedLib.phantom.shapes import Field

_NOISE_HU = 12.0


def make_ct(body: Body, lesions: Lesions, *, rng: np.random.Generator) -> Field:
    """Whole HU from -1024 to 3071 of every voxel of the body, [i, j, k] along R, A and S."""
    hu = tissue.hu_table()[body.labels]
    own = np.array([0.0, *(lesion.hu for lesion in lesions.each)], dtype=np.float32)[lesions.numbers]
    hu = ndimage.gaussian_filter(np.where(lesions.numbers > 0, own, hu), 0.5)
    hu += rng.normal(0.0, _NOISE_HU, hu.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(hu), -1024, 3071), dtype=np.float32)
