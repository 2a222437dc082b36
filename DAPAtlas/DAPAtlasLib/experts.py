"""Experts: whatever knows a part of the anatomy of a CT and says it as a DAP label map on the CT's grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Volume, require_same_grid
from AnatomyGuidedLib.io import read_anatomy, split_scheme
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, ids_of, scheme
from AnatomyGuidedLib.models import is_model_folder, model_names
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

from DAPAtlasLib import totalsegmentator
from DAPAtlasLib.model_expert import BUNDLED, ModelExpert
from DAPAtlasLib.opinions import Opinion
from DAPAtlasLib.parameters import FILE_PREFIX
from DAPAtlasLib.tissue_rules import tissue_labelmap
from DAPAtlasLib.totalsegmentator import TotalSegmentatorExpert


class Expert(Protocol):
    """A name for the report, and what the expert says of a CT."""

    @property
    def name(self) -> str: ...

    def opinion(self, ct: Volume, cancelled: CancelCheck = ..., progress: Progress = ...) -> Opinion: ...


@dataclass(frozen=True)
class RulesExpert:
    """Body, skin, fat and muscle from HU and morphology."""

    name: str = "rules"

    def opinion(
        self,
        ct: Volume,
        cancelled: CancelCheck = never_cancelled,  # noqa: ARG002
        progress: Progress = no_progress,  # noqa: ARG002
    ) -> Opinion:
        """The tissues; Unknown Tissue where the rules know nothing."""
        return Opinion(self.name, tissue_labelmap(ct), frozenset(ids_of(("Muscles", "Fat", "Skin"))))


@dataclass(frozen=True)
class FileExpert:
    """Another tool's label map, translated from its scheme."""

    source: str

    @property
    def name(self) -> str:
        path, scheme_name = split_scheme(self.source)
        return f"{path.name}@{scheme_name}"

    def opinion(
        self,
        ct: Volume,
        cancelled: CancelCheck = never_cancelled,  # noqa: ARG002
        progress: Progress = no_progress,  # noqa: ARG002
    ) -> Opinion:
        """The file's label map in DAP ids; it knows what its scheme names, and with DAP's own what occurs in it.

        Raises:
            AnatomyGuidedError: The file cannot be read, has labels that its scheme lacks, or lies on another grid.
        """
        labelmap = read_anatomy(self.source)
        path, name = split_scheme(self.source)
        require_same_grid(labelmap.grid, ct.grid, names=(path.name, "the CT"))
        occurring = np.flatnonzero(np.bincount(labelmap.values.ravel())).tolist()
        known = occurring if name == "dap" else scheme(name).to_dap.values()
        return Opinion(self.name, labelmap, frozenset(known) - {0, id_of(UNKNOWN_TISSUE)})


def default_experts() -> tuple[str, ...]:
    """Who is asked where nobody was named: the bundled model, or the rules as long as there is none."""
    return (BUNDLED,) if BUNDLED in model_names() else ("rules",)


def make_expert(text: str, *, device: str = "auto") -> Expert:
    """The expert that a word of `--experts` names; models compute on the device.

    Raises:
        UsageError: The word names no expert, or its scheme is unknown.
    """
    if text == "rules":
        return RulesExpert()
    if text.startswith(FILE_PREFIX):
        source = text.removeprefix(FILE_PREFIX)
        scheme(split_scheme(source)[1])
        return FileExpert(source)
    if text in (totalsegmentator.NAME, totalsegmentator.FAST_NAME):
        return TotalSegmentatorExpert(is_fast=text == totalsegmentator.FAST_NAME)
    models = list(model_names())
    if text in models or is_model_folder(text):
        return ModelExpert(text, device)
    raise UsageError(
        f"There is no expert {Path(text).name!r}; known are rules, file:LABELMAP[@SCHEME], {totalsegmentator.NAME}, "
        f"{totalsegmentator.FAST_NAME}, and models: {', '.join(models) or 'none is installed'}."
    )
