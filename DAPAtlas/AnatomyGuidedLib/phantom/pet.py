"""The made body's PET in SUV: physiological uptake, lesions, the scanner's blur and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.lesions import Lesions
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.texture import smooth_noise
from AnatomyGuidedLib.phantom.uptake import draw_uptake
from AnatomyGuidedLib.phantom.uptake_places import put_findings, put_interiors

_FWHM_MM = (4.5, 7.0)
_SIGMA_PER_FWHM = 1.0 / 2.3548
_UNEVEN, _UNEVEN_MM = 0.09, 22.0
_NOISE_OF_LIVER, _NOISE_SPREAD = 0.09, 0.2  # EANM asks for 15 % at most (doi 10.1007/s00259-014-2961-x)
_NOISE_BY_WEIGHT, _USUAL_KG = 0.8, 75.0
_GRAIN_OF_FWHM = 0.75  # reconstruction correlates noise over a little less than its resolution
_DARK_SUV = 0.03


@dataclass(frozen=True)
class PetScan:
    """How one patient's PET was taken: resolution, and noise as a part of the liver's SUV."""

    fwhm_mm: float
    noise: float


def make_pet(body: Body, lesions: Lesions, *, rng: np.random.Generator) -> Field:
    """SUV (float32) of every voxel of the body, [i, j, k] along R, A and S; never negative."""
    uptake = draw_uptake(body.plan, rng)
    scan = draw_scan(body.plan.weight_kg, rng)
    suv = uptake.table[body.labels]
    put_interiors(suv, body, uptake, rng)
    put_findings(suv, body, uptake, rng)
    suv = with_lesions(suv, lesions, body.spacing_mm)
    suv *= _unevenness(body, rng)
    suv = blurred(suv, scan.fwhm_mm, body.spacing_mm)
    return noisy(suv, scan, uptake.liver, body.spacing_mm, rng)


def draw_scan(weight_kg: float, rng: np.random.Generator) -> PetScan:
    """A scan whose noise grows with the patient."""
    noise = _NOISE_OF_LIVER * (weight_kg / _USUAL_KG) ** _NOISE_BY_WEIGHT
    return PetScan(float(rng.uniform(*_FWHM_MM)), noise * math.exp(_NOISE_SPREAD * float(rng.standard_normal())))


def with_lesions(suv: Field, lesions: Lesions, spacing_mm: float) -> Field:
    """The same uptake with the lesions': a lesion that fills its voxels in part adds that part only."""
    mixed = suv.copy()
    boxes = ndimage.find_objects(lesions.numbers)
    for lesion in lesions.each:
        box = boxes[lesion.number - 1]
        voxels = lesions.numbers[box] == lesion.number
        share = np.float32(lesion.volume_ml * 1000.0 / (float(voxels.sum()) * spacing_mm**3))
        own = np.where(lesions.necrotic[box], np.float32(lesion.core_suv), np.float32(lesion.suv))
        part = mixed[box]
        part[voxels] += share * (own - part)[voxels]
    return np.maximum(mixed, 0, out=mixed)


def blurred(suv: Field, fwhm_mm: float, spacing_mm: float) -> Field:
    """What a scanner of this resolution sees; the body goes on beyond the first and the last slice."""
    return np.asarray(
        ndimage.gaussian_filter(suv, fwhm_mm * _SIGMA_PER_FWHM / spacing_mm, mode="nearest", truncate=3.0)
    )


def _unevenness(body: Body, rng: np.random.Generator) -> Field:
    """Factors around 1 by which uptake differs from place to place in every tissue."""
    factors = smooth_noise(body.labels.shape, body.spacing_mm, _UNEVEN_MM, rng)
    factors *= np.float32(_UNEVEN)
    return np.exp(factors, out=factors)


def noisy(suv: Field, scan: PetScan, liver: float, spacing_mm: float, rng: np.random.Generator) -> Field:
    """The image with noise that goes with the root of the local uptake, in grains of the reconstruction's size."""
    sigma = _GRAIN_OF_FWHM * scan.fwhm_mm * _SIGMA_PER_FWHM / spacing_mm
    noise = rng.standard_normal(suv.shape, dtype=np.float32)
    ndimage.gaussian_filter(noise, sigma, output=noise, truncate=3.0)
    noise *= np.float32(scan.noise * math.sqrt(liver) / _kept_deviation(sigma))
    noise *= np.sqrt(np.maximum(suv, np.float32(_DARK_SUV)))
    noise += suv
    return np.maximum(noise, 0, out=noise)


def _kept_deviation(sigma: float) -> float:
    """The deviation that white noise of deviation 1 has after the blur."""
    impulse = np.zeros(2 * math.ceil(3.0 * sigma) + 3)
    impulse[len(impulse) // 2] = 1.0
    kernel = ndimage.gaussian_filter1d(impulse, sigma, truncate=3.0)
    return float((kernel**2).sum() ** 1.5)
