"""The made body's PET in SUV: physiological uptake, lesions, the scanner's blur and noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.phantom import tissue
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.lesions import Lesions
from AnatomyGuidedLib.phantom.shapes import Field

_BLUR_MM = 6.0  # full width at half maximum of a clinical scanner
_SIGMA_PER_FWHM = 1.0 / 2.3548


def make_pet(body: Body, lesions: Lesions, *, rng: np.random.Generator) -> Field:
    """SUV of every voxel of the body, [i, j, k] along R, A and S; never negative."""
    suv = tissue.suv_table()[body.labels]
    hot = np.array([0.0, *(lesion.suv for lesion in lesions.each)], dtype=np.float32)[lesions.numbers]
    suv = np.where(lesions.numbers > 0, hot, suv)
    suv = ndimage.gaussian_filter(suv, _BLUR_MM * _SIGMA_PER_FWHM / body.spacing_mm)
    noise = rng.normal(0.0, 1.0, suv.shape).astype(np.float32)
    return np.asarray(np.clip(suv + 0.08 * np.sqrt(np.maximum(suv, 0.0)) * noise, 0.0, None), dtype=np.float32)
