"""The simple patient's images: labels, CT in HU, PET in SUV, and lesions, all on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import anatomy, tissue

_LOW_RAS = np.array([-190.0, -132.0, -250.0])
_HIGH_RAS = np.array([190.0, 140.0, 742.0])
_FINEST_MM, _COARSEST_MM = 1.0, 10.0
_SKIN_MM = 2.5
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


def make_patient(*, spacing_mm: float = 4.0, sex: str = "F", seed: int = 0, lesions: int = 4) -> Patient:
    """The patient of a seed: the same arguments give the same voxels.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, the sex not F or M, or lesions are below 0.
    """
    if not _FINEST_MM <= spacing_mm <= _COARSEST_MM:
        raise AnatomyGuidedError(f"The spacing is {spacing_mm:g} mm, but 1 to 10 mm was expected.")
    if sex not in ("F", "M") or lesions < 0:
        raise AnatomyGuidedError(f"The sex must be F or M and lesions 0 or more, but came as {sex!r} and {lesions}.")
    rng = np.random.default_rng(seed)
    grid = _grid(spacing_mm)
    labels = _painted(grid, sex, scale=float(rng.uniform(0.94, 1.06)))
    found, uptake = _lesions(labels, grid, lesions, rng)
    ct = _ct(labels, found, rng)
    pet = _pet(labels, found, uptake, grid, rng)
    description: dict[str, object] = {
        "format": "anatomyguided-phantom-case",
        "version": 1,
        "kind": "simple phantom of ellipsoids and tubes; no real patient",
        "seed": seed,
        "sex": sex,
        "spacing_mm": spacing_mm,
        "lesions": int(found.max(initial=0)),
    }
    return Patient(
        Volume(ct, grid, "HU"), Volume(pet, grid, "SUV"), Labelmap(labels, grid), Labelmap(found, grid), description
    )


def _grid(spacing_mm: float) -> Grid:
    """Stored as scanners do: i to the left, j to the back, k up."""
    i, j, k = (int(n) for n in np.ceil((_HIGH_RAS - _LOW_RAS) / spacing_mm))
    affine = np.diag([-spacing_mm, -spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = _HIGH_RAS[0], _HIGH_RAS[1], _LOW_RAS[2]
    return Grid((i, j, k), affine)


def _painted(grid: Grid, sex: str, scale: float) -> npt.NDArray[np.uint8]:
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for shape in anatomy.body_shapes():
        _paint(labels, grid, shape, within=None)
    body = labels > 0
    for shape in anatomy.shapes(sex, scale):
        _paint(labels, grid, shape, within=None if shape.name.startswith(("Breast", "Gonads")) else body)
    body = labels > 0
    depth_mm = ndimage.distance_transform_edt(np.pad(body, ((1, 1), (1, 1), (0, 0))), sampling=grid.spacing_mm)
    skin = body & (depth_mm[1:-1, 1:-1] <= max(_SKIN_MM, grid.spacing_mm[0]))
    labels[skin] = id_of("Skin")
    return labels


def _paint(
    labels: npt.NDArray[np.uint8], grid: Grid, shape: anatomy.Shape, within: npt.NDArray[np.bool_] | None
) -> None:
    corners = grid.ijk_from_ras(np.array(anatomy.bounds(shape)))
    first = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, grid.shape)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    points = grid.ras_from_ijk(
        np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), axis=-1)
    )
    mask = anatomy.inside(shape, points)
    labels[box][mask if within is None else mask & within[box]] = id_of(shape.name)


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
