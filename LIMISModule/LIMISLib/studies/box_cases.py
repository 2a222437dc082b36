"""Structures in slices of like pixels, with their true mask and a box: of made patients, or of CTs with references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import read_anatomy, read_ct
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from AnatomyGuidedLib.resample import resample_labelmap
from AnatomyGuidedLib.tables import read_rows
from scipy import ndimage

from LIMISLib.box import Box, box_around
from LIMISLib.limis_organs import LIMIS_ORGANS
from LIMISLib.planes import AXIAL, SliceView
from LIMISLib.prompt_segmenter import Mask

PIXEL_MM = 1.0
_FEWEST_MM2 = 60.0


@dataclass(frozen=True, eq=False)
class BoxCase:
    """The slice that shows most of a structure, at pixels of 1 mm, where it is, and the box around it."""

    name: str
    structure: str
    pixels_hu: npt.NDArray[np.float32]
    reference: Mask
    box: Box


def made_box_cases(patients: int, spacing_mm: float, seed: int) -> Iterator[BoxCase]:
    """LIMIS's organs of made patients, whose seeds are small."""
    for number in range(patients):
        patient = make_patient(PatientOptions(spacing_mm=spacing_mm, sex="FM"[number % 2], seed=seed + number))
        yield from box_cases(f"patient {seed + number}", patient.ct, patient.anatomy)


def cohort_box_cases(path: Path) -> Iterator[BoxCase]:
    """LIMIS's organs of a table's CTs: columns case, ct, labels (PATH@SCHEME), with paths relative to the table.

    Raises:
        AnatomyGuidedError: The table or a file of it cannot be read.
    """
    folder = path.absolute().parent
    for _, row in read_rows(path, ("case", "ct", "labels"), "case"):
        image = read_ct(folder / row["ct"])
        anatomy = read_anatomy(str(folder / row["labels"]))
        anatomy = anatomy if anatomy.grid == image.grid else resample_labelmap(anatomy, image.grid)
        yield from box_cases(row["case"], image, anatomy)


def box_cases(name: str, image: Volume, anatomy: Labelmap) -> Iterator[BoxCase]:
    """LIMIS's organs that are in the image, each in the axial slice that shows most of it."""
    view = SliceView(image.grid, AXIAL)
    slices = view.turned(anatomy.values)
    for organ in LIMIS_ORGANS:
        areas = np.count_nonzero(slices == id_of(organ), axis=(1, 2))
        number = int(areas.argmax()) + 1
        pixels_hu, reference = at_pixels(
            view.slice_of(image.values, number), slices[number - 1] == id_of(organ), view.pixel_mm
        )
        if np.count_nonzero(reference) * PIXEL_MM**2 >= _FEWEST_MM2:
            yield BoxCase(f"{name}: {organ}", organ, pixels_hu, reference, box_around(reference))


def at_pixels(
    pixels_hu: npt.NDArray[np.float32], mask: Mask, pixel_mm: tuple[float, float]
) -> tuple[npt.NDArray[np.float32], Mask]:
    """A slice and a mask in it at pixels of 1 mm: the slice cubic, the mask linear and cut at a half.

    >>> hu, mask = at_pixels(np.zeros((4, 6), np.float32), np.ones((4, 6), bool), (2.0, 3.0))
    >>> hu.shape, mask.shape
    ((8, 18), (8, 18))
    """
    zoom = tuple(spacing / PIXEL_MM for spacing in pixel_mm)
    finer = ndimage.zoom(pixels_hu, zoom, order=3, grid_mode=True, mode="nearest")
    chances = ndimage.zoom(mask.astype(np.float32), zoom, order=1, grid_mode=True, mode="nearest")
    return np.asarray(finer, np.float32), np.asarray(chances > 0.5)


def enlarged(box: Box, pixels: float) -> Box:
    """The box with so many pixels more on each side."""
    return box.grown(left=pixels, right=pixels, top=pixels, bottom=pixels)


def dice(one: Mask, other: Mask) -> float:
    """The overlap of two masks, of which one at least is not empty."""
    return float(2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)))


def off_box(box: Box, share: float, rng: np.random.Generator) -> Box:
    """The box as a finder gives it: each side off by a share of the box's size (a standard deviation)."""
    left, right, top, bottom = (rng.normal(0.0, share, 4) * ([box.width] * 2 + [box.height] * 2)).tolist()
    least_x, least_y = -box.width / 4, -box.height / 4
    return box.grown(
        left=max(left, least_x), right=max(right, least_x), top=max(top, least_y), bottom=max(bottom, least_y)
    )
