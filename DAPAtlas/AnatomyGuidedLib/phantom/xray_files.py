"""A film as files: image.png, and two COCO files with run-length masks, instances.json and anatomy.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom.xray import Xray
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from AnatomyGuidedLib.phantom.xray_projection import Mask

IMAGE, INSTANCES, ANATOMY = "image.png", "instances.json", "anatomy.json"
_IMAGE_ID = 1


def write_xray(xray: Xray, folder: Path) -> None:
    """Nothing; the existing folder holds image.png (8 bit), instances.json and anatomy.json."""
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(xray.image), str(folder / IMAGE))
    for name, content in ((INSTANCES, instances_in_coco(xray)), (ANATOMY, anatomy_in_coco(xray))):
        (folder / name).write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def instances_in_coco(xray: Xray) -> dict[str, object]:
    """The findings in COCO's form; a category's id is its place among the 13, from 1."""
    rows = [
        (CATEGORIES.index(finding.category) + 1, finding.mask,
         {"host": finding.host, "low_ras_mm": list(finding.low_ras_mm), "high_ras_mm": list(finding.high_ras_mm)})
        for finding in xray.instances
    ]  # fmt: skip
    return _coco(xray, rows, [(number, name) for number, name in enumerate(CATEGORIES, 1)])


def anatomy_in_coco(xray: Xray) -> dict[str, object]:
    """The projected structures in COCO's form; a category's id is its DAP id."""
    rows = [(id_of(name), mask, dict[str, object]()) for name, mask in xray.anatomy.items()]
    return _coco(xray, rows, [(label.id, label.name) for label in structures()])


def run_lengths(mask: Mask) -> dict[str, list[int]]:
    """A mask in COCO's uncompressed form: lengths of runs down the columns, of pixels outside and inside by turns.

    >>> run_lengths(np.array([[0, 1, 1], [0, 0, 1]], dtype=bool))
    {'size': [2, 3], 'counts': [2, 1, 1, 2]}
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts_inside = bool(flat.size and flat[0])
    counts = np.diff(np.concatenate([[0] * (2 if starts_inside else 1), changes, [flat.size]]))
    return {"size": [int(n) for n in mask.shape], "counts": [int(n) for n in counts]}


def mask_of(lengths: Mapping[str, list[int]]) -> Mask:
    """The mask that these run lengths describe.

    >>> mask_of({"size": [2, 3], "counts": [2, 1, 1, 2]}).astype(int).tolist()
    [[0, 1, 1], [0, 0, 1]]

    Raises:
        AnatomyGuidedError: The runs do not fill the size.
    """
    height, width = lengths["size"]
    counts = np.array(lengths["counts"], dtype=np.intp)
    if counts.sum() != height * width or (counts < 0).any():
        raise AnatomyGuidedError(
            f"Run lengths of {height * width} pixels were expected, but they add up to {counts.sum()}; "
            "the counts belong to a mask of another size."
        )
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return np.asarray(flat.reshape((height, width), order="F"))


def _coco(
    xray: Xray, rows: Iterable[tuple[int, Mask, Mapping[str, object]]], categories: Iterable[tuple[int, str]]
) -> dict[str, object]:
    height, width = xray.image.shape
    return {
        "images": [{"id": _IMAGE_ID, "file_name": IMAGE, "height": height, "width": width, "pixel_mm": xray.pixel_mm}],
        "annotations": [
            _annotation(number, category, mask) | dict(more) for number, (category, mask, more) in enumerate(rows, 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in categories],
    }


def _annotation(number: int, category: int, mask: Mask) -> dict[str, object]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "image_id": _IMAGE_ID,
        "category_id": category,
        "segmentation": run_lengths(mask),
        "area": int(mask.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "iscrowd": 0,
    }
