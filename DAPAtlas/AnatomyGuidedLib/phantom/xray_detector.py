"""What a digital detector and its display make of line integrals: scatter, noise, blur, and a film's grey values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.xray_projection import Mask

_PHOTONS = 200000.0  # a pixel of 0.8 mm in the open beam
_SCATTER_SHARE, _SCATTER_MM = 0.35, 45.0  # what a grid lets through
_BLUR_MM = 0.35
_BASE_MM, _BASE_SHARE = 38.0, 0.45
_DETAIL_MM, _DETAIL_GAIN = 10.0, 1.2
_IN_BODY = 0.25
_TOE, _SHOULDER = 3.0, 99.5
_SLOPE = 3.6
_GAMMA = 1.25


def exposed(integrals: Field, pixel_mm: float, rng: np.random.Generator) -> Field:
    """What the detector measures, as line integrals again: with scatter, quantum noise and blur."""
    primary = np.exp(-integrals)
    scatter = ndimage.gaussian_filter(primary, _SCATTER_MM / pixel_mm, mode="nearest", truncate=2.5)
    photons = rng.poisson(_PHOTONS * (primary + np.float32(_SCATTER_SHARE) * scatter * _inside(integrals, pixel_mm)))
    seen = ndimage.gaussian_filter(photons.astype(np.float32), _BLUR_MM / pixel_mm, truncate=3.0)
    return np.asarray(-np.log(np.maximum(seen, 1.0) / np.float32(_PHOTONS)), dtype=np.float32)


def displayed(measured: Field, field: Mask, pixel_mm: float) -> npt.NDArray[np.uint8]:
    """The film: dense is light. Broad differences are evened out, small ones raised, and the histogram sets the window.

    Args:
        measured: What the detector measured.
        field: Where the beam was open; the rest is black.
        pixel_mm: The edge of a pixel.
    """
    broad = ndimage.gaussian_filter(measured, _BASE_MM / pixel_mm, mode="nearest", truncate=2.5)
    detail = measured - ndimage.gaussian_filter(measured, _DETAIL_MM / pixel_mm, mode="nearest")
    even = measured - np.float32(_BASE_SHARE) * broad + np.float32(_DETAIL_GAIN) * detail
    body = field & (measured > _IN_BODY)
    low, high = np.percentile(even[body], [_TOE, _SHOULDER]) if body.any() else (0.0, 1.0)
    level = (even - low) / max(float(high - low), 1e-3)
    curve = 1.0 / (1.0 + np.exp(-_SLOPE * (np.clip(level, -0.5, 1.5) - 0.5)))
    ends = 1.0 / (1.0 + np.exp(_SLOPE * 0.5 * np.array([1.1, -1.0])))
    grey = np.clip((curve - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0) ** _GAMMA * 255.0
    return np.asarray(np.where(field, np.rint(grey), 0.0), dtype=np.uint8)


def _inside(integrals: Field, pixel_mm: float) -> Field:
    """1 behind the body, falling to 0 in the open beam: only what is irradiated scatters."""
    return np.asarray(
        ndimage.gaussian_filter((integrals > _IN_BODY).astype(np.float32), 10.0 / pixel_mm, mode="nearest")
    )
