"""The metrics: each is one function from what is known of bodies to one value a body, and one line in `TABLE`.

A body is what is compared: the whole foreground of a class, or one lesion of the reference in its region. Values are
computed for all bodies at once; `scores` then puts in what the policy says where a body has nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from CCMetricsLib.components import FloatArray, IntArray
from CCMetricsLib.policies import NO_COMPONENTS, NO_PREDICTION, NO_REFERENCE, NO_VOXELS, EmptyPolicy
from CCMetricsLib.surface_distances import SurfaceDistances

__all__ = [
    "METRICS",
    "NO_COMPONENTS",
    "NO_PREDICTION",
    "NO_REFERENCE",
    "NO_VOXELS",
    "TABLE",
    "Bodies",
    "EmptyPolicy",
    "Metric",
    "Score",
    "direction",
    "mean_over_components",
    "needed",
    "scores",
]

Better = Literal["higher", "lower", "zero"]
Need = Literal["voxels", "surfaces", "bands"]


@dataclass(frozen=True)
class Score:
    """A metric's value, or `None` with the reason why there is none."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Bodies:
    """What is known of each body: its voxels in the reference, the prediction and both, and of its surfaces.

    `distances` and the bands are there if a metric that was asked for needs them.
    """

    reference_voxels: IntArray
    prediction_voxels: IntArray
    shared_voxels: IntArray
    voxel_volume_ml: float
    tolerance_mm: float = 0.0
    distances: SurfaceDistances | None = None
    bands: Bands | None = None

    @property
    def surfaces(self) -> SurfaceDistances:
        """The distances between the surfaces.

        Raises:
            ValueError: They were not measured.
        """
        if self.distances is None:
            raise ValueError("This metric needs the distances between the surfaces, which were not measured.")
        return self.distances


@dataclass(frozen=True, eq=False)
class Bands:
    """How many voxels of each body the bands along the surfaces have, in the reference, the prediction and both."""

    reference_voxels: IntArray
    prediction_voxels: IntArray
    shared_voxels: IntArray


@dataclass(frozen=True)
class Metric:
    """How a metric is computed, which values are better, and what it needs to know.

    Metrics of which lower values are better are distances, with the policy's worst distance; those with higher ones
    are similarities from 0 to 1; a difference is defined everywhere.
    """

    values: Callable[[Bodies], FloatArray]
    better: Better
    need: Need
    title: str


def dice(bodies: Bodies) -> FloatArray:
    """Twice the shared voxels over the sum of both (thesis, equation 14); 0 to 1.

    >>> dice(Bodies(np.array([4]), np.array([2]), np.array([1]), 0.001)).tolist()
    [0.3333333333333333]
    """
    return _ratio(2 * bodies.shared_voxels, bodies.reference_voxels + bodies.prediction_voxels)


def iou(bodies: Bodies) -> FloatArray:
    """The shared voxels over those of either (thesis, equation 13); 0 to 1.

    >>> iou(Bodies(np.array([4]), np.array([2]), np.array([1]), 0.001)).tolist()
    [0.2]
    """
    return _ratio(bodies.shared_voxels, bodies.reference_voxels + bodies.prediction_voxels - bodies.shared_voxels)


def volume_difference_ml(bodies: Bodies) -> FloatArray:
    """The predicted volume less the reference's, in ml: negative where too little is predicted.

    >>> volume_difference_ml(Bodies(np.array([4000]), np.array([1000]), np.array([0]), 0.001)).tolist()
    [-3.0]
    """
    return np.asarray((bodies.prediction_voxels - bodies.reference_voxels) * bodies.voxel_volume_ml)


def boundary_iou(bodies: Bodies) -> FloatArray:
    """The IoU of the bands of voxels along both surfaces (Cheng et al. 2021); 0 to 1.

    Raises:
        ValueError: The bands were not counted.
    """
    if bodies.bands is None:
        raise ValueError("This metric needs the bands along the surfaces, which were not counted.")
    bands = bodies.bands
    return _ratio(bands.shared_voxels, bands.reference_voxels + bands.prediction_voxels - bands.shared_voxels)


TABLE: Mapping[str, Metric] = MappingProxyType(
    {
        "dice": Metric(dice, "higher", "voxels", "Dice"),
        "iou": Metric(iou, "higher", "voxels", "IoU"),
        "volume_difference_ml": Metric(volume_difference_ml, "zero", "voxels", "Volume difference, ml"),
        "hd_mm": Metric(lambda bodies: bodies.surfaces.hd_mm(), "lower", "surfaces", "HD, mm"),
        "hd95_mm": Metric(lambda bodies: bodies.surfaces.hd95_mm(), "lower", "surfaces", "HD95, mm"),
        "assd_mm": Metric(lambda bodies: bodies.surfaces.assd_mm(), "lower", "surfaces", "ASSD, mm"),
        "nsd": Metric(lambda bodies: bodies.surfaces.nsd(bodies.tolerance_mm), "higher", "surfaces", "Surface Dice"),
        "boundary_iou": Metric(boundary_iou, "higher", "bands", "Boundary IoU"),
    }
)
METRICS = tuple(TABLE)


def direction(name: str) -> Better:
    """Which values of a metric, or of its mean over components, are better.

    >>> direction("cc_hd95_mm"), direction("volume_difference_ml")
    ('lower', 'zero')

    Raises:
        ValueError: There is no such metric.
    """
    metric = TABLE.get(name.removeprefix("cc_"))
    if metric is None:
        raise ValueError(f"The metric must be one of {', '.join(METRICS)}, but is {name!r}.")
    return metric.better


def needed(names: Sequence[str]) -> set[Need]:
    """What has to be known for these metrics."""
    return {TABLE[name].need for name in names}


def scores(
    bodies: Bodies, names: Sequence[str], *, policy: EmptyPolicy, worst_mm: float, in_regions: bool
) -> list[dict[str, Score]]:
    """The metrics of each body by name; `in_regions` says that a body without a prediction is an empty region."""
    no_prediction = policy.empty_region if in_regions else policy.no_prediction
    empty = [
        _empty_reason(reference, prediction)
        for reference, prediction in zip(bodies.reference_voxels, bodies.prediction_voxels, strict=True)
    ]
    similarity = {NO_VOXELS: policy.both_empty, NO_REFERENCE: policy.no_reference, NO_PREDICTION: no_prediction}
    distance = {NO_VOXELS: None, NO_REFERENCE: None, NO_PREDICTION: worst_mm}
    by_kind: dict[Better, dict[str, float | None]] = {"higher": similarity, "lower": distance, "zero": {}}
    columns = {
        name: [
            Score(by_kind[TABLE[name].better][why], why) if why in by_kind[TABLE[name].better] else Score(value)
            for value, why in zip(TABLE[name].values(bodies).tolist(), empty, strict=True)
        ]
        for name in names
    }
    return [{name: column[body] for name, column in columns.items()} for body in range(len(empty))]


def mean_over_components(of_components: Sequence[Score]) -> Score:
    """The plain average over the components that have a value (thesis, 5.1.2.2): every lesion counts the same.

    >>> mean_over_components([])
    Score(value=None, reason='the reference has no lesion')
    """
    values = [score.value for score in of_components if score.value is not None]
    if values:
        return Score(sum(values) / len(values))
    return Score(None, of_components[0].reason if of_components else NO_COMPONENTS)


def _ratio(part: IntArray, whole: IntArray) -> FloatArray:
    """Their quotient; 0 where there is nothing, which the policy then replaces."""
    return np.asarray(part / np.maximum(whole, 1))


def _empty_reason(reference_voxels: int, prediction_voxels: int) -> str:
    """Which sides are empty; empty where both have voxels."""
    if reference_voxels and prediction_voxels:
        return ""
    if reference_voxels:
        return NO_PREDICTION
    return NO_REFERENCE if prediction_voxels else NO_VOXELS
