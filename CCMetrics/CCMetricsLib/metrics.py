"""Overlap metrics from counts of voxels; one that is undefined is `None` with its reason, or what a policy says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NO_VOXELS = "neither the reference nor the prediction has a voxel here"
NO_REFERENCE = "the reference has no voxel here"
NO_PREDICTION = "the prediction has no voxel here"
NO_COMPONENTS = "the reference has no lesion"


@dataclass(frozen=True)
class Overlap:
    """How many voxels the reference has, the prediction has, and both have."""

    reference_voxels: int
    prediction_voxels: int
    shared_voxels: int


@dataclass(frozen=True)
class Score:
    """A metric's value, or `None` with the reason why there is none."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class EmptyPolicy:
    """The value an overlap metric takes where it compares with nothing; `None` is undefined.

    By default a prediction that is empty beside a reference scores 0, and without a reference nothing is scored.
    """

    both_empty: float | None = None
    no_reference: float | None = None
    no_prediction: float | None = 0.0


def dice(overlap: Overlap, *, policy: EmptyPolicy) -> Score:
    """Twice the shared voxels over the sum of both (thesis, equation 14); 0 to 1.

    >>> dice(Overlap(reference_voxels=4, prediction_voxels=2, shared_voxels=1), policy=EmptyPolicy()).value
    0.3333333333333333
    """
    both = overlap.reference_voxels + overlap.prediction_voxels
    return _empty_score(overlap, policy) or Score(2 * overlap.shared_voxels / both)


def iou(overlap: Overlap, *, policy: EmptyPolicy) -> Score:
    """The shared voxels over those of either (thesis, equation 13); 0 to 1.

    >>> iou(Overlap(reference_voxels=4, prediction_voxels=2, shared_voxels=1), policy=EmptyPolicy()).value
    0.2
    """
    either = overlap.reference_voxels + overlap.prediction_voxels - overlap.shared_voxels
    return _empty_score(overlap, policy) or Score(overlap.shared_voxels / either)


def mean_over_components(scores: Sequence[Score]) -> Score:
    """The plain average over the components that have a value (thesis, 5.1.2.2): every lesion counts the same.

    >>> mean_over_components([])
    Score(value=None, reason='the reference has no lesion')
    """
    values = [score.value for score in scores if score.value is not None]
    if values:
        return Score(sum(values) / len(values))
    return Score(None, scores[0].reason if scores else NO_COMPONENTS)


def _empty_score(overlap: Overlap, policy: EmptyPolicy) -> Score | None:
    """What the policy says where a side is empty; nothing where both have voxels."""
    if overlap.reference_voxels and overlap.prediction_voxels:
        return None
    if overlap.reference_voxels:
        return Score(policy.no_prediction, NO_PREDICTION)
    if overlap.prediction_voxels:
        return Score(policy.no_reference, NO_REFERENCE)
    return Score(policy.both_empty, NO_VOXELS)
