"""Boxes in a CT without labels: a detector looks through the axial slices, and the best slice is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.labels import id_of

from LIMISLib.box_finder import Finding, StructureNotFound
from LIMISLib.finding.frames import Edges, Frame, Slices
from LIMISLib.finding.intensities import Image
from LIMISLib.finding.scan import Floats, best_slice, plausible
from LIMISLib.finding.whole_pixels import whole_box

LEAST_CHANCE = 0.3
_BATCH = 16


class Detector(Protocol):
    """What sees boxes in slices: of which structures, in what frame, every how many mm, and how large at most."""

    @property
    def name(self) -> str:
        """As users read it."""
        ...

    @property
    def frame(self) -> Frame: ...

    @property
    def step_mm(self) -> float: ...

    @property
    def structures(self) -> tuple[str, ...]: ...

    @property
    def largest_mm(self) -> tuple[tuple[float, float], ...]: ...

    def detect(self, stacks_hu: Image) -> tuple[Floats, Edges]:
        """Chances (n, structures) and boxes (n, structures, 4) in pixels, of stacks (n, 3, rows, columns) in HU.

        A stack is the slice, the one below and the one above.
        """
        ...


@dataclass(frozen=True, eq=False)
class Scan:
    """What was found in slices of a CT: chances (n, structures), and boxes (n, structures, 4) in the slice's pixels."""

    numbers: tuple[int, ...]
    chances: Floats
    edges: Edges


class NetworkFinder:
    """A `BoxFinder` that looks through the image once, when first asked for a structure, and loads nothing before."""

    def __init__(self, image: Volume, load: Callable[[], Detector], *, least: float = LEAST_CHANCE) -> None:
        self._image, self._load, self._least = image, load, least

    @property
    def name(self) -> str:
        return self._detector.name

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        """As `BoxFinder.find`: by default the slice with the largest plausible box among those that are confident."""
        place = self._place_of(structure)
        if slice_number is None:
            best = self._best(place)
            if best is None:
                raise self._refusal(structure, float(self._scan.chances[:, place].max()), "in any slice")
            return self._finding(self._scan, best, place)
        self._slices.view.slice_grid(slice_number)  # refuses a slice that is not there
        scan = self._looked_at((slice_number,))
        if scan.chances[0, place] < self._least:
            raise self._refusal(structure, float(scan.chances[0, place]), f"in slice {slice_number}")
        return self._finding(scan, 0, place)

    @cached_property
    def _detector(self) -> Detector:
        return self._load()

    @cached_property
    def _slices(self) -> Slices:
        return Slices(self._image, self._detector.frame)

    @cached_property
    def _scan(self) -> Scan:
        return self._looked_at(tuple(self._slices.numbers(self._detector.step_mm)))

    def _looked_at(self, numbers: tuple[int, ...]) -> Scan:
        chances, edges = [], []
        for first in range(0, len(numbers), _BATCH):
            stacks = [self._slices.stack(number, self._detector.step_mm) for number in numbers[first : first + _BATCH]]
            some_chances, some_edges = self._detector.detect(np.stack([hu for hu, _ in stacks]))
            chances.append(some_chances)
            edges += [
                self._slices.on_slice(found, corner) for found, (_, corner) in zip(some_edges, stacks, strict=True)
            ]
        return Scan(numbers, np.concatenate(chances), np.stack(edges))

    def _best(self, place: int) -> int | None:
        height, width = self._slices.view.pixel_mm
        boxes_mm = self._scan.edges[:, place] * (width, height, width, height)
        areas = (boxes_mm[:, 2] - boxes_mm[:, 0]) * (boxes_mm[:, 3] - boxes_mm[:, 1])
        fits = plausible(boxes_mm, self._detector.largest_mm[place])
        return best_slice(self._scan.chances[:, place], areas, fits, least=self._least)

    def _place_of(self, structure: str) -> int:
        id_of(structure)
        known = self._detector.structures
        if structure not in known:
            raise StructureNotFound(
                f"{self.name} knows {', '.join(known)}, but not {structure}; give an anatomy, or take an atlas model "
                "as the finder (model:dap-demo)."
            )
        return known.index(structure)

    def _finding(self, scan: Scan, place: int, structure: int) -> Finding:
        box = whole_box(scan.edges[place, structure].tolist(), self._slices.view.shape)
        return Finding(scan.numbers[place], box, self.name, float(scan.chances[place, structure]))

    def _refusal(self, structure: str, chance: float, where: str) -> StructureNotFound:
        return StructureNotFound(
            f"{self.name} finds no {structure} {where} that it is sure of: at most {100 * chance:.0f} %, but "
            f"{100 * self._least:.0f} % are needed, in neighbouring slices too, and a box of a plausible size; name a "
            "slice that shows it, or give an anatomy."
        )
