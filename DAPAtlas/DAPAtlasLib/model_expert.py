"""An expert that is a trained model: bundled with this software, or added by the user."""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, scheme, to_dap
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.predictors.card import read_predictor
from AnatomyGuidedLib.predictors.predictor import Predictor
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

from DAPAtlasLib.opinions import Opinion

BUNDLED = "dap-demo"


@dataclass(frozen=True)
class ModelExpert:
    """A model of the store by name, or of a folder; its labels must have a scheme, so that they mean structures."""

    model: str
    device: str = "auto"

    @property
    def name(self) -> str:
        return find_model(self.model).name

    def opinion(
        self, ct: Volume, cancelled: CancelCheck = never_cancelled, progress: Progress = no_progress
    ) -> Opinion:
        """What the model says of the CT, in DAP ids.

        Raises:
            AnatomyGuidedError: The model is damaged, does not take one CT, or its labels have no scheme.
            Cancelled: The user stopped between two windows.
        """
        predictor = read_predictor(find_model(self.model).folder)
        self._require_ct(predictor)
        labelmap, notes = predictor.labelmap([ct], device=self.device, progress=progress, cancelled=cancelled)
        source = scheme(predictor.labels.scheme)
        known = {source.to_dap[value] for value in predictor.labels.values if value in source.to_dap}
        return Opinion(self.name, to_dap(labelmap, source), frozenset(known) - {0, id_of(UNKNOWN_TISSUE)}, notes)

    def _require_ct(self, predictor: Predictor) -> None:
        if predictor.channels != ("CT",):
            raise UsageError(
                f"The model {predictor.name} takes {', '.join(predictor.channels)}, but an atlas has a CT alone; "
                "choose another model."
            )
        if not predictor.labels.scheme:
            raise UsageError(
                f"The labels of {predictor.name} belong to no scheme, so that nobody knows which structures they are; "
                "add the model again with --scheme."
            )
