"""AP of instances by pycocotools: mean over IoU 0.5 to 0.95, by category, as in Table 12."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

from PathologySegLib.apex.instances import Instance

Mask = npt.NDArray[np.bool_]


def average_precisions(
    references: Sequence[Sequence[tuple[int, Mask]]], predictions: Sequence[Sequence[Instance]], categories: int
) -> dict[int, float]:
    """By category that occurs in the references its AP from 0 to 1; entry i of both is the same image.

    Raises:
        AnatomyGuidedError: pycocotools is missing.
        ValueError: There are not as many images.
    """
    occurring = sorted({category for own in references for category, _ in own})
    judged = judged_by_coco(references, predictions, categories)
    if judged is None:
        return dict.fromkeys(occurring, 0.0)
    with redirect_stdout(io.StringIO()):
        judged.accumulate()
    precision = judged.eval["precision"][..., 0, -1]  # IoU, recall, category; all areas, up to 100 instances an image
    return {category: float(precision[:, :, category].mean()) for category in occurring}


def judged_by_coco(
    references: Sequence[Sequence[tuple[int, Mask]]], predictions: Sequence[Sequence[Instance]], categories: int
) -> Any:
    """pycocotools' evaluation with each image's instances matched, not yet accumulated; none without a prediction.

    Raises:
        AnatomyGuidedError: pycocotools is missing.
        ValueError: There are not as many images.
    """
    if len(references) != len(predictions):
        raise ValueError(f"{len(references)} images have references, but {len(predictions)} have predictions.")
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(
            "AP needs pycocotools, which is not installed: pip install 'slicer-anatomy-guided[transformers]'."
        ) from error
    found = _results(predictions)
    if not found:
        return None
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": place, "height": 1, "width": 1} for place in range(len(references))],
            "categories": [{"id": number} for number in range(categories)],
            "annotations": _annotations(references),
        }
        coco.createIndex()
        judged = COCOeval(coco, coco.loadRes(found), "segm")
        judged.evaluate()
    return judged


def mean_average_precision(by_category: dict[int, float]) -> float:
    """The mean over the categories that occur; nan without any.

    >>> mean_average_precision({0: 0.2, 5: 0.4})
    0.30000000000000004
    """
    return float(np.mean(list(by_category.values()))) if by_category else float("nan")


def _annotations(references: Sequence[Sequence[tuple[int, Mask]]]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "image_id": image,
            "category_id": category,
            "segmentation": _encoded(mask),
            "area": int(mask.sum()),
            "iscrowd": 0,
        }
        for number, (image, category, mask) in enumerate(
            ((image, category, mask) for image, own in enumerate(references) for category, mask in own), start=1
        )
    ]


def _results(predictions: Sequence[Sequence[Instance]]) -> list[dict[str, Any]]:
    return [
        {"image_id": image, "category_id": one.category, "segmentation": _encoded(one.mask), "score": one.score}
        for image, own in enumerate(predictions)
        for one in own
    ]


def _encoded(mask: Mask) -> dict[str, Any]:
    from pycocotools import mask as lengths

    encoded: dict[str, Any] = lengths.encode(np.asfortranarray(mask.astype(np.uint8)))
    return encoded
