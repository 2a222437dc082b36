"""Box to mask on real slices: mean Dice of each segmenter by organ and by how loose the box is, and its seconds a mask.

    python Testing/benchmarks/box2mask_table.py ../shared/realdata
    python Testing/benchmarks/box2mask_table.py ../shared/realdata --segmenter medsam:/path/to/medsam_vit_b.pth

The slices are those of ct_abdomen_3mm.nii.gz that show most of LIMIS's eleven organs (thesis 3.3.2.3), at pixels of
1 mm; the reference is TotalSegmentator's prediction beside it, not a person's. Boxes are the reference's, enlarged.
Times are processor seconds of one thread on a slice of 512 x 512, box + 10 px, the median over the organs, after one
mask to warm up; work that other programs do beside it does not count.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.io import read_anatomy, read_ct
from LIMISLib.guidance import usual_window
from LIMISLib.prompt import PRESETS, Prompt
from LIMISLib.prompt_segmenter import PromptSegmenter
from LIMISLib.segmenters.registry import open_segmenter, segmenter_choice
from LIMISLib.studies.box_cases import BoxCase, box_cases, dice, enlarged

ENLARGED_PX = (0, 5, 10, 20)
_AVAILABLE = ("random_walk", "seeded_growth", "scribbleprompt")
_MM = (1.0, 1.0)
_SIDE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("realdata", type=Path)
    parser.add_argument("--segmenter", action="append", default=[], help="one more, NAME:PLACE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    _one_thread()
    ct = read_ct(arguments.realdata / "ct_abdomen_3mm.nii.gz")
    labels = arguments.realdata / "ct_abdomen_3mm_totalsegmentator.nii.gz"
    anatomy = read_anatomy(f"{labels}@totalsegmentator")
    cases = list(box_cases("abdomen", ct, anatomy))
    found = [filled_box(cases)]
    for text in (*_AVAILABLE, *arguments.segmenter):
        segmenter = open_segmenter(segmenter_choice(text))
        found += [table_row(segmenter, cases, in_window=in_window) for in_window in (False, True)]
    _print(found, cases)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def table_row(segmenter: PromptSegmenter, cases: Sequence[BoxCase], *, in_window: bool) -> dict[str, object]:
    """Dice by organ and enlargement, and seconds a mask."""
    scores = {
        str(px): {case.structure: dice(_mask(segmenter, case, px, in_window), case.reference) for case in cases}
        for px in ENLARGED_PX
    }
    name = f"{segmenter.name}{', organ window' if in_window else ''}"
    return {"segmenter": name, "dice": scores, "seconds": _seconds(segmenter, cases, in_window)}


def filled_box(cases: Sequence[BoxCase]) -> dict[str, object]:
    """The Dice of the box as a mask."""
    scores = {}
    for px in ENLARGED_PX:
        scores[str(px)] = {}
        for case in cases:
            filled = np.zeros_like(case.reference)
            filled[enlarged(case.box, px).pixels(filled.shape)] = True
            scores[str(px)][case.structure] = dice(filled, case.reference)
    return {"segmenter": "filled box", "dice": scores, "seconds": None}


def _mask(segmenter: PromptSegmenter, case: BoxCase, px: int, in_window: bool) -> np.ndarray:
    window = PRESETS[usual_window(case.structure)] if in_window else None
    prompt = Prompt(enlarged(case.box, px), window=window)
    return segmenter.chances(case.pixels_hu, prompt, pixel_mm=_MM) >= 0.5


def _seconds(segmenter: PromptSegmenter, cases: Sequence[BoxCase], in_window: bool) -> float:
    times = []
    for case in (cases[0], *cases):
        missing = [max(0, _SIDE - size) for size in case.pixels_hu.shape]
        pixels = np.pad(case.pixels_hu, [(0, more) for more in missing], constant_values=-1000.0)[:_SIDE, :_SIDE]
        window = PRESETS[usual_window(case.structure)] if in_window else None
        started = time.process_time()
        segmenter.chances(pixels, Prompt(enlarged(case.box, 10), window=window), pixel_mm=_MM)
        times.append(time.process_time() - started)
    return round(float(np.median(times[1:])), 3)


def _print(found: Sequence[dict], cases: Sequence[BoxCase]) -> None:
    print(f"| segmenter | {' | '.join(f'+ {px} px' for px in ENLARGED_PX)} | s a mask |")
    print("|---" * (len(ENLARGED_PX) + 2) + "|")
    for row in found:
        means = [f"{np.mean(list(row['dice'][str(px)].values())):.3f}" for px in ENLARGED_PX]
        print(f"| {row['segmenter']} | {' | '.join(means)} | {row['seconds'] or ''} |")
    organs = [case.structure for case in cases]
    print(f"\nDice by organ at + 10 px\n\n| segmenter | {' | '.join(organs)} |")
    print("|---" * (len(organs) + 1) + "|")
    for row in found:
        values = [f"{row['dice']['10'][organ]:.2f}" for organ in organs]
        print(f"| {row['segmenter']} | {' | '.join(values)} |")


def _one_thread() -> None:
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
