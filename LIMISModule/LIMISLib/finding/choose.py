"""Which finder a session has: its name on the command line and in the log, and how it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Volume

from LIMISLib.box_finder import BoxFinder

ATLAS, SMALL, MODEL, DINO, WORKER = "atlas", "small", "model", "grounding-dino", "groundingdino"
FORMS: Mapping[str, str] = {
    ATLAS: "atlas",
    SMALL: "small, or small:FOLDER",
    MODEL: "model:NAME",
    DINO: "grounding-dino:FOLDER",
    WORKER: "groundingdino:PYTHON:FOLDER",
}
_PATH = r"(?:[A-Za-z]:[\\/])?[^:]+"  # with a drive letter or without
_PATHS = {ATLAS: (0,), SMALL: (0, 1), MODEL: (1,), DINO: (1,), WORKER: (2,)}


@dataclass(frozen=True)
class FinderChoice:
    """A kind of finder and the paths that it needs.

    >>> parse_finder("groundingdino:C:/env/python.exe:C:/model").paths
    ('C:/env/python.exe', 'C:/model')
    """

    kind: str
    paths: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As `parse_finder` reads it."""
        return ":".join((self.kind, *self.paths))

    def with_paths(self, changed: Callable[[str], str]) -> FinderChoice:
        """The same choice with each path changed."""
        return replace(self, paths=tuple(changed(path) for path in self.paths))


def parse_finder(text: str) -> FinderChoice:
    """The choice that a text names.

    Raises:
        UsageError: It names none.
    """
    kind, _, rest = text.partition(":")
    paths = tuple(re.findall(_PATH, rest))
    choice = FinderChoice(kind, paths)
    if choice.text != text or len(paths) not in _PATHS.get(kind, ()):
        raise UsageError(f"There is no finder {text!r}; there are {'; '.join(FORMS.values())}.")
    return choice


def choice_for(text: str, *, has_anatomy: bool) -> FinderChoice:
    """The finder that was asked for; else the anatomy's, or without an anatomy the bundled small one.

    Raises:
        UsageError: There is no such finder, or the atlas is asked for without an anatomy.
    """
    choice = parse_finder(text or (ATLAS if has_anatomy else SMALL))
    if choice.kind == ATLAS and not has_anatomy:
        raise UsageError("The finder atlas reads boxes from an anatomy; give one with --anatomy.")
    return choice


def make_finder(choice: FinderChoice, image: Volume) -> BoxFinder | None:
    """The finder for an image, which loads its model when it is first asked; None where a session reads its anatomy.

    Raises:
        AnatomyGuidedError: The model's folder or the interpreter is not there.
    """
    if choice.kind == SMALL:
        from LIMISLib.finding.small_finder import SmallFinder

        return SmallFinder(image, *choice.paths)
    if choice.kind == MODEL:
        from LIMISLib.finding.model_finder import ModelFinder

        return ModelFinder(image, choice.paths[0])
    if choice.kind == DINO:
        from LIMISLib.finding.dino_finder import GroundingDinoFinder

        return GroundingDinoFinder(image, Path(choice.paths[0]))
    if choice.kind == WORKER:
        from LIMISLib.finding.worker_finder import WorkerFinder

        return WorkerFinder(image, python=choice.paths[0], folder=Path(choice.paths[1]))
    return None


def caution(choice: FinderChoice) -> str:
    """What a user should know of the finder before it is used."""
    if choice.kind == SMALL and not choice.paths:
        return (
            "No anatomy is used: structures are found by lang2box-demo, a demonstration model trained on made patients "
            "alone. Check every box; it is not for clinical use."
        )
    return ""
