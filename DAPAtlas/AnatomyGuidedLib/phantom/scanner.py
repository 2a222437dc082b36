"""What a scanner makes of a body: partial volume, the table, breathing, metal, kernel and noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.hounsfield import AIR_HU
from AnatomyGuidedLib.phantom.metal import put_metal
from AnatomyGuidedLib.phantom.scan import Scan
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.table import put_table

_LOWEST_HU, _HIGHEST_HU = -1024.0, 3071.0
_FWHM_MM = 1.4
_SIGMA_PER_FWHM = 1.0 / 2.3548
_LEAST_SIGMA_VOXELS = 0.42  # a voxel is the mean of its box, not a point
_REFERENCE_MM, _REFERENCE_WIDTH_MM = 3.0, 300.0
_WATER_PER_MM = 0.0195  # attenuation near 70 keV (NIST)
_SHARPENING = 0.6
_FINER = 0.6  # physics says 1.5; scanners and people take more dose or smoother kernels for thin slices


def acquired(hu: Field, body: Body, scan: Scan, rng: np.random.Generator) -> Field:
    """The image of a body: whole HU from -1024 to 3071."""
    put_table(hu, body)
    blurred = _blurred(_breathing(hu, body, scan, rng), body.spacing_mm, scan)
    put_metal(blurred, body, scan, rng)
    blurred += _noise(blurred, body, scan, rng)
    return within_range(blurred)


def within_range(hu: Field) -> Field:
    """The same values, in place: whole HU from -1024 to 3071, as CT files hold them."""
    np.rint(hu, out=hu)
    return np.clip(hu, _LOWEST_HU, _HIGHEST_HU, out=hu)


def _blurred(hu: Field, spacing_mm: float, scan: Scan) -> Field:
    sigma = max(_FWHM_MM * _SIGMA_PER_FWHM / spacing_mm, _LEAST_SIGMA_VOXELS)
    blurred: Field = ndimage.gaussian_filter(hu, sigma, truncate=3.0)
    if scan.kernel == "sharp":
        blurred += np.float32(_SHARPENING) * (blurred - ndimage.gaussian_filter(blurred, (sigma, sigma, 0)))
    return blurred


def _breathing(hu: Field, body: Body, scan: Scan, rng: np.random.Generator) -> Field:
    """Slices around the diaphragm come from a little above or below: it moved while the table went by."""
    if not scan.breathing_mm:
        return hu
    s = (body.grid.affine[2, 3] + body.spacing_mm * np.arange(hu.shape[2])) / body.plan.scale[2]
    near = np.exp(-(((s - 250.0) / 45.0) ** 2))
    shift = scan.breathing_mm / body.spacing_mm * near * np.sin(2 * np.pi * (s / 38.0 + rng.random()))
    places = np.clip(np.arange(hu.shape[2]) + shift, 0, hu.shape[2] - 1)
    moved = hu.copy()
    for k in np.flatnonzero(np.abs(shift) > 0.05):
        low = min(int(places[k]), hu.shape[2] - 2)
        part = np.float32(places[k] - low)
        moved[:, :, k] = hu[:, :, low] * (1 - part) + hu[:, :, low + 1] * part
    return moved


def _noise(hu: Field, body: Body, scan: Scan, rng: np.random.Generator) -> Field:
    """Quantum noise: more where the body is wide, in finer voxels and with a sharp kernel; streaks across shoulders."""
    fine = (_REFERENCE_MM / body.spacing_mm) ** _FINER
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    noise = _unit(ndimage.gaussian_filter(noise, (0.55, 0.55, 0.3), truncate=2.5))
    wide, deep = _water_widths_mm(hu, body.spacing_mm)
    if body.spacing_mm <= 6.0:
        along = _unit(ndimage.uniform_filter1d(noise, max(3, int(40.0 / body.spacing_mm)), axis=0))
        share = np.clip((wide / np.maximum(deep, 1.0) - 1.7) / 4.0, 0.0, 0.35).astype(np.float32)
        noise = noise * (1 - share) + along * share
    thick = np.sqrt(np.maximum(wide * deep, 1.0))
    more = np.exp(0.5 * _WATER_PER_MM * np.clip(thick - _REFERENCE_WIDTH_MM, -260.0, 120.0)).astype(np.float32)
    sharp = 1.8 if scan.kernel == "sharp" else 1.0
    noise *= np.float32(scan.noise_hu * fine * sharp) * more
    return noise


def _unit(values: Field) -> Field:
    values *= np.float32(1.0) / max(float(values[::3, ::3, ::3].std()), 1e-6)
    return values


def _water_widths_mm(hu: Field, spacing_mm: float) -> tuple[Field, Field]:
    """How wide and deep each slice is in mm of water, at its widest."""
    water = np.clip((hu[::2, ::2, :] - AIR_HU) * np.float32(1e-3), 0.0, 1.5)
    across, deep = (water.sum(axis=axis).max(axis=0) * 2 * spacing_mm for axis in (0, 1))
    return across.astype(np.float32), deep.astype(np.float32)
