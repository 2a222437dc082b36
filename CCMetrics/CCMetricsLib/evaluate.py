"""One case: a prediction scored against its reference, as a whole and lesion by lesion (thesis, 5.1.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, require_same_grid
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

from CCMetricsLib import metrics
from CCMetricsLib.components import Components, connected_components, instance_components
from CCMetricsLib.evaluation import FOREGROUND, ClassEvaluation, ComponentScore, Evaluation
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

_Values = npt.NDArray[Any]


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

    `anatomy` holds DAP ids, on any grid, and may reach beyond the image. Without a lesion in the
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
    names = [str(value) for value in parameters.classes] or [FOREGROUND]
    setting = _Setting(reference.grid, parameters, anatomy)
    classes = []
    for place, name in enumerate(names):
        pair = _of_class(reference, name), _of_class(prediction, name)
        if parameters.classes and not (pair[0].any() or pair[1].any()):
            raise AnatomyGuidedError(f"Neither the reference nor the prediction has a voxel of class {name}.")
        told = part_of(progress, place / len(names), (place + 1) / len(names))
        classes.append(_class(name, pair, setting, told, cancelled))
    progress(1.0, "Done")
    return Evaluation(case, parameters, setting.worst_mm, anatomy is not None, tuple(classes))


def _of_class(labelmap: Labelmap, name: str) -> _Values:
    return labelmap.values if name == FOREGROUND else labelmap.values == int(name)


@dataclass(frozen=True)
class _Setting:
    """What all classes of a case share."""

    grid: Grid
    parameters: EvaluationParameters
    atlas: Labelmap | None

    @cached_property
    def worst_mm(self) -> float:
        return worst_distance_mm(self.parameters.policy, self.grid.shape, self.grid.spacing_mm)

    @property
    def measuring(self) -> Measuring:
        return Measuring(
            spacing_mm=self.grid.spacing_mm,
            voxel_volume_ml=self.grid.voxel_volume_ml,
            needs=frozenset(metrics.needed(self.parameters.lesion_metrics)),
            surface=self.parameters.surface,
            tolerance_mm=self.parameters.tolerance_mm,
            boundary_mm=self.parameters.boundary_mm,
            longest_mm=self.worst_mm if self.parameters.policy.worst == "clamped" else np.inf,
        )

    def scores(self, bodies: Bodies, *, in_regions: bool) -> list[dict[str, Score]]:
        """The metrics of each body by name."""
        names, policy = self.parameters.lesion_metrics, self.parameters.policy
        return metrics.scores(bodies, names, policy=policy, worst_mm=self.worst_mm, in_regions=in_regions)


def _class(
    name: str, pair: tuple[_Values, _Values], setting: _Setting, progress: Progress, cancelled: CancelCheck
) -> ClassEvaluation:
    """One class, with masks or maps of instances."""
    (reference, prediction), parameters = pair, setting.parameters
    progress(0.0, "Finding the reference's lesions")
    components = _components(reference, parameters)
    stop_if(cancelled)
    unit = setting.grid.spacing_mm if parameters.distance == "mm" else (1.0, 1.0, 1.0)
    whole, bodies = measured(
        Partition(components, unit),
        prediction,
        lambda: _predicted_lesions(prediction, components, parameters),
        setting.measuring,
        progress=part_of(progress, 0.2, 0.9),
        cancelled=cancelled,
    )
    rows = _rows(name, components, bodies, setting)
    stop_if(cancelled)
    progress(0.9, "Comparing lesions with predicted lesions")
    means = {f"cc_{m}": mean_over_components([row.scores[m] for row in rows]) for m in parameters.lesion_metrics}
    (of_whole,) = setting.scores(whole, in_regions=False)
    return _class_evaluation(name, whole, {**of_whole, **means, **_rivals(*pair, setting)}, rows)


def _rivals(reference: _Values, prediction: _Values, setting: _Setting) -> dict[str, Score]:
    parameters = setting.parameters
    if not parameters.rival_metrics:
        return {}
    chosen, spacing_mm = parameters.rival_parameters(), setting.grid.spacing_mm
    found = rival_scores(reference, prediction, spacing_mm=spacing_mm, parameters=chosen)
    return {name: found[name] for name in parameters.rival_metrics}


def _components(values: _Values, parameters: EvaluationParameters) -> Components:
    if parameters.instances in ("reference", "both"):
        return instance_components(values)
    return connected_components(values, connectivity=parameters.connectivity)


def _predicted_lesions(
    prediction: _Values, components: Components, parameters: EvaluationParameters
) -> PredictedLesions:
    if parameters.instances in ("prediction", "both"):
        return NumberedLesions(prediction, components)
    return ConnectedLesions(prediction, components, parameters.connectivity)


def _class_evaluation(
    name: str, whole: Bodies, scores: Mapping[str, Score], rows: Sequence[ComponentScore]
) -> ClassEvaluation:
    reference, prediction, shared = (
        int(voxels[0]) for voxels in (whole.reference_voxels, whole.prediction_voxels, whole.shared_voxels)
    )
    return ClassEvaluation(
        name=name,
        scores=scores,
        reference_volume_ml=reference * whole.voxel_volume_ml,
        prediction_volume_ml=prediction * whole.voxel_volume_ml,
        fp_volume_ml=(prediction - shared) * whole.voxel_volume_ml,
        fn_volume_ml=(reference - shared) * whole.voxel_volume_ml,
        components=tuple(rows),
    )


def _rows(name: str, components: Components, bodies: Bodies, setting: _Setting) -> list[ComponentScore]:
    """The lesions of a class in the order of their numbers."""
    nowhere = [Place(None, None)] * components.count
    where = places(components, setting.grid, setting.atlas) if setting.atlas else nowhere
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
            setting.grid.ras_from_ijk(components.centroids_ijk),
            setting.scores(bodies, in_regions=True),
            from_fp,
            where,
            strict=True,
        )
    ]


def _ras(centroid: FloatArray) -> tuple[float, float, float]:
    r_mm, a_mm, s_mm = (float(mm) for mm in centroid)
    return r_mm, a_mm, s_mm
