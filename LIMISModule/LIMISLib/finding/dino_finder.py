"""Boxes by Grounding DINO from a local folder, adapted to CT or not; a `BoxFinder`."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH

from LIMISLib.finding.dino_card import UNADAPTED, read_dino_card
from LIMISLib.finding.frames import Edges, Frame
from LIMISLib.finding.intensities import Image
from LIMISLib.finding.network_finder import LEAST_CHANCE, NetworkFinder
from LIMISLib.finding.scan import Floats

if TYPE_CHECKING:
    from LIMISLib.finding.dino_model import Dino


class GroundingDinoFinder(NetworkFinder):
    """`folder` holds the model; nothing is fetched."""

    def __init__(self, image: Volume, folder: Path, *, least: float = LEAST_CHANCE) -> None:
        if not folder.is_dir():
            raise AnatomyGuidedError(f"There is no folder {folder.name} with a Grounding DINO; check the path.")
        super().__init__(image, partial(DinoDetector, folder), least=least)


class DinoDetector:
    """Grounding DINO as a `Detector`: all structures in one prompt, the surest box of each."""

    step_mm = 10.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._card = read_dino_card(folder)

    @property
    def name(self) -> str:
        adapted = ", not adapted to CT" if self._card is UNADAPTED else ""
        return f"Grounding DINO ({self._folder.name}{adapted})"

    @property
    def frame(self) -> Frame:
        return self._card.frame

    @property
    def structures(self) -> tuple[str, ...]:
        return self._card.structures

    @property
    def largest_mm(self) -> tuple[tuple[float, float], ...]:
        return self._card.largest_mm

    def detect(self, stacks_hu: Image) -> tuple[Floats, Edges]:
        """As `Detector.detect`; the slices above and below are not looked at."""
        import torch

        from LIMISLib.finding.dino_model import best_boxes

        found = []
        for stack in stacks_hu:
            image = self._card.intensities.normalised(stack[:1])
            inputs = self._dino.inputs(image, [self.structures])
            with torch.inference_mode():
                outputs = self._dino.network(**inputs)
            found.append(best_boxes(outputs, inputs["input_ids"], self.frame.shape))
        return np.concatenate([chances for chances, _ in found]), np.concatenate([edges for _, edges in found])

    @cached_property
    def _dino(self) -> Dino:
        try:
            from LIMISLib.finding.dino_model import read_dino
        except ModuleNotFoundError as error:
            raise AnatomyGuidedError(NEEDS_TORCH) from error
        return read_dino(self._folder)
