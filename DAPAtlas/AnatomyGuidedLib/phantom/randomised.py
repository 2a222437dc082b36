"""Domain randomisation for training: the same anatomy with contrasts that no scanner ever makes.

As in the synthetic training of brain models (SynthSeg: Billot et al. 2023, doi 10.1016/j.media.2023.102789), each
structure gets a mean and a deviation of its own at random, then blur, bias, noise and a coarser resolution. A network
trained on this cannot lean on what one scanner's HU are.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import labels, structures
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.ct import furnished
from AnatomyGuidedLib.phantom.hounsfield import AIR_HU
from AnatomyGuidedLib.phantom.lesions import Lesions
from AnatomyGuidedLib.phantom.scan import draw_scan
from AnatomyGuidedLib.phantom.scanner import within_range
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.texture import smooth_noise

_SHIFT_HU, _WILD_HU = 120.0, (-200.0, 500.0)
_GROUPED = 0.5  # of the shift is shared by a group, so that bones stay alike
_BIAS_HU, _NOISE_HU = 40.0, (3.0, 60.0)
_BLUR_MM, _COARSER = (0.3, 3.0), (1.0, 2.5)
_GAMMA = 0.25


def make_randomised_ct(body: Body, lesions: Lesions, *, strength: float = 1.0, rng: np.random.Generator) -> Field:
    """HU-like values from -1024 to 3071: at strength 0 a plain scan, at 1 contrasts drawn almost freely.

    Raises:
        AnatomyGuidedError: The strength is not within 0 to 1.
    """
    if not 0.0 <= strength <= 1.0:
        raise AnatomyGuidedError(f"The strength of randomisation must be 0 to 1, but is {strength:g}.")
    hu = furnished(body, lesions, draw_scan(body.plan, rng), rng)
    hu += (_shifts(strength, rng))[body.labels]
    hu += np.float32(strength * _BIAS_HU) * smooth_noise(hu.shape, body.spacing_mm, 180.0, rng) * (body.labels > 0)
    hu = _bent_contrast(hu, strength, rng)
    hu = _coarsened(hu, body.spacing_mm, strength, rng)
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    hu += noise * np.float32(_between(_NOISE_HU, strength * rng.random()))
    return within_range(hu)


def _shifts(strength: float, rng: np.random.Generator) -> Field:
    """By DAP id what is added: a part by group, a part by structure, and for some structures a value from anywhere."""
    groups = sorted({label.group for label in structures()})
    of_group = dict(zip(groups, rng.normal(0.0, 1.0, len(groups)), strict=True))
    table = np.zeros(256, np.float32)
    for label in labels():
        own, wild, place = rng.normal(), rng.random(), rng.uniform(*_WILD_HU)
        mixed = _GROUPED * of_group.get(label.group, 0.0) + (1 - _GROUPED) * own
        table[label.id] = strength * (place if wild < 0.15 * strength else _SHIFT_HU * mixed)
    table[0] = 0.0
    return table


def _bent_contrast(hu: Field, strength: float, rng: np.random.Generator) -> Field:
    """Values between air and dense bone, bent by a power: darker or lighter in the middle."""
    power = float(np.exp(strength * _GAMMA * rng.normal()))
    range_hu = 2500.0
    bent = np.clip((hu - AIR_HU) / range_hu, 0.0, None) ** np.float32(power) * range_hu + AIR_HU
    return np.asarray(bent, dtype=np.float32)


def _coarsened(hu: Field, spacing_mm: float, strength: float, rng: np.random.Generator) -> Field:
    """Blur, and voxels along one axis that are joined as in thick slices."""
    sigma = [_between(_BLUR_MM, strength * rng.random()) / spacing_mm for _ in range(3)]
    hu = ndimage.gaussian_filter(hu, sigma, truncate=3.0)
    axis, factor = int(rng.integers(3)), _between(_COARSER, strength * rng.random())
    thick = np.arange(hu.shape[axis]) // factor * factor + (factor - 1) / 2
    places = np.clip(np.rint(thick).astype(np.intp), 0, hu.shape[axis] - 1)
    return np.asarray(np.take(ndimage.uniform_filter1d(hu, max(1, round(factor)), axis=axis), places, axis=axis))


def _between(ends: tuple[float, float], part: float) -> float:
    return ends[0] + part * (ends[1] - ends[0])
