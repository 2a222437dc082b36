"""Findings on a chest film by a query network: the instances that its training was scored by, on the film's pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH

from PathologySegLib.apex.paxray import film_classes
from PathologySegLib.films.frame import Frame
from PathologySegLib.films.table import Finding

if TYPE_CHECKING:
    from PathologySegLib.apex.model_folder import ApexModel


@dataclass(frozen=True, eq=False)
class FilmFinder:
    """A model of chest films."""

    model: ApexModel

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self.model.notes

    @property
    def tells_attention(self) -> bool:
        return self.model.recipe.chosen_arm.exchange.attends

    @property
    def facts(self) -> Mapping[str, object]:
        return {"name": self.name, "arm": self.model.recipe.arm, "pixels": self.model.recipe.films.pixels}

    def findings(
        self, film: npt.NDArray[np.float32], *, least_score: float, device: str = "auto"
    ) -> tuple[Finding, ...]:
        """From that score on, the surest first; masks and scores as the training's evaluation has them.

        Raises:
            AnatomyGuidedError: The film has fewer pixels than the network sees, or the device is not there.
        """
        from PathologySegLib.apex.attention import most_attended
        from PathologySegLib.apex.film_learning import film_instances

        frame, segmenter = self._frame(film), self.model.segmenter
        segmenter.network.to(chosen_device(device))
        instances, shares = film_instances(segmenter, frame.shrunk(film))
        names = film_classes(self.model.recipe.film_anatomy)
        found = [
            Finding(
                CATEGORIES[one.category],
                one.score,
                frame.enlarged(one.mask),
                tuple(most_attended(shares[one.query], names)) if shares is not None else None,
            )
            for one in instances
            if one.score >= least_score
        ]
        return tuple(one for one in found if one.mask.any())  # what lies beside the film alone is none

    def anatomy(self, film: npt.NDArray[np.float32], *, device: str = "auto") -> Mapping[str, npt.NDArray[np.bool_]]:
        """Where the model itself sees PAXRay++'s classes on the film, those that it sees at all.

        Raises:
            AnatomyGuidedError: As `findings`.
        """
        from PathologySegLib.apex.film_learning import film_anatomy

        frame, segmenter = self._frame(film), self.model.segmenter
        segmenter.network.to(chosen_device(device))
        seen = film_anatomy(segmenter, frame.shrunk(film))
        masks = zip(film_classes(self.model.recipe.film_anatomy), map(frame.enlarged, seen), strict=True)
        return {name: mask for name, mask in masks if mask.any()}

    def _frame(self, film: npt.NDArray[np.float32]) -> Frame:
        pixels, (height, width) = self.model.recipe.films.pixels, film.shape
        if min(height, width) < pixels:
            raise AnatomyGuidedError(
                f"The film has {height} x {width} pixels, but {self.name} sees {pixels} x {pixels}; give a larger one."
            )
        return Frame(height, width, pixels)


def read_film_finder(folder: Path) -> FilmFinder:
    """The film model of a folder.

    Raises:
        AnatomyGuidedError: It is damaged, or torch or transformers is missing.
    """
    try:
        from PathologySegLib.apex.model_folder import read_apex

        return FilmFinder(read_apex(folder))
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
