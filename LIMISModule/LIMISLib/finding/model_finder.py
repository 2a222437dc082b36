"""Boxes around what an atlas model names in a CT: all the structures that it knows; a `BoxFinder`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.labels import scheme, to_dap
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH

from LIMISLib.box_finder import AtlasBoxFinder, BoxFinder, Finding
from LIMISLib.planes import AXIAL, Plane


class ModelFinder:
    """The model (an installed one's name, or a folder) labels the CT when the first structure is asked for."""

    def __init__(self, image: Volume, model: str) -> None:
        self._image, self._model = image, find_model(model)
        self.name = f"the atlas model {self._model.name}"

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        """As `BoxFinder.find`; how sure the model is of a box is not known."""
        return self.found(structure, slice_number, AXIAL)

    def in_plane(self, plane: Plane) -> BoxFinder:
        """The finder of the same label map's boxes in slices of the plane."""
        return _InPlane(self, plane)

    def found(self, structure: str, slice_number: int | None, plane: Plane) -> Finding:
        """As `BoxFinder.find`, in slices of the plane."""
        atlas = AtlasBoxFinder(self._anatomy, plane=plane)
        return replace(atlas.find(structure, slice_number), finder=self.name)

    @cached_property
    def _anatomy(self) -> Labelmap:
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
        return to_dap(labels, scheme(predictor.labels.scheme))


class _InPlane:
    """The boxes of a model's label map in slices of one plane."""

    def __init__(self, finder: ModelFinder, plane: Plane) -> None:
        self._finder, self._plane, self.name = finder, plane, finder.name

    def find(self, structure: str, slice_number: int | None = None) -> Finding:
        return self._finder.found(structure, slice_number, self._plane)
