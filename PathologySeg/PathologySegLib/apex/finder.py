"""Lesions by a query network, slice by slice, with what its lesion queries attended to: a model for `lesions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.resample import resample_labelmap

from PathologySegLib.apex.slice_grid import model_grid, study_slices
from PathologySegLib.apex.slices import PatientSlices
from PathologySegLib.finder import Found
from PathologySegLib.parameters import ModelChoice
from PathologySegLib.petct.inputs import ONTO_PET, PetCt

if TYPE_CHECKING:
    from PathologySegLib.apex.attention import SliceAttention
    from PathologySegLib.apex.model_folder import ApexModel


@dataclass(frozen=True, eq=False)
class ApexFinder:
    """A model of axial slices; what lies outside its frame around the body's middle is not looked at."""

    model: ApexModel
    onto: str = ONTO_PET

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def needs_anatomy(self) -> bool:
        return self.model.recipe.chosen_arm.anatomy_input

    @property
    def tells_attention(self) -> bool:
        return self.model.recipe.chosen_arm.exchange.attends

    @property
    def facts(self) -> Mapping[str, object]:
        cohort = self.model.recipe.cohort
        atlas = {"atlas": self.model.recipe.atlas} if self.needs_anatomy else {}
        return {"arm": self.model.recipe.arm, "slices": [*cohort.frame], "spacing_mm": cohort.spacing_mm, **atlas}

    def found(
        self,
        study: PetCt,
        *,
        device: str = "auto",
        progress: Progress = no_progress,
        cancelled: CancelCheck = never_cancelled,
    ) -> Found:
        """The voxels of the study's grid where the model sees a lesion, and the anatomies that it attended to.

        Raises:
            AnatomyGuidedError: torch is missing.
            Cancelled: The user stopped between two batches of slices.
        """
        grid = model_grid(study.ct, self.model.recipe.cohort.frame, self.model.recipe.cohort.spacing_mm)
        patient = study_slices(self.name, study, grid)
        mask, attentions = self._read(patient, chosen_device(device), progress, cancelled)
        on_model = Labelmap(np.ascontiguousarray(mask.transpose(1, 2, 0)).view(np.uint8), grid)
        on_study = resample_labelmap(on_model, study.grid)
        attention = (lambda lesions: self._attended(lesions, grid, attentions)) if attentions else None
        return Found(on_study.values > 0, self.model.notes, attention)

    def _read(
        self, patient: PatientSlices, device: str, progress: Progress, cancelled: CancelCheck
    ) -> tuple[npt.NDArray[np.bool_], dict[int, SliceAttention]]:
        from PathologySegLib.apex.attention import slice_attentions
        from PathologySegLib.apex.evaluation import THRESHOLD, answered, batches, images_of

        segmenter = self.model.segmenter
        segmenter.network.to(device)
        mask: npt.NDArray[np.bool_] = np.zeros(patient.lesions.shape, dtype=np.bool_)
        attentions: dict[int, SliceAttention] = {}
        for places in batches(len(mask)):
            stop_if(cancelled)
            progress(places[0] / len(mask), f"Slice {places[0] + 1} of {len(mask)}")
            images = images_of(patient, places, self.model.classes, anatomy_input=self.needs_anatomy)
            answer = answered(segmenter, images)
            size = (mask.shape[1], mask.shape[2])
            mask[places] = (segmenter.chances(answer, size).amax(1) >= THRESHOLD).cpu().numpy()
            if getattr(answer, "attention", ()):
                attentions |= dict(zip(places, slice_attentions(answer, size), strict=True))
        return mask, attentions

    def _attended(
        self, lesions: Labelmap, grid: Grid, attentions: Mapping[int, SliceAttention]
    ) -> Mapping[int, Sequence[tuple[str, float]]]:
        from PathologySegLib.apex.attention import attention_by_lesion, most_attended

        on_model = resample_labelmap(lesions, grid).values.transpose(2, 0, 1)
        shares = attention_by_lesion(on_model, attentions)
        names = self.model.classes.names
        return {number: most_attended(own, names, len(names)) for number, own in sorted(shares.items())}


def read_finder(folder: Path, entry: Mapping[str, Any], choice: ModelChoice) -> ApexFinder:  # noqa: ARG001
    """The query network of a folder.

    Raises:
        AnatomyGuidedError: It is damaged, or torch or transformers is missing.
    """
    try:
        from PathologySegLib.apex.model_folder import read_apex
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    return ApexFinder(read_apex(folder))
