"""One case: a prediction scored against its reference, as a whole and lesion by lesion (thesis, 5.1.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, require_same_grid
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from CCMetricsLib import metrics
from CCMetricsLib.metrics import EmptyPolicy, Overlap, Score, mean_over_components
from CCMetricsLib.partition import (
    Components,
    Connectivity,
    IntArray,
    Partition,
    connected_components,
    foreground_chunks,
    instance_components,
)

Distance = Literal["mm", "voxels"]
Instances = Literal["none", "reference"]


@dataclass(frozen=True)
class EvaluationParameters:
    """How lesions are told apart and which voxels belong to which.

    distance: what the partition measures in; the thesis uses voxels.
    connectivity: the neighbours that join two voxels of the reference into one lesion.
    instances: "none" finds the lesions as connected components of all values above 0; "reference" takes the
        reference's values as the lesions' numbers.
    policy: the scores where there is nothing to compare.

    Raises:
        UsageError: A value is none of those that the field knows.
    """

    distance: Distance = "mm"
    connectivity: Connectivity = 26
    instances: Instances = "none"
    policy: EmptyPolicy = field(default_factory=EmptyPolicy)

    def __post_init__(self) -> None:
        for name, kind in (("distance", Distance), ("connectivity", Connectivity), ("instances", Instances)):
            known, value = get_args(kind), getattr(self, name)
            if value not in known:
                raise UsageError(f"The option {name} must be one of {', '.join(map(str, known))}, but is {value!r}.")


@dataclass(frozen=True)
class ComponentScore:
    """One lesion of the reference, scored inside its region.

    `fp_volume_ml` is the volume predicted in the region outside of the reference; a lesion is missed if no predicted
    voxel lies on it.
    """

    component: int
    volume_ml: float
    centroid_ras_mm: tuple[float, float, float]
    missed: bool
    dice: Score
    iou: Score
    fp_volume_ml: float


@dataclass(frozen=True)
class Evaluation:
    """The scores of one case. `dice` and `iou` are global; `cc_dice` and `cc_iou` are means over the components."""

    case: str
    parameters: EvaluationParameters
    dice: Score
    iou: Score
    cc_dice: Score
    cc_iou: Score
    reference_volume_ml: float
    prediction_volume_ml: float
    fp_volume_ml: float
    fn_volume_ml: float
    components: tuple[ComponentScore, ...]

    @property
    def missed(self) -> int:
        """How many lesions of the reference no predicted voxel lies on."""
        return sum(score.missed for score in self.components)


def evaluate(
    reference: Labelmap,
    prediction: Labelmap,
    parameters: EvaluationParameters | None = None,
    *,
    case: str = "",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Evaluation:
    """The prediction's scores; every value above 0 is foreground.

    Without a lesion in the reference only the volumes are defined: the metrics are `None` and say so, or are what
    `parameters.policy` sets.

    >>> grid = Grid((4, 1, 1), np.eye(4))
    >>> lesions = Labelmap(np.array([1, 0, 0, 1], np.uint8).reshape(4, 1, 1), grid)
    >>> found = Labelmap(np.array([1, 0, 0, 0], np.uint8).reshape(4, 1, 1), grid)
    >>> result = evaluate(lesions, found)
    >>> round(result.dice.value, 3), result.cc_dice.value, result.missed
    (0.667, 0.5, 1)

    Raises:
        GridMismatch: The two do not lie on one grid.
        Cancelled: `cancelled` came true.
    """
    parameters = parameters or EvaluationParameters()
    require_same_grid(reference.grid, prediction.grid, names=("The reference", "the prediction"))
    progress(0.0, "Finding the reference's lesions")
    components = _components(reference.values, parameters)
    stop_if(cancelled)
    progress(0.4, "Assigning the prediction to lesions")
    spacing = reference.grid.spacing_mm if parameters.distance == "mm" else (1.0, 1.0, 1.0)
    counts = _counts(Partition(components, spacing), prediction.values, cancelled)
    evaluation = _scored(case, parameters, components, counts, reference.grid)
    progress(1.0, "Done")
    return evaluation


@dataclass(frozen=True, eq=False)
class _Counts:
    """Predicted voxels by component number; entry 0 counts those in no region, which there are without components."""

    predicted: IntArray
    shared: IntArray


def _components(values: npt.NDArray[Any], parameters: EvaluationParameters) -> Components:
    if parameters.instances == "reference":
        return instance_components(values)
    return connected_components(values, connectivity=parameters.connectivity)


def _counts(partition: Partition, prediction: npt.NDArray[Any], cancelled: CancelCheck) -> _Counts:
    """Counted piece by piece, so that a prediction of any size takes the memory of one piece."""
    size = partition.components.count + 1
    predicted, shared = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for voxels in foreground_chunks(prediction):
        stop_if(cancelled)
        predicted += np.bincount(partition.region_of(voxels), minlength=size)
        shared += np.bincount(partition.components.at(voxels), minlength=size)
    shared[0] = 0
    return _Counts(predicted, shared)


def _scored(
    case: str, parameters: EvaluationParameters, components: Components, counts: _Counts, grid: Grid
) -> Evaluation:
    rows = _component_scores(components, counts, grid, parameters.policy)
    whole = Overlap(int(components.numbers.size), int(counts.predicted.sum()), int(counts.shared.sum()))
    ml = grid.voxel_volume_ml
    return Evaluation(
        case=case,
        parameters=parameters,
        dice=metrics.dice(whole, policy=parameters.policy),
        iou=metrics.iou(whole, policy=parameters.policy),
        cc_dice=mean_over_components([row.dice for row in rows]),
        cc_iou=mean_over_components([row.iou for row in rows]),
        reference_volume_ml=whole.reference_voxels * ml,
        prediction_volume_ml=whole.prediction_voxels * ml,
        fp_volume_ml=(whole.prediction_voxels - whole.shared_voxels) * ml,
        fn_volume_ml=(whole.reference_voxels - whole.shared_voxels) * ml,
        components=rows,
    )


def _component_scores(
    components: Components, counts: _Counts, grid: Grid, policy: EmptyPolicy
) -> tuple[ComponentScore, ...]:
    overlaps = [
        Overlap(size, predicted, shared)
        for size, predicted, shared in zip(
            components.sizes_voxels.tolist(), counts.predicted[1:].tolist(), counts.shared[1:].tolist(), strict=True
        )
    ]
    centroids = grid.ras_from_ijk(components.centroids_ijk)
    return tuple(
        _component_score(component, overlap, centroid, grid.voxel_volume_ml, policy)
        for component, overlap, centroid in zip(components.ids.tolist(), overlaps, centroids, strict=True)
    )


def _component_score(
    component: int, overlap: Overlap, centroid: FloatArray, voxel_volume_ml: float, policy: EmptyPolicy
) -> ComponentScore:
    r_mm, a_mm, s_mm = (float(mm) for mm in centroid)
    return ComponentScore(
        component=component,
        volume_ml=overlap.reference_voxels * voxel_volume_ml,
        centroid_ras_mm=(r_mm, a_mm, s_mm),
        missed=overlap.shared_voxels == 0,
        dice=metrics.dice(overlap, policy=policy),
        iou=metrics.iou(overlap, policy=policy),
        fp_volume_ml=(overlap.prediction_voxels - overlap.shared_voxels) * voxel_volume_ml,
    )
