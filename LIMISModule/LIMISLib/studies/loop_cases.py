"""Images, structures and first boxes for simulated users: of made patients, or of a cohort with reference labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import read_anatomy, read_ct
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from AnatomyGuidedLib.resample import resample_labelmap
from AnatomyGuidedLib.tables import read_rows

from LIMISLib.box import Box
from LIMISLib.box_finder import AtlasBoxFinder, Finding
from LIMISLib.planes import AXIAL, SliceView
from LIMISLib.prompt_segmenter import Mask

ORGANS = (
    *("Liver", "Spleen", "Kidney Left", "Kidney Right", "Gallbladder", "Stomach", "Pancreas", "Bladder", "Aorta"),
    *("Inferior Vena Cava", "Esophagus"),
)
_FEWEST_PIXELS = 60


@dataclass(frozen=True, eq=False)
class LoopCase:
    """A structure to segment in the slice that shows most of it, beside the reference, with a finder's first box."""

    name: str
    image: Volume
    structure: str
    slice_number: int
    reference: Mask
    finder: OffBoxFinder


class OffBoxFinder:
    """A finder that is as wrong as finders are: each side of the true box is off by a share of the box's size."""

    name = "off_box"

    def __init__(self, anatomy: Labelmap, *, share: float, rng: np.random.Generator) -> None:
        self._finder = AtlasBoxFinder(anatomy)
        self._off = rng.normal(0.0, share, 4)

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        """As `BoxFinder.find`."""
        found = self._finder.find(structure, slice_number)
        left, right, top, bottom = self._off * np.array([found.box.width] * 2 + [found.box.height] * 2)
        box = found.box
        return Finding(found.slice_number, Box(box.left + left, box.top + top, box.right + right, box.bottom + bottom))


def made_cases(patients: int, spacing_mm: float, *, share: float, seed: int) -> Iterator[LoopCase]:
    """The organs of made patients, whose seeds are small."""
    for number in range(patients):
        patient = make_patient(PatientOptions(spacing_mm=spacing_mm, sex="FM"[number % 2], seed=seed + number))
        yield from _cases(f"patient {seed + number}", patient.ct, patient.anatomy, share, seed + number)


def cohort_cases(path: Path, *, share: float, seed: int) -> Iterator[LoopCase]:
    """The organs of a table's CTs: columns case, ct, labels (PATH@SCHEME), with paths relative to the table.

    Raises:
        AnatomyGuidedError: The table or a file of it cannot be read.
    """
    folder = path.absolute().parent
    for number, (_, row) in enumerate(read_rows(path, ("case", "ct", "labels"), "case")):
        image = read_ct(folder / row["ct"])
        anatomy = read_anatomy(str(folder / row["labels"]))
        anatomy = anatomy if anatomy.grid == image.grid else resample_labelmap(anatomy, image.grid)
        yield from _cases(row["case"], image, anatomy, share, seed + number)


def _cases(name: str, image: Volume, anatomy: Labelmap, share: float, seed: int) -> Iterator[LoopCase]:
    slices = SliceView(image.grid, AXIAL).turned(anatomy.values)
    for place, organ in enumerate(ORGANS):
        areas = np.count_nonzero(slices == id_of(organ), axis=(1, 2))
        if areas.max() < _FEWEST_PIXELS:
            continue
        number = int(areas.argmax()) + 1
        finder = OffBoxFinder(anatomy, share=share, rng=np.random.default_rng([seed, place]))
        yield LoopCase(f"{name}: {organ}", image, organ, number, slices[number - 1] == id_of(organ), finder)
