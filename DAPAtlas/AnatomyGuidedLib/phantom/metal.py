"""Metal in teeth and hips, and the streaks that it throws.

Along rays through much metal too few photons arrive, so that the measured line integral saturates and is noisy. The
difference to the true one, filtered and projected back, makes the streaks.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.anatomy import Body
from AnatomyGuidedLib.phantom.limbs import HIP_JOINT
from AnatomyGuidedLib.phantom.scan import Scan
from AnatomyGuidedLib.phantom.shapes import Field

_METAL_HU, _AMALGAM_HU = 6500.0, 5000.0
_WATER_PER_MM, _SATURATION = 0.0195, 4.0
_SHARE = 0.6  # scanners repair a part of it
_COARSE_MM, _ANGLES = 4.0, 60
_TEETH_S, _TEETH = (540.0, 552.0), ((-24.0, 62.0), (22.0, 70.0), (26.0, 56.0))


def put_metal(hu: Field, body: Body, scan: Scan, rng: np.random.Generator) -> None:
    """Nothing; the scan's implants and their streaks are there, where the body shows their bones."""
    for implant in scan.implants:
        teeth = implant == "teeth"
        metal = _teeth(body) if teeth else _hip(body, implant.removeprefix("hip-").capitalize())
        slices = np.flatnonzero(metal.any(axis=(0, 1)))
        if slices.size:
            part = slice(int(slices[0]), int(slices[-1]) + 1)
            hu[:, :, part] += _streaks(hu[:, :, part], metal[:, :, part], body.spacing_mm, rng)
            hu[metal] = _AMALGAM_HU if teeth else _METAL_HU


def _hip(body: Body, side: str) -> np.ndarray:
    """A ball in the socket, and a stem that fills the upper shaft of the femur."""
    femur = body.labels == id_of(f"Femur {side}")
    s = body.grid.affine[2, 3] + body.spacing_mm * np.arange(body.labels.shape[2])
    low = (HIP_JOINT[2] - 110.0) * body.plan.scale[2]
    inner = ndimage.binary_erosion(femur, iterations=max(1, round(5.0 / body.spacing_mm)))
    return np.asarray(inner & (s > low))


def _teeth(body: Body) -> np.ndarray:
    """Fillings in a few teeth of the upper jaw."""
    found = np.zeros(body.labels.shape, np.bool_)
    bone = body.labels == id_of("Skull")
    axes = [body.grid.affine[n, 3] + body.spacing_mm * np.arange(size) for n, size in enumerate(body.labels.shape)]
    scale = body.plan.scale
    for r, a in _TEETH:
        near = ((axes[0] / scale[0] - r) ** 2).reshape(-1, 1) + ((axes[1] / scale[1] - a) ** 2).reshape(1, -1)
        place = near < max(4.0, body.spacing_mm * 0.8) ** 2
        height = (axes[2] / scale[2] > _TEETH_S[0]) & (axes[2] / scale[2] < _TEETH_S[1])
        found |= place[:, :, None] & height
    return np.asarray(found & bone)


def _streaks(hu: Field, metal: np.ndarray, spacing_mm: float, rng: np.random.Generator) -> Field:
    """What filtered back-projection makes of the rays through metal, worked out on a grid of 4 mm in the slices."""
    factor = min(1.0, spacing_mm / _COARSE_MM)
    step = spacing_mm / factor
    size = int(np.ceil(np.hypot(*hu.shape[:2]) * factor)) + 1
    body, pads = _square(np.clip(hu * np.float32(1e-3) + 1, 0.0, 2.0), factor, size)
    implant, _ = _square(metal.astype(np.float32) * np.float32(_METAL_HU * 1e-3), factor, size)
    wrong = np.zeros_like(body)
    for angle in np.linspace(0.0, 180.0, _ANGLES, endpoint=False):
        through, around = (_rays(solid, angle) * np.float32(_WATER_PER_MM * step) for solid in (implant, body))
        error = _SATURATION * (1 - np.exp(-through / _SATURATION)) - through
        starved = np.exp(np.minimum(through + around, 11.0) / 2 - 5.0) * rng.standard_normal(through.shape)
        smear = np.broadcast_to(_filtered(np.where(through > 0.05, _SHARE * (error + 0.2 * starved), 0.0)), body.shape)
        wrong += ndimage.rotate(smear, -angle, axes=(0, 1), reshape=False, order=1)
    wrong *= np.float32(np.pi / (2 * _ANGLES) / (_WATER_PER_MM * step) * 1e3)
    inner = wrong[pads[0][0] : size - pads[0][1], pads[1][0] : size - pads[1][1]]
    back = [n / m for n, m in zip(hu.shape, inner.shape, strict=True)]
    return np.asarray(np.clip(ndimage.zoom(inner, back, order=1), -900.0, 1500.0), dtype=np.float32)


def _square(values: Field, factor: float, size: int) -> tuple[Field, list[tuple[int, int]]]:
    """Slices on the coarse grid with air around, so that they can be turned; and how much air that is."""
    coarse = ndimage.zoom(values, factor, order=1)
    pads = [((size - n) // 2, size - n - (size - n) // 2) for n in coarse.shape[:2]]
    return np.pad(coarse, [*pads, (0, 0)]), pads


def _rays(solid: Field, angle: float) -> Field:
    return np.asarray(ndimage.rotate(solid, angle, axes=(0, 1), reshape=False, order=1).sum(axis=0))


def _filtered(rays: np.ndarray) -> np.ndarray:
    """The rays with the ramp filter of back-projection along their first axis."""
    ramp = np.abs(np.fft.fftfreq(2 * rays.shape[0]))[:, None] * 2.0
    spectrum = np.fft.fft(rays, n=2 * rays.shape[0], axis=0) * ramp
    return np.asarray(np.real(np.fft.ifft(spectrum, axis=0))[: rays.shape[0]], dtype=np.float32)
