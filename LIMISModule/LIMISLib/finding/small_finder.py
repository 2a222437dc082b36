"""Boxes of organs by the small network, which is bundled; a `BoxFinder`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Volume

from LIMISLib.finding.frames import Edges, Frame, channels
from LIMISLib.finding.intensities import Image
from LIMISLib.finding.network_finder import NetworkFinder
from LIMISLib.finding.scan import Floats
from LIMISLib.finding.small_model import BUNDLED, read_small_model

if TYPE_CHECKING:
    from LIMISLib.finding.small_model import SmallModel


LEAST_CHANCE = 0.5  # refuses nothing on made patients, and most of what is wrong on a real CT (docs/lang2box.md)


class SmallFinder(NetworkFinder):
    """`model` is an installed model's name or a folder."""

    def __init__(self, image: Volume, model: str = BUNDLED, *, least: float = LEAST_CHANCE) -> None:
        super().__init__(image, partial(_detector, model), least=least)


class SmallDetector:
    """The small network as a `Detector`."""

    step_mm = 5.0

    def __init__(self, model: SmallModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        what = "a demonstration model" if self._model.is_demonstration else "a small network"
        return f"{self._model.name} ({what})"

    @property
    def frame(self) -> Frame:
        return self._model.frame

    @property
    def structures(self) -> tuple[str, ...]:
        return self._model.structures

    @property
    def largest_mm(self) -> tuple[tuple[float, float], ...]:
        return self._model.largest_mm

    def detect(self, stacks_hu: Image) -> tuple[Floats, Edges]:
        """As `Detector.detect`."""
        import torch

        from LIMISLib.finding.decoding import decoded

        images = np.stack([channels(stack, self._model.intensities) for stack in stacks_hu])
        with torch.inference_mode():
            return decoded(self._model.network(torch.from_numpy(images)))


def _detector(model: str) -> SmallDetector:
    try:
        return SmallDetector(read_small_model(model))
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(
            f"The finder needs {error.name or 'torch'}, which is not installed: pip install "
            "'slicer-anatomy-guided[networks]', or in Slicer the PyTorch extension. Or give an anatomy, which needs no "
            "network."
        ) from error
