"""How well boxes are found: COCO's mean average precision, by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable

from LIMISLib.box import Box

_NEEDS_COCO = (
    "Boxes are scored by pycocotools, which is not installed: pip install 'slicer-anatomy-guided[transformers]'."
)


@dataclass(frozen=True)
class FoundBox:
    """A structure's box in an image; a reference box is sure."""

    structure: str
    box: Box
    confidence: float = 1.0


@dataclass(frozen=True)
class BoxScores:
    """Mean average precision over IoU 0.5 to 0.95, at 0.5 and at 0.75; and the first by structure."""

    mean: float
    at_50: float
    at_75: float
    by_structure: Mapping[str, float]

    def rounded(self) -> dict[str, float]:
        """The three numbers by the names that COCO's users know.

        >>> BoxScores(0.54321, 0.8, 0.58, {}).rounded()
        {'mAP': 0.5432, 'mAP50': 0.8, 'mAP75': 0.58}
        """
        return {"mAP": round(self.mean, 4), "mAP50": round(self.at_50, 4), "mAP75": round(self.at_75, 4)}


def box_scores(reference: Sequence[Sequence[FoundBox]], predictions: Sequence[Sequence[FoundBox]]) -> BoxScores:
    """The scores of the predicted boxes, one list an image in both; a structure that no image shows does not count.

    Raises:
        NotEvaluable: There is no reference box.
        AnatomyGuidedError: The numbers of images differ, or pycocotools is missing.
    """
    if len(reference) != len(predictions):
        raise AnatomyGuidedError(f"{len(reference)} images have reference boxes, but {len(predictions)} predictions.")
    names = sorted({found.structure for image in reference for found in image})
    if not names:
        raise NotEvaluable("no image has a reference box")
    precision = _precision(reference, predictions, names)
    by_structure = {name: _mean(precision[:, :, number]) for number, name in enumerate(names)}
    return BoxScores(_mean(precision), _mean(precision[0]), _mean(precision[5]), by_structure)


def _precision(
    reference: Sequence[Sequence[FoundBox]], predictions: Sequence[Sequence[FoundBox]], names: Sequence[str]
) -> np.ndarray:
    """Precision by IoU (0.5, 0.55, ... 0.95), recall and structure; -1 where undefined."""
    try:
        from pycocotools.coco import COCO  # type: ignore[import-untyped, unused-ignore]
        from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(_NEEDS_COCO) from error
    numbers = {name: number for number, name in enumerate(names, start=1)}
    truth, found = COCO(), COCO()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints whatever it does
        for one, images in ((truth, reference), (found, predictions)):
            one.dataset = {
                "images": [{"id": number} for number in range(1, len(reference) + 1)],
                "categories": [{"id": number, "name": name} for name, number in numbers.items()],
                "annotations": _annotations(images, numbers),
            }
            one.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"][:, :, :, 0, -1])


def _annotations(images: Sequence[Sequence[FoundBox]], numbers: Mapping[str, int]) -> list[dict[str, object]]:
    annotations: list[dict[str, object]] = []
    for image, boxes in enumerate(images, start=1):
        for found in boxes:
            if found.structure in numbers:
                box = found.box
                annotations.append({
                    "id": len(annotations) + 1, "image_id": image, "category_id": numbers[found.structure],
                    "bbox": [box.left, box.top, box.width, box.height], "area": box.width * box.height,
                    "iscrowd": 0, "score": found.confidence,
                })  # fmt: skip
    return annotations


def _mean(precision: np.ndarray) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else 0.0
