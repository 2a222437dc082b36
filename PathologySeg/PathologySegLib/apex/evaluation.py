"""How well a segmenter finds the lesions of patients that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from PathologySegLib.apex.anatomy_classes import AnatomyClasses
from PathologySegLib.apex.segmentation_scores import Counts, counts_of, pooled
from PathologySegLib.apex.segmenter import Segmenter
from PathologySegLib.apex.slice_source import slice_example, with_third_channel
from PathologySegLib.apex.slices import PatientSlices

THRESHOLD = 0.5
_AT_ONCE = 16


def lesion_chances(
    segmenter: Segmenter, patient: PatientSlices, classes: AnatomyClasses, *, anatomy_input: bool
) -> npt.NDArray[np.float32]:
    """The chance of a lesion (slices, i, j), the largest over the pathology classes."""
    found: npt.NDArray[np.float32] = np.zeros(patient.lesions.shape, np.float32)
    height, width = found.shape[1:]
    for places in batches(len(found)):
        answer = answered(segmenter, images_of(patient, places, classes, anatomy_input=anatomy_input))
        found[places] = segmenter.chances(answer, (height, width)).amax(1).cpu().numpy()
    return found


def best_threshold(
    chances: Sequence[npt.NDArray[np.float32]], references: Sequence[npt.NDArray[np.bool_]], thresholds: Sequence[float]
) -> float:
    """The threshold whose IoU over all patients' pixels is largest; the first of several.

    >>> chances, reference = np.array([[[0.1, 0.3, 0.6]]], np.float32), np.array([[[False, True, True]]])
    >>> best_threshold([chances], [reference], (0.05, 0.2, 0.5))
    0.2
    """

    def iou(threshold: float) -> float:
        pairs = [(one >= threshold, wanted) for one, wanted in zip(chances, references, strict=True)]
        either = sum(int((found | wanted).sum()) for found, wanted in pairs)
        return sum(int((found & wanted).sum()) for found, wanted in pairs) / max(either, 1)

    return max(thresholds, key=iou)


def batches(count: int) -> list[list[int]]:
    """The numbers from 0 on, so many at once as a batch has slices.

    >>> [len(batch) for batch in batches(20)]
    [16, 4]
    """
    return [list(range(first, min(first + _AT_ONCE, count))) for first in range(0, count, _AT_ONCE)]


def images_of(
    patient: PatientSlices, places: Sequence[int], classes: AnatomyClasses, *, anatomy_input: bool
) -> npt.NDArray[np.float32]:
    """The slices as a batch of three channels."""
    examples = [slice_example(patient, place, classes) for place in places]
    return np.stack([with_third_channel(image, layers, classes, anatomy_input) for image, layers in examples])


@torch.inference_mode()
def answered(segmenter: Segmenter, images: npt.NDArray[np.float32]) -> Any:
    """The network's answer, as in prediction, on the device that its weights are on."""
    network = segmenter.network.eval()
    return network(torch.from_numpy(images).to(next(network.parameters()).device))


def counts_by_patient(
    segmenter: Segmenter,
    patients: Sequence[PatientSlices],
    classes: AnatomyClasses,
    *,
    anatomy_input: bool = False,
    threshold: float = THRESHOLD,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> dict[str, Counts]:
    """By patient the pixels that are shared, over all slices."""
    counts = {}
    for place, patient in enumerate(patients):
        stop_if(cancelled)
        progress(place / len(patients), f"Trying {patient.name}")
        chances = lesion_chances(segmenter, patient, classes, anatomy_input=anatomy_input)
        counts[patient.name] = counts_of(patient.lesions > 0, chances >= threshold)
    return counts


def scores_of(counts: Mapping[Any, Counts]) -> dict[str, float]:
    """IoU, Dice and boundary IoU of all patients' pixels together."""
    return {name: round(value, 4) for name, value in pooled(list(counts.values())).scores().items()}
