"""Lesions of a made body: where they lie, how large they are, and how they look in CT and PET."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.anatomy import Body

_HOSTS = ("Liver", "Lung Upper Lobe Right", "Lung Lower Lobe Left", "Mediastinal Tissue", "Vertebra L2", "Fat")
_RADII_MM = (8.0, 18.0)
_SUV = (6.0, 14.0)
_HU = 45.0


@dataclass(frozen=True)
class Lesion:
    """One lesion; `hu` and `suv` are those of its living part."""

    number: int
    host: str
    diameter_mm: float
    suv: float
    hu: float


@dataclass(frozen=True, eq=False)
class Lesions:
    """Lesion numbers from 1 on a body's voxels, [i, j, k] along R, A and S, and which of them are necrotic."""

    numbers: npt.NDArray[Any]
    necrotic: npt.NDArray[np.bool_]
    each: tuple[Lesion, ...]


def make_lesions(body: Body, *, count: int, rng: np.random.Generator) -> Lesions:
    """Balls inside their host organ that do not touch each other; fewer than asked where no place is left."""
    labels = body.labels
    found = np.zeros(labels.shape, dtype=np.min_scalar_type(count))
    each: list[Lesion] = []
    for index in range(count):
        radius = float(rng.uniform(*_RADII_MM)) / (1 + index // len(_HOSTS))
        name = _HOSTS[index % len(_HOSTS)]
        host = labels == id_of(name)
        free = host & (ndimage.distance_transform_edt(found == 0, sampling=body.grid.spacing_mm) > radius + 12.0)
        places = np.argwhere(free)
        if not len(places):
            continue
        ball = _ball(body, places[int(rng.integers(len(places)))], radius) & (labels > 0) & (found == 0)
        each.append(Lesion(len(each) + 1, name, 2 * radius, float(rng.uniform(*_SUV)), _HU))
        found[ball] = len(each)
    return Lesions(found, np.zeros(found.shape, np.bool_), tuple(each))


def _ball(body: Body, center: npt.NDArray[np.intp], radius_mm: float) -> npt.NDArray[np.bool_]:
    axes = [(np.arange(n) - c) * body.spacing_mm for n, c in zip(body.labels.shape, center, strict=True)]
    i, j, k = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(i * i + j * j + k * k <= radius_mm * radius_mm)
