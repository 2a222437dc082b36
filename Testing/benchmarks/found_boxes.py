"""A finder on a CT beside the boxes of its labels: `found_boxes.py CT LABELS[@SCHEME] [--finder small]`.

For each organ the slice that the finder takes, how sure it is, and the overlap with the label's box there; then COCO's
scores over slices 5 mm apart, under the box that the finder has for each.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("DAPAtlas", "LIMISModule")]

from AnatomyGuidedLib.errors import AnatomyGuidedError  # noqa: E402
from AnatomyGuidedLib.io import read_anatomy, read_ct  # noqa: E402
from AnatomyGuidedLib.resample import resample_labelmap  # noqa: E402
from LIMISLib.box import Box  # noqa: E402
from LIMISLib.box_finder import AtlasBoxFinder, BoxFinder, Finding, StructureNotFound  # noqa: E402
from LIMISLib.finding.box_scores import FoundBox, box_scores  # noqa: E402
from LIMISLib.finding.choose import make_finder, parse_finder  # noqa: E402
from LIMISLib.finding.organs import ORGANS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ct")
    parser.add_argument("labels")
    parser.add_argument("--finder", default="small")
    arguments = parser.parse_args()
    image = read_ct(arguments.ct)
    atlas = AtlasBoxFinder(resample_labelmap(read_anatomy(arguments.labels), image.grid))
    finder = make_finder(parse_finder(arguments.finder), image)
    if finder is None:
        raise SystemExit("The atlas is the reference itself; name another finder.")
    started = time.monotonic()
    print("| organ | slice | sure | slice with most of it (label) | IoU on the slice taken |\n|---|---|---|---|---|")
    for name in ORGANS:
        print(_row(name, finder, atlas))
    print(f"\nIn {time.monotonic() - started:.1f} s; {_scores(finder, atlas)}")


def _row(name: str, finder: BoxFinder, atlas: AtlasBoxFinder) -> str:
    most = _found(atlas, name)
    found = _found(finder, name)
    if found is None:
        return f"| {name} | refused | | {most.slice_number if most else 'absent'} | |"
    there = _found(atlas, name, found.slice_number)
    overlap = f"{iou(found.box, there.box):.2f}" if there else "not on this slice"
    sure = f"{found.confidence:.2f}" if found.confidence is not None else ""
    return f"| {name} | {found.slice_number} | {sure} | {most.slice_number if most else 'absent'} | {overlap} |"


def _scores(finder: BoxFinder, atlas: AtlasBoxFinder) -> str:
    scan = finder._scan  # type: ignore[attr-defined]
    reference, predictions = [], []
    for chances, edges, number in zip(scan.chances, scan.edges, scan.numbers, strict=True):
        there = ((name, _found(atlas, name, number)) for name in ORGANS)
        reference.append([FoundBox(name, one.box) for name, one in there if one])
        predictions.append(
            [
                FoundBox(name, Box(*box), float(chance))
                for name, chance, box in zip(ORGANS, chances, edges.tolist(), strict=True)
                if chance >= 0.01 and box[2] - box[0] >= 1 and box[3] - box[1] >= 1
            ]
        )
    scores = box_scores(reference, predictions)
    each = ", ".join(f"{name} {value:.2f}" for name, value in scores.by_structure.items())
    return f"{len(scan.numbers)} slices, {scores.rounded()}; mAP by organ: {each}"


def _found(finder: BoxFinder, name: str, number: int | None = None) -> Finding | None:
    try:
        return finder.find(name, number)
    except (StructureNotFound, AnatomyGuidedError):
        return None


def iou(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(0.0, width) * max(0.0, height)
    return float(shared / np.float64(one.width * one.height + other.width * other.height - shared))


if __name__ == "__main__":
    main()
