"""Experts: whatever knows a part of the anatomy of a CT and says it as a DAP label map on the CT's grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import read_anatomy, split_scheme
from AnatomyGuidedLib.labels import scheme

from DAPAtlasLib.parameters import FILE_PREFIX
from DAPAtlasLib.tissue_rules import tissue_labelmap


class Expert(Protocol):
    """A name for the report, and a label map of DAP ids for a CT: 0 where the expert says nothing."""

    @property
    def name(self) -> str: ...

    def predict(self, ct: Volume) -> Labelmap: ...


@dataclass(frozen=True)
class RulesExpert:
    """Body, skin, fat and muscle from HU and morphology."""

    name: str = "rules"

    def predict(self, ct: Volume) -> Labelmap:
        """The tissues; Unknown Tissue where the rules know nothing."""
        return tissue_labelmap(ct)


@dataclass(frozen=True)
class FileExpert:
    """Another tool's label map, translated from its scheme."""

    source: str

    @property
    def name(self) -> str:
        path, scheme_name = split_scheme(self.source)
        return f"{path.name}@{scheme_name}"

    def predict(self, ct: Volume) -> Labelmap:
        """The file's label map in DAP ids.

        Raises:
            AnatomyGuidedError: The file cannot be read, has labels that its scheme lacks, or lies on another grid.
        """
        labelmap = read_anatomy(self.source)
        require_same_grid(labelmap.grid, ct.grid, names=(split_scheme(self.source)[0].name, "the CT"))
        return labelmap


def make_expert(text: str) -> Expert:
    """The expert that a word of `--experts` names.

    Raises:
        UsageError: The word names no expert, or its scheme is unknown.
    """
    if text == "rules":
        return RulesExpert()
    if text.startswith(FILE_PREFIX):
        source = text.removeprefix(FILE_PREFIX)
        scheme(split_scheme(source)[1])
        return FileExpert(source)
    raise UsageError(f"There is no expert {text!r}; known are rules and file:LABELMAP[@SCHEME].")
