"""Slices for Grounding DINO, prepared once: one orientation, pixel size and image size, HU and classes side by side."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import read_anatomy, read_ct
from AnatomyGuidedLib.resample import resample_labelmap
from scipy import ndimage

from LIMISLib.finding.augmentation import Augmentation
from LIMISLib.finding.frames import AIR_HU, Frame, Slices, cut_out
from LIMISLib.finding.intensities import Image, Intensities, intensities_of
from LIMISLib.finding.measuring import unseen_patients
from LIMISLib.finding.organs import ORGANS, organ_ids
from LIMISLib.finding.phantom_slices import boxes_of
from LIMISLib.finding.splitting import CaseName
from LIMISLib.planes import AXIAL, SliceView

COLUMNS = ("case", "dataset", "image", "labels")
_MADE_SEED = 5000
_SAMPLED = 20_000  # pixels a case that the normalisation is measured on


@dataclass(frozen=True)
class Case:
    """A case of the cohort, and how its image and its labels are read."""

    name: CaseName
    image: str
    labels: str


@dataclass(frozen=True, eq=False)
class CaseSlices:
    """A case's slices that show an organ: HU (n, rows, columns) and classes, -1 where there is none."""

    hu: npt.NDArray[np.int16]
    classes: npt.NDArray[np.int8]


def read_cases(table: Path) -> list[Case]:
    """The cohort's cases; paths are relative to the table.

    Raises:
        AnatomyGuidedError: The table cannot be read, lacks a column, or is empty.
    """
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise AnatomyGuidedError(f"The cohort {table.name} cannot be read; give a CSV file in UTF-8.") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise AnatomyGuidedError(f"The cohort {table.name} needs rows, and the columns {', '.join(COLUMNS)}.")
    return [
        Case(CaseName(row["case"], row["dataset"]), str(table.parent / row["image"]), str(table.parent / row["labels"]))
        for row in rows
    ]


def made_cases(count: int) -> Iterator[tuple[CaseName, Volume, Labelmap]]:
    """As many made patients, of one data set."""
    for number, (image, anatomy) in enumerate(unseen_patients(count, _MADE_SEED)):
        yield CaseName(f"made_{number:04d}", "made"), image, anatomy


def read_case(case: Case) -> tuple[Volume, Labelmap]:
    """The CT and its DAP labels, on the CT's grid."""
    image = read_ct(case.image, force=True)
    return image, resample_labelmap(read_anatomy(case.labels), image.grid)


def prepare(image: Volume, anatomy: Labelmap, frame: Frame, step_mm: float, folder: Path) -> None:
    """Nothing; the folder has the case's slices that show an organ, to be read by `read_slices`."""
    slices, view = Slices(image, frame), SliceView(anatomy.grid, AXIAL)
    class_of = np.full(1 << 16, -1, dtype=np.int8)
    class_of[list(organ_ids())] = np.arange(len(ORGANS), dtype=np.int8)
    hu, classes = [], []
    for number in slices.numbers(step_mm):
        found = class_of[view.slice_of(anatomy.values, number)]
        if (found >= 0).any():
            stack, corner = slices.stack(number, step_mm)
            hu.append(np.rint(stack[0]).astype(np.int16))
            classes.append(_cut_classes(found, view.pixel_mm, frame, corner))
    folder.mkdir(parents=True, exist_ok=True)
    empty = (0, *frame.shape)
    np.save(folder / "hu.npy", np.stack(hu) if hu else np.zeros(empty, np.int16))
    np.save(folder / "classes.npy", np.stack(classes) if classes else np.zeros(empty, np.int8))


def read_slices(folder: Path) -> CaseSlices:
    """A prepared case; its arrays stay on the disk until they are used."""
    return CaseSlices(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("hu", "classes")))


def measured(cases: Sequence[CaseSlices], rng: np.random.Generator) -> Intensities:
    """The normalisation of the training slices, from a sample of each case's pixels.

    Raises:
        AnatomyGuidedError: They show no organ.
    """
    everywhere, organs = [np.zeros(0, np.int16)], [np.zeros(0, np.int16)]
    for case in cases:
        if case.hu.size:
            places = rng.integers(case.hu.size, size=_SAMPLED)
            hu, classes = case.hu.reshape(-1)[places], case.classes.reshape(-1)[places]
            everywhere.append(hu[hu > AIR_HU])
            organs.append(hu[classes >= 0])
    return intensities_of(np.concatenate(everywhere).astype(np.float32), np.concatenate(organs).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Example:
    """A normalised slice, and the boxes (left, top, right, bottom) in pixels of the structures that it shows."""

    image: Image
    boxes: Mapping[str, tuple[int, int, int, int]]


def example(
    case: CaseSlices,
    number: int,
    intensities: Intensities,
    *,
    augmentation: Augmentation | None = None,
    rng: np.random.Generator,
) -> Example:
    """A slice of a case, augmented if asked; its boxes are around what is then left of each structure."""
    hu, classes = case.hu[number].astype(np.float32), case.classes[number].astype(np.int64)
    if augmentation:
        matrix, shift = augmentation.drawn(rng)
        middle = (np.array(hu.shape) - 1) / 2
        offset = middle + shift - matrix @ middle
        hu = ndimage.affine_transform(hu, matrix, offset, order=1, mode="constant", cval=AIR_HU)
        classes = ndimage.affine_transform(classes, matrix, offset, order=0, mode="constant", cval=-1)
    boxes = boxes_of(classes, len(ORGANS)).tolist()
    return Example(
        intensities.normalised(hu), {name: tuple(box) for name, box in zip(ORGANS, boxes, strict=True) if box[2]}
    )


def _cut_classes(
    classes: npt.NDArray[np.int8], pixel_mm: tuple[float, float], frame: Frame, corner: tuple[int, int]
) -> npt.NDArray[np.int8]:
    """The classes of the nearest pixels, in the frame's part of the slice."""
    ratios = [frame.pixel_mm / side for side in pixel_mm]
    counts = [max(1, round(count / ratio)) for count, ratio in zip(classes.shape, ratios, strict=True)]
    rows, columns = (
        np.clip(np.rint((np.arange(count) + 0.5) * ratio - 0.5), 0, size - 1).astype(np.intp)
        for count, ratio, size in zip(counts, ratios, classes.shape, strict=True)
    )
    near = classes[np.ix_(rows, columns)].astype(np.float32)
    return cut_out(near, corner, frame.shape, outside=-1).astype(np.int8)
