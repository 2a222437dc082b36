"""The scores that CC-Metrics is compared with: panoptic quality, lesion Dice, ccDice, lesion detection, FPV and FNV.

All of them count in one table of overlapping components. docs/rivals.md has each formula, its source and its weakness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError

from CCMetricsLib.component_pairs import ComponentPairs, component_pairs, components_of_voxels
from CCMetricsLib.components import Components, Connectivity, Spacing, foreground_voxels, instance_components
from CCMetricsLib.lesion_dice import LesionDiceParameters, lesion_dice
from CCMetricsLib.metrics import NO_PREDICTION, NO_REFERENCE, NO_VOXELS, Better, EmptyPolicy, Score

Instances = Literal["none", "reference", "prediction", "both"]

RIVALS: Mapping[str, Better] = MappingProxyType(
    {
        "pq": "higher",
        "sq": "higher",
        "rq": "higher",
        "lesion_dice": "higher",
        "cc_dice_topological": "higher",
        "lesion_f1": "higher",
        "lesion_sensitivity": "higher",
        "lesion_precision": "higher",
        "fpv_ml": "lower",
        "fnv_ml": "lower",
    }
)
PQ_IOU = 0.5  # above one half no component can have two partners (Kirillov 2019), so this is no parameter
AUTOPET_CONNECTIVITY: Connectivity = 18
BRATS_CONNECTIVITY: Connectivity = 26
NO_MATCH = f"no predicted component has an IoU above {PQ_IOU} with a lesion"


@dataclass(frozen=True)
class RivalParameters:
    """What the metrics leave open. Lesion Dice (26) and FPV and FNV (18) have connectivities of their own.

    connectivity, instances: how lesions are told apart in the other metrics, as in `EvaluationParameters`.
    detection_iou: a lesion is found by a predicted component whose IoU with it is above this; 0 is any overlap.
    inclusion: the share of a component that must lie in its partner in ccDice (its alpha).
    policy: the scores where a side is empty; SQ is undefined wherever nothing matches.

    Raises:
        UsageError: A value is none of those that the field knows.
    """

    connectivity: Connectivity = 26
    instances: Instances = "none"
    detection_iou: float = 0.0
    inclusion: float = 0.5
    lesion_dice: LesionDiceParameters = field(default_factory=LesionDiceParameters)
    policy: EmptyPolicy = field(default_factory=EmptyPolicy)

    def __post_init__(self) -> None:
        for name, kind in (("connectivity", Connectivity), ("instances", Instances)):
            known, value = get_args(kind), getattr(self, name)
            if value not in known:
                raise UsageError(f"The option {name} must be one of {', '.join(map(str, known))}, but is {value!r}.")
        if not 0 <= self.detection_iou < 1:
            raise UsageError(f"The option detection_iou must lie from 0 to below 1, but is {self.detection_iou}.")
        if not 0 < self.inclusion <= 1:
            raise UsageError(f"The option inclusion must lie above 0 and up to 1, but is {self.inclusion}.")


def rival_scores(
    reference_mask: npt.NDArray[Any],
    prediction_mask: npt.NDArray[Any],
    *,
    spacing_mm: Spacing,
    parameters: RivalParameters | None = None,
) -> dict[str, Score]:
    """The prediction's score by each name of `RIVALS`; arrays [i, j, k], every value above 0 is foreground.

    >>> lesions = np.array([1, 1, 1, 0, 1, 0, 0, 0]).reshape(8, 1, 1)
    >>> found = np.array([1, 1, 0, 0, 0, 0, 0, 1]).reshape(8, 1, 1)
    >>> scores = rival_scores(lesions, found, spacing_mm=(10.0, 10.0, 10.0))
    >>> round(scores["pq"].value, 3), scores["rq"].value, scores["fpv_ml"].value, scores["fnv_ml"].value
    (0.333, 0.5, 1.0, 1.0)

    Raises:
        ValueError: The masks are not three-dimensional arrays of one shape, or the spacing is not three numbers
            above 0.
    """
    parameters = parameters or RivalParameters()
    _require_masks(reference_mask, prediction_mask, spacing_mm)
    i, j, k = reference_mask.shape
    voxels = foreground_voxels(reference_mask), foreground_voxels(prediction_mask)
    labelled = {
        connectivity: [components_of_voxels(side, (i, j, k), connectivity=connectivity) for side in voxels]
        for connectivity in {parameters.connectivity, AUTOPET_CONNECTIVITY, BRATS_CONNECTIVITY}
    }
    reference, prediction = labelled[parameters.connectivity]
    if parameters.instances in ("reference", "both"):
        reference = instance_components(reference_mask)
    if parameters.instances in ("prediction", "both"):
        prediction = instance_components(prediction_mask)
    lesion_score = lesion_dice(
        *labelled[BRATS_CONNECTIVITY],
        spacing_mm=spacing_mm,
        parameters=parameters.lesion_dice,
        policy=parameters.policy,
    )
    scores = {
        **_matching_scores(component_pairs(reference, prediction), parameters),
        "lesion_dice": lesion_score,
        **unmatched_volumes(*labelled[AUTOPET_CONNECTIVITY], spacing_mm=spacing_mm),
    }
    return {name: scores[name] for name in RIVALS}


def panoptic_quality(pairs: ComponentPairs, *, policy: EmptyPolicy) -> dict[str, Score]:
    """Panoptic quality and its factors: `sq`, the mean IoU of the matches, and `rq`, their F1 (thesis, equation 15)."""
    iou = pairs.iou[pairs.iou > PQ_IOU]
    segmentation = Score(float(iou.mean())) if iou.size else Score(None, NO_MATCH)
    empty = _empty_score(pairs, policy)
    if empty:
        return {"pq": empty, "sq": Score(None, empty.reason), "rq": empty}
    both = pairs.reference_voxels.size + pairs.prediction_voxels.size
    return {"pq": Score(2 * float(iou.sum()) / both), "sq": segmentation, "rq": Score(2 * iou.size / both)}


def topological_dice(pairs: ComponentPairs, *, inclusion: float, policy: EmptyPolicy) -> Score:
    """ccDice: the components of either side that have a partner on the other, over all of them (Rougé 2024).

    A component fits into a partner if this covers at least the share `inclusion` of it. Fits are taken from the
    tightest down; each component fits once and is fitted into once. Equal ones go first from the prediction to the
    reference, then by number.
    """
    share = np.concatenate([pairs.share_of_prediction, pairs.share_of_reference])
    order = np.argsort(-share, kind="stable")
    order = order[share[order] >= inclusion]
    inner = np.concatenate([pairs.prediction, -pairs.reference])[order]
    outer = np.concatenate([-pairs.reference, pairs.prediction])[order]
    fitted: set[int] = set()
    taken: set[int] = set()
    for component, partner in zip(inner.tolist(), outer.tolist(), strict=True):
        if component not in fitted and partner not in taken:
            fitted.add(component)
            taken.add(partner)
    both = pairs.reference_voxels.size + pairs.prediction_voxels.size
    return _empty_score(pairs, policy) or Score(len(fitted) / both)


def detection(pairs: ComponentPairs, *, iou: float, policy: EmptyPolicy) -> dict[str, Score]:
    """The shares of lesions found and of predicted components that find one, and their harmonic mean.

    A pair counts if its IoU is above `iou`. Up to one half a component may have several partners, so both shares are
    counted on their own side.
    """
    empty = _empty_score(pairs, policy)
    if empty:
        return dict.fromkeys(("lesion_f1", "lesion_sensitivity", "lesion_precision"), empty)
    found = pairs.iou > iou
    sensitivity = np.unique(pairs.reference[found]).size / pairs.reference_voxels.size
    precision = np.unique(pairs.prediction[found]).size / pairs.prediction_voxels.size
    harmonic = 2 * sensitivity * precision / (sensitivity + precision) if found.any() else 0.0
    return {
        "lesion_f1": Score(harmonic),
        "lesion_sensitivity": Score(sensitivity),
        "lesion_precision": Score(precision),
    }


def unmatched_volumes(reference: Components, prediction: Components, *, spacing_mm: Spacing) -> dict[str, Score]:
    """The volume of whole components of either side that touch no voxel of the other (AutoPET), in ml.

    Without a reference lesion FNV is undefined and FPV is all that is predicted.
    """
    pairs = component_pairs(reference, prediction)
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    false_positive = int(pairs.prediction_voxels[pairs.untouched_prediction()].sum()) * voxel_ml
    false_negative = int(pairs.reference_voxels[pairs.untouched_reference()].sum()) * voxel_ml
    return {
        "fpv_ml": Score(false_positive),
        "fnv_ml": Score(false_negative) if reference.count else Score(None, NO_REFERENCE),
    }


def _matching_scores(pairs: ComponentPairs, parameters: RivalParameters) -> dict[str, Score]:
    topological = topological_dice(pairs, inclusion=parameters.inclusion, policy=parameters.policy)
    return {
        **panoptic_quality(pairs, policy=parameters.policy),
        "cc_dice_topological": topological,
        **detection(pairs, iou=parameters.detection_iou, policy=parameters.policy),
    }


def _empty_score(pairs: ComponentPairs, policy: EmptyPolicy) -> Score | None:
    """What the policy says where a side has no component; nothing where both have."""
    if pairs.reference_voxels.size and pairs.prediction_voxels.size:
        return None
    if pairs.reference_voxels.size:
        return Score(policy.no_prediction, NO_PREDICTION)
    if pairs.prediction_voxels.size:
        return Score(policy.no_reference, NO_REFERENCE)
    return Score(policy.both_empty, NO_VOXELS)


def _require_masks(reference: npt.NDArray[Any], prediction: npt.NDArray[Any], spacing_mm: Spacing) -> None:
    if reference.ndim != 3 or reference.shape != prediction.shape:
        raise ValueError(
            "The reference and the prediction must be arrays [i, j, k] of one shape (a slice has one voxel along k), "
            f"but have the shapes {reference.shape} and {prediction.shape}."
        )
    if len(spacing_mm) != 3 or not all(np.isfinite(spacing_mm)) or min(spacing_mm) <= 0:
        raise ValueError(f"The spacing must be three finite numbers above 0, but is {spacing_mm}.")
