"""The atlas model that a lesion network learns beside: its labels, and its encoder's features."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Predictor
from torch import nn

from PathologySegLib.learning.cases import Field, Ids


class AtlasModel:
    """An installed atlas model by its name or folder.

    Raises:
        ModelNotInstalled: There is none of that name.
        AnatomyGuidedError: Its labels are not DAP's; or torch is missing.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        self._device = device
        self.predictor = self._read(name)
        if self.predictor.labels.scheme != "dap":
            raise AnatomyGuidedError(
                f"{name} has labels of another scheme, but an atlas model with DAP's was expected."
            )

    def labels(self, ct: Field, spacing_mm: float) -> Ids:
        """The DAP ids that the model sees in HU [i, j, k] along R, A and S."""
        grid = Grid(ct.shape, np.diag([spacing_mm] * 3 + [1.0]))
        found, _ = self.predictor.labelmap([Volume(ct, grid, "HU")], device=self._device)
        return found.values.astype(np.uint8)

    @cached_property
    def network(self) -> nn.Module:
        """Its first network, with its weights."""
        return self.predictor.load()[0]

    @staticmethod
    def _read(name: str) -> Predictor:
        try:
            from AnatomyGuidedLib.predictors.card import read_predictor
        except ModuleNotFoundError as error:
            raise AnatomyGuidedError(NEEDS_TORCH) from error
        return read_predictor(find_model(name).folder)


def untrained(network: nn.Module) -> nn.Module:
    """A network of the same shape whose weights are drawn anew: the control of every frozen encoder."""
    from copy import deepcopy

    drawn = deepcopy(network)
    for part in drawn.modules():
        reset = getattr(part, "reset_parameters", None)
        if reset:
            reset()
    return drawn
