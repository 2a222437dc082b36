"""A finder's learning curve: made patients that it never saw, and COCO's scores on their slices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.phantom import make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.scan import draw_scan

from LIMISLib.box import Box
from LIMISLib.finding.box_scores import FoundBox
from LIMISLib.finding.frames import Edges, Frame, Slices
from LIMISLib.finding.intensities import Image
from LIMISLib.finding.organs import ORGANS, organ_ids
from LIMISLib.finding.phantom_slices import boxes_of
from LIMISLib.planes import AXIAL, SliceView


@dataclass(frozen=True, eq=False)
class Measured:
    """A slice to be measured on: what the network gets in HU, where that lies in the slice, and the true boxes."""

    stack_hu: npt.NDArray[np.int16]
    corner: tuple[int, int]
    slices: Slices
    reference: tuple[FoundBox, ...]


def measured_slices(image: Volume, anatomy: Labelmap, frame: Frame, step_mm: float) -> Iterator[Measured]:
    """Slices about `step_mm` apart that show an organ."""
    slices, view = Slices(image, frame), SliceView(anatomy.grid, AXIAL)
    classes = np.full(1 << 16, -1)
    classes[list(organ_ids())] = np.arange(len(ORGANS))
    for number in slices.numbers(step_mm):
        boxes = boxes_of(classes[view.slice_of(anatomy.values, number)], len(ORGANS))
        reference = tuple(
            FoundBox(name, Box(*edges.tolist())) for name, edges in zip(ORGANS, boxes, strict=True) if edges[2]
        )
        if reference:
            stack, corner = slices.stack(number, step_mm)
            yield Measured(np.rint(stack).astype(np.int16), corner, slices, reference)


def unseen_patients(count: int, first_seed: int, *, spacing_mm: float = 3.0) -> Iterator[tuple[Volume, Labelmap]]:
    """CTs and their label maps, of women and men in turn, every third with something abnormal."""
    for number in range(count):
        rng = np.random.default_rng([first_seed, number])
        body = make_body(
            spacing_mm=spacing_mm, sex="FM"[number % 2], seed=first_seed + number, variants=number % 3 == 2
        )
        lesions = make_lesions(body, count=1, pattern="scattered", rng=rng)
        hu = make_ct(body, lesions, draw_scan(body.plan, rng), rng=rng)
        yield Volume(*body.stored(hu), "HU"), Labelmap(*body.stored(body.labels))


def found_boxes(
    scores: npt.NDArray[np.float64], edges: Edges, measured: Measured, *, least: float = 0.01
) -> list[FoundBox]:
    """The boxes of one slice (classes, and classes x 4), in its pixels and within it; the least sure are left out."""
    rows, columns = measured.slices.view.shape
    on_slice = np.clip(measured.slices.on_slice(edges, measured.corner), 0, (columns, rows, columns, rows))
    return [
        FoundBox(name, Box(*(float(edge) for edge in box)), float(score))
        for name, score, box in zip(ORGANS, scores, on_slice, strict=True)
        if score >= least and box[2] - box[0] >= 1 and box[3] - box[1] >= 1
    ]


def as_float(stack_hu: npt.NDArray[np.int16]) -> Image:
    return stack_hu.astype(np.float32)
