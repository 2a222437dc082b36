"""Boxes around what an atlas model names in a CT: all the structures that it knows; a `BoxFinder`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.labels import scheme, to_dap
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH

from LIMISLib.box_finder import AtlasBoxFinder, Finding


class ModelFinder:
    """The model (an installed one's name, or a folder) labels the CT when the first structure is asked for."""

    def __init__(self, image: Volume, model: str) -> None:
        self._image, self._model = image, find_model(model)
        self.name = f"the atlas model {self._model.name}"

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        """As `BoxFinder.find`; how sure the model is of a box is not known."""
        return replace(self._atlas.find(structure, slice_number), finder=self.name)

    @cached_property
    def _atlas(self) -> AtlasBoxFinder:
        try:
            from AnatomyGuidedLib.predictors.card import read_predictor

            predictor = read_predictor(self._model.folder)
        except ModuleNotFoundError as error:
            raise AnatomyGuidedError(NEEDS_TORCH) from error
        if predictor.channels != ("CT",) or not predictor.labels.scheme:
            raise UsageError(
                f"The model {self._model.name} does not name the structures of a CT; choose an atlas model."
            )
        labels, _ = predictor.labelmap([self._image])
        return AtlasBoxFinder(to_dap(labels, scheme(predictor.labels.scheme)))
