"""One case: a prediction scored against its reference, as a whole and lesion by lesion (thesis, 5.1.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, require_same_grid
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if
from AnatomyGuidedLib.resample import resample_labelmap

from CCMetricsLib import metrics
from CCMetricsLib.components import Components, connected_components, instance_components
from CCMetricsLib.measure import Measuring, measured
from CCMetricsLib.metrics import Bodies, Score, mean_over_components
from CCMetricsLib.parameters import Distance, EvaluationParameters, Instances
from CCMetricsLib.partition import Partition
from CCMetricsLib.policies import worst_distance_mm
from CCMetricsLib.predicted_lesions import ConnectedLesions, NumberedLesions, PredictedLesions
from CCMetricsLib.rivals import rival_scores
from CCMetricsLib.structures import Place, places

__all__ = [
    "FOREGROUND",
    "ClassEvaluation",
    "ComponentScore",
    "Distance",
    "Evaluation",
    "EvaluationParameters",
    "Instances",
    "evaluate",
]

FOREGROUND = "foreground"


@dataclass(frozen=True)
class ComponentScore:
    """One lesion of the reference, scored inside its region.

    A lesion is missed if no predicted voxel lies on it. `fp_volume_ml` is the volume predicted in the region outside of
    the reference. `hd_from_fp` says whether the Hausdorff distance is that of a predicted lesion which touches no
    lesion of the reference. The structure is known with an atlas: the DAP id, its name, and the distance (0 within).
    """

    class_name: str
    component: int
    volume_ml: float
    centroid_ras_mm: tuple[float, float, float]
    missed: bool
    scores: Mapping[str, Score]
    fp_volume_ml: float
    hd_from_fp: bool | None = None
    structure: int | None = None
    structure_name: str = ""
    structure_distance_mm: float | None = None

    @property
    def dice(self) -> Score:
        """The Dice score in the lesion's region."""
        return self.scores["dice"]

    @property
    def iou(self) -> Score:
        """The IoU in the lesion's region."""
        return self.scores["iou"]


@dataclass(frozen=True)
class ClassEvaluation:
    """The scores of one class: `scores` by the metric's name, and by "cc_" and its name the mean over components.

    Metrics from `RIVALS` have no mean over components.
    """

    name: str
    scores: Mapping[str, Score]
    reference_volume_ml: float
    prediction_volume_ml: float
    fp_volume_ml: float
    fn_volume_ml: float
    components: tuple[ComponentScore, ...]

    @property
    def missed(self) -> int:
        """How many lesions of the reference no predicted voxel lies on."""
        return sum(component.missed for component in self.components)


@dataclass(frozen=True)
class Evaluation:
    """The scores of one case; `worst_mm` is the distance that stands for "not found" in it.

    With several classes a score is the mean over those that have one, and volumes and counts are sums.
    """

    case: str
    parameters: EvaluationParameters
    worst_mm: float
    has_anatomy: bool
    classes: tuple[ClassEvaluation, ...]

    @property
    def scores(self) -> dict[str, Score]:
        """Every score by its name."""
        first = self.classes[0].scores
        if len(self.classes) == 1:
            return dict(first)
        return {name: mean_over_components([of_one.scores[name] for of_one in self.classes]) for name in first}

    @property
    def components(self) -> tuple[ComponentScore, ...]:
        """The lesions of all classes, class by class."""
        return tuple(component for of_one in self.classes for component in of_one.components)

    @property
    def missed(self) -> int:
        """How many lesions of the reference no predicted voxel lies on."""
        return sum(of_one.missed for of_one in self.classes)

    @property
    def dice(self) -> Score:
        """The global Dice score."""
        return self.scores["dice"]

    @property
    def iou(self) -> Score:
        """The global IoU."""
        return self.scores["iou"]

    @property
    def cc_dice(self) -> Score:
        """The mean Dice score over lesions."""
        return self.scores["cc_dice"]

    @property
    def cc_iou(self) -> Score:
        """The mean IoU over lesions."""
        return self.scores["cc_iou"]

    @property
    def reference_volume_ml(self) -> float:
        """The volume of the reference."""
        return sum(of_one.reference_volume_ml for of_one in self.classes)

    @property
    def prediction_volume_ml(self) -> float:
        """The volume of the prediction."""
        return sum(of_one.prediction_volume_ml for of_one in self.classes)

    @property
    def fp_volume_ml(self) -> float:
        """The volume of the prediction outside of the reference."""
        return sum(of_one.fp_volume_ml for of_one in self.classes)

    @property
    def fn_volume_ml(self) -> float:
        """The volume of the reference outside of the prediction."""
        return sum(of_one.fn_volume_ml for of_one in self.classes)


def evaluate(
    reference: Labelmap,
    prediction: Labelmap,
    parameters: EvaluationParameters | None = None,
    *,
    case: str = "",
    anatomy: Labelmap | None = None,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Evaluation:
    """The prediction's scores; every value above 0 is foreground unless the parameters name classes.

    `anatomy` holds DAP ids, on any grid; each voxel takes the id of the nearest voxel there. Without a lesion in the
    reference only the volumes are defined: the metrics are `None` and say so, or are what the policy sets.

    >>> grid = Grid((4, 1, 1), np.eye(4))
    >>> lesions = Labelmap(np.array([1, 0, 0, 1], np.uint8).reshape(4, 1, 1), grid)
    >>> found = Labelmap(np.array([1, 0, 0, 0], np.uint8).reshape(4, 1, 1), grid)
    >>> result = evaluate(lesions, found)
    >>> round(result.dice.value, 3), result.cc_dice.value, result.scores["cc_hd95_mm"].value, result.missed
    (0.667, 0.5, 25.0, 1)

    Raises:
        GridMismatch: The two do not lie on one grid.
        AnatomyGuidedError: Neither of the two has a voxel of a class that the parameters name.
        Cancelled: `cancelled` came true.
    """
    parameters = parameters or EvaluationParameters()
    require_same_grid(reference.grid, prediction.grid, names=("The reference", "the prediction"))
    atlas = resample_labelmap(anatomy, reference.grid) if anatomy else None
    names = [str(value) for value in parameters.classes] or [FOREGROUND]
    worst_mm = worst_distance_mm(parameters.policy, reference.grid.shape, reference.grid.spacing_mm)
    classes = []
    for place, name in enumerate(names):
        pair = _of_class(reference, name), _of_class(prediction, name)
        if parameters.classes and not (pair[0].any() or pair[1].any()):
            raise AnatomyGuidedError(f"Neither the reference nor the prediction has a voxel of class {name}.")
        told = part_of(progress, place / len(names), (place + 1) / len(names))
        classes.append(_class(name, *pair, reference.grid, parameters, worst_mm, atlas, told, cancelled))
    progress(1.0, "Done")
    return Evaluation(case, parameters, worst_mm, anatomy is not None, tuple(classes))


def _of_class(labelmap: Labelmap, name: str) -> npt.NDArray[Any]:
    return labelmap.values if name == FOREGROUND else labelmap.values == int(name)


def _class(
    name: str,
    reference: npt.NDArray[Any],
    prediction: npt.NDArray[Any],
    grid: Grid,
    parameters: EvaluationParameters,
    worst_mm: float,
    atlas: Labelmap | None,
    progress: Progress,
    cancelled: CancelCheck,
) -> ClassEvaluation:
    """One class, with masks or maps of instances."""
    progress(0.0, "Finding the reference's lesions")
    components = _components(reference, parameters)
    stop_if(cancelled)
    unit = grid.spacing_mm if parameters.distance == "mm" else (1.0, 1.0, 1.0)
    how = Measuring(
        spacing_mm=grid.spacing_mm,
        voxel_volume_ml=grid.voxel_volume_ml,
        needs=frozenset(metrics.needed(parameters.lesion_metrics)),
        surface=parameters.surface,
        tolerance_mm=parameters.tolerance_mm,
        boundary_mm=parameters.boundary_mm,
        longest_mm=worst_mm if parameters.policy.worst == "clamped" else np.inf,
    )
    whole, bodies = measured(
        Partition(components, unit),
        prediction,
        lambda: _predicted_lesions(prediction, components, parameters),
        how,
        progress=part_of(progress, 0.2, 0.9),
        cancelled=cancelled,
    )
    rows = _rows(name, components, bodies, grid, parameters, worst_mm, atlas)
    stop_if(cancelled)
    progress(0.9, "Comparing lesions with predicted lesions")
    return _scored(name, whole, rows, _rivals(reference, prediction, grid, parameters), parameters, worst_mm)


def _rivals(
    reference: npt.NDArray[Any], prediction: npt.NDArray[Any], grid: Grid, parameters: EvaluationParameters
) -> dict[str, Score]:
    if not parameters.rival_metrics:
        return {}
    found = rival_scores(reference, prediction, spacing_mm=grid.spacing_mm, parameters=parameters.rival_parameters())
    return {name: found[name] for name in parameters.rival_metrics}


def _components(values: npt.NDArray[Any], parameters: EvaluationParameters) -> Components:
    if parameters.instances in ("reference", "both"):
        return instance_components(values)
    return connected_components(values, connectivity=parameters.connectivity)


def _predicted_lesions(
    prediction: npt.NDArray[Any], components: Components, parameters: EvaluationParameters
) -> PredictedLesions:
    if parameters.instances in ("prediction", "both"):
        return NumberedLesions(prediction, components)
    return ConnectedLesions(prediction, components, parameters.connectivity)


def _scored(
    name: str,
    whole: Bodies,
    rows: Sequence[ComponentScore],
    rivals: Mapping[str, Score],
    parameters: EvaluationParameters,
    worst_mm: float,
) -> ClassEvaluation:
    policy, ml = parameters.policy, whole.voxel_volume_ml
    (of_whole,) = metrics.scores(whole, parameters.lesion_metrics, policy=policy, worst_mm=worst_mm, in_regions=False)
    means = {f"cc_{m}": mean_over_components([row.scores[m] for row in rows]) for m in parameters.lesion_metrics}
    reference, prediction, shared = (
        int(voxels[0]) for voxels in (whole.reference_voxels, whole.prediction_voxels, whole.shared_voxels)
    )
    return ClassEvaluation(
        name=name,
        scores={**of_whole, **means, **rivals},
        reference_volume_ml=reference * ml,
        prediction_volume_ml=prediction * ml,
        fp_volume_ml=(prediction - shared) * ml,
        fn_volume_ml=(reference - shared) * ml,
        components=tuple(rows),
    )


def _rows(
    name: str,
    components: Components,
    bodies: Bodies,
    grid: Grid,
    parameters: EvaluationParameters,
    worst_mm: float,
    atlas: Labelmap | None,
) -> list[ComponentScore]:
    """The lesions of a class in the order of their numbers."""
    policy = parameters.policy
    of_bodies = metrics.scores(bodies, parameters.lesion_metrics, policy=policy, worst_mm=worst_mm, in_regions=True)
    where = places(components, atlas) if atlas else [Place(None, None)] * components.count
    from_fp = bodies.distances.farthest_is_stray().tolist() if bodies.distances else [None] * components.count
    return [
        ComponentScore(
            class_name=name,
            component=component,
            volume_ml=reference * bodies.voxel_volume_ml,
            centroid_ras_mm=_ras(centroid),
            missed=shared == 0,
            scores=scores,
            fp_volume_ml=(predicted - shared) * bodies.voxel_volume_ml,
            hd_from_fp=fp if predicted else None,
            structure=place.structure,
            structure_name="" if place.structure is None else label_by_id(place.structure).name,
            structure_distance_mm=place.distance_mm,
        )
        for component, reference, predicted, shared, centroid, scores, fp, place in zip(
            components.ids.tolist(),
            bodies.reference_voxels.tolist(),
            bodies.prediction_voxels.tolist(),
            bodies.shared_voxels.tolist(),
            grid.ras_from_ijk(components.centroids_ijk),
            of_bodies,
            from_fp,
            where,
            strict=True,
        )
    ]


def _ras(centroid: FloatArray) -> tuple[float, float, float]:
    r_mm, a_mm, s_mm = (float(mm) for mm in centroid)
    return r_mm, a_mm, s_mm
