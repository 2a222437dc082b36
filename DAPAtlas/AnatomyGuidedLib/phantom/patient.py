"""The made patient's images: labels, CT in HU, PET in SUV, and lesions, all on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import tissue
from AnatomyGuidedLib.phantom.anatomy import make_anatomy

_PET_BLUR_MM = 6.0  # full width at half maximum of a clinical scanner
_SIGMA_PER_FWHM = 1.0 / 2.3548
_CT_NOISE_HU = 12.0
_LESION_HOSTS = ("Liver", "Lung Upper Lobe Right", "Lung Lower Lobe Left", "Mediastinal Tissue", "Vertebra L2", "Fat")
_LESION_RADII_MM = (8.0, 18.0)
_LESION_SUV = (6.0, 14.0)


@dataclass(frozen=True)
class Patient:
    """One patient on one grid: HU, SUV, DAP ids, one number a lesion; and how it was made."""

    ct: Volume
    pet: Volume
    anatomy: Labelmap
    lesions: Labelmap
    description: dict[str, object]


def make_patient(
    *, spacing_mm: float = 4.0, sex: str = "F", seed: int = 0, lesions: int = 4, variants: bool = False
) -> Patient:
    """The patient of a seed: the same arguments give the same voxels.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, the sex not F or M, or lesions are below 0.
    """
    if lesions < 0:
        raise AnatomyGuidedError(f"Lesions must be 0 or more, but came as {lesions}.")
    made, measures = make_anatomy(spacing_mm=spacing_mm, sex=sex, seed=seed, variants=variants)
    labels, grid = made.values, made.grid
    rng = np.random.default_rng([seed, 1])
    found, uptake = _lesions(labels, grid, lesions, rng)
    ct = _ct(labels, found, rng)
    pet = _pet(labels, found, uptake, grid, rng)
    description: dict[str, object] = {
        "format": "anatomyguided-phantom-case",
        "version": 1,
        "kind": "made by rules from a seed; no real patient",
        "seed": seed,
        "sex": sex,
        "spacing_mm": spacing_mm,
        **measures,
        "lesions": int(found.max(initial=0)),
    }
    return Patient(Volume(ct, grid, "HU"), Volume(pet, grid, "SUV"), made, Labelmap(found, grid), description)


def _lesions(
    labels: npt.NDArray[np.uint8], grid: Grid, count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[Any], list[float]]:
    """Balls inside their host organ that do not touch each other; fewer than asked where no place is left."""
    found = np.zeros(labels.shape, dtype=np.min_scalar_type(count))
    uptake: list[float] = []
    for index in range(count):
        radius = float(rng.uniform(*_LESION_RADII_MM)) / (1 + index // len(_LESION_HOSTS))
        host = labels == id_of(_LESION_HOSTS[index % len(_LESION_HOSTS)])
        free = host & (ndimage.distance_transform_edt(found == 0, sampling=grid.spacing_mm) > radius + 12.0)
        places = np.argwhere(free)
        if not len(places):
            continue
        ball = _ball(grid, places[int(rng.integers(len(places)))], radius) & (labels > 0) & (found == 0)
        uptake.append(float(rng.uniform(*_LESION_SUV)))
        found[ball] = len(uptake)
    return found, uptake


def _ball(grid: Grid, center: npt.NDArray[np.intp], radius_mm: float) -> npt.NDArray[np.bool_]:
    axes = [(np.arange(n) - c) * s for n, c, s in zip(grid.shape, center, grid.spacing_mm, strict=True)]
    i, j, k = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(i * i + j * j + k * k <= radius_mm * radius_mm)


def _ct(labels: npt.NDArray[np.uint8], found: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    hu = tissue.hu_table()[labels]
    hu[found > 0] = tissue.LESION_HU
    hu = ndimage.gaussian_filter(hu, 0.5)
    hu += rng.normal(0.0, _CT_NOISE_HU, hu.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(hu), -1024, 3071), dtype=np.float32)


def _pet(
    labels: npt.NDArray[np.uint8],
    found: npt.NDArray[Any],
    uptake: list[float],
    grid: Grid,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    suv = tissue.suv_table()[labels]
    hot = np.array([0.0, *uptake], dtype=np.float32)[found]
    suv = np.where(found > 0, hot, suv)
    sigma: FloatArray = _PET_BLUR_MM * _SIGMA_PER_FWHM / np.array(grid.spacing_mm)
    suv = ndimage.gaussian_filter(suv, tuple(sigma))
    noise = rng.normal(0.0, 1.0, suv.shape).astype(np.float32)
    return np.asarray(np.clip(suv + 0.08 * np.sqrt(np.maximum(suv, 0.0)) * noise, 0.0, None), dtype=np.float32)
