"""Generated patients with many lesions: ellipsoids whose volumes are spread as those of metastases, a few large.

Volumes are log-normal, so that most lesions are small and a few hold most of the volume; the number of lesions is
geometric, so that many patients have few and some have many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from AnatomyGuidedLib.study_options import require_positive

from CCMetricsLib.components import BoolArray, IntArray

Cases = Mapping[str, Callable[[], Labelmap]]  # a patient's reference by the patient's name, read when it is needed

_PLACES_TRIED = 2000


@dataclass(frozen=True)
class CaseParameters:
    """How generated patients are made.

    cases: their number.
    mean_lesions: the mean number of lesions; a single patient has from 1 to about four times as many.
    median_volume_ml: half of the lesions are smaller.
    volume_spread: standard deviation of the volumes' natural logarithm.
    volume_limits_ml: no lesion is smaller or larger.
    shape, spacing_mm: the image.
    gap_mm: at least so far apart are the balls around two lesions.

    Raises:
        UsageError: A number that must be above 0 is not, or a group has another number of members.
    """

    cases: int = 30
    mean_lesions: float = 10.0
    median_volume_ml: float = 1.0
    volume_spread: float = 1.3
    volume_limits_ml: tuple[float, ...] = (0.15, 80.0)
    shape: tuple[int, ...] = (112, 96, 112)
    spacing_mm: tuple[float, ...] = (2.0, 2.0, 3.0)
    gap_mm: float = 6.0

    def __post_init__(self) -> None:
        require_positive(self, "cases", "mean_lesions", "median_volume_ml", "volume_limits_ml", "shape", "spacing_mm")
        if (len(self.shape), len(self.spacing_mm), len(self.volume_limits_ml)) != (3, 3, 2):
            raise UsageError("The settings shape and spacing_mm must have three numbers, volume_limits_ml two.")


def generated_cases(parameters: CaseParameters, seed: int) -> Cases:
    """The patients, each made when it is asked for; a seed always gives the same ones."""
    counts = lesion_counts(parameters.cases, parameters.mean_lesions, np.random.default_rng(seed))
    return {
        f"case_{index:04d}": partial(generated_lesions, parameters, count, seed=(seed, index))
        for index, count in enumerate(counts)
    }


def lesion_counts(cases: int, mean: float, rng: np.random.Generator) -> list[int]:
    """How many lesions each patient has: evenly spaced quantiles of a geometric distribution, in random order.

    >>> sorted(lesion_counts(5, 10.0, np.random.default_rng(0)))
    [2, 4, 7, 12, 22]
    """
    quantiles = (np.arange(cases) + 0.5) / cases
    stops = np.log1p(-1 / mean) if mean > 1 else -np.inf
    counts = 1 + np.floor(np.log1p(-quantiles) / stops)
    return [int(count) for count in rng.permutation(counts)]


def generated_lesions(parameters: CaseParameters, count: int, *, seed: tuple[int, ...]) -> Labelmap:
    """`count` ellipsoids that do not touch, the largest placed first; values above 0 are lesion.

    Raises:
        AnatomyGuidedError: They do not fit into the image.
    """
    rng = np.random.default_rng(seed)
    i, j, k = parameters.shape
    grid = Grid((i, j, k), np.diag([-parameters.spacing_mm[0], -parameters.spacing_mm[1], parameters.spacing_mm[2], 1]))
    values = np.zeros(grid.shape, np.uint8, order="F")
    centres, reaches = np.zeros((0, 3)), np.zeros(0)
    for volume_ml in sorted(_volumes_ml(parameters, count, rng), reverse=True):
        axes_mm = _semi_axes_mm(volume_ml, rng)
        centre = _free_place(grid, centres, reaches + axes_mm.max() + parameters.gap_mm, float(axes_mm.max()), rng)
        if centre is None:
            raise AnatomyGuidedError(
                f"{count} lesions do not fit into {grid.shape} voxels; set a larger shape or smaller volumes."
            )
        centres, reaches = np.vstack([centres, centre]), np.append(reaches, axes_mm.max())
        values[tuple(ellipsoid(grid.spacing_mm, centre, axes_mm, _rotation(rng)).T)] = 1
    return Labelmap(values, grid)


def ellipsoid(
    spacing_mm: tuple[float, float, float], centre_mm: FloatArray, axes_mm: FloatArray, rotation: FloatArray
) -> IntArray:
    """The voxels (i, j, k) inside an ellipsoid of these half axes, and the one that is nearest to its centre.

    Positions are voxel coordinates times the spacing.

    >>> ellipsoid((1.0, 1.0, 1.0), np.array([5.0, 5.0, 5.0]), np.array([1.0, 1.0, 1.0]), np.eye(3)).shape
    (7, 3)
    """
    spacing = np.array(spacing_mm)
    low = np.floor((centre_mm - axes_mm.max()) / spacing).astype(int)
    high = np.ceil((centre_mm + axes_mm.max()) / spacing).astype(int)
    box = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), axis=-1).reshape(-1, 3)
    reach = np.linalg.norm((box * spacing - centre_mm) @ rotation / axes_mm, axis=1)
    inside: BoolArray = reach <= max(1.0, float(reach.min()))
    return np.asarray(box[inside])


def _volumes_ml(parameters: CaseParameters, count: int, rng: np.random.Generator) -> FloatArray:
    low, high = parameters.volume_limits_ml
    volumes = rng.lognormal(np.log(parameters.median_volume_ml), parameters.volume_spread, count)
    return np.asarray(volumes.clip(low, high))


def _semi_axes_mm(volume_ml: float, rng: np.random.Generator) -> FloatArray:
    """Half axes of an ellipsoid of that volume, the longest at most about 1.7 times the shortest."""
    ratios = rng.uniform(0.75, 1.3, 3)
    radius_mm = (3000 * volume_ml / (4 * np.pi)) ** (1 / 3)
    return np.asarray(radius_mm * ratios / np.prod(ratios) ** (1 / 3))


def _rotation(rng: np.random.Generator) -> FloatArray:
    orthogonal, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.asarray(orthogonal)


def _free_place(
    grid: Grid, centres: FloatArray, distances: FloatArray, reach_mm: float, rng: np.random.Generator
) -> FloatArray | None:
    """A place inside the image as far from each centre as it must be; none where none was found."""
    spacing = np.array(grid.spacing_mm)
    high = (np.array(grid.shape) - 1) * spacing - reach_mm
    if (high <= reach_mm).any():
        return None
    for place in rng.uniform(reach_mm, high, (_PLACES_TRIED, 3)):
        if (np.linalg.norm(centres - place, axis=1) >= distances).all():
            return np.asarray(place)
    return None
