"""What a person may choose for a film: the options of `anatomyguided lesions FILM`, and none of a PET/CT's."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import inf
from pathlib import Path

from AnatomyGuidedLib.devices import require_device
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import full_suffix
from AnatomyGuidedLib.io import LABELMAP_FORMATS

from PathologySegLib.parameters import READINGS

_OF_PETCT = ("anatomy", "anatomy_model", "csv", "channels", "lesion_labels", "orientation", "trust")


@dataclass(frozen=True)
class FilmParameters:
    """A model of chest films by name or folder, from which score on a finding counts, and a pixel's size if told.

    Raises:
        UsageError: A value is none that there is.
    """

    model: str
    least_score: float = 0.5
    pixel_mm: float | None = None
    device: str = "auto"
    force: bool = False

    def __post_init__(self) -> None:
        require_device(self.device)
        if self.model in READINGS:
            raise UsageError(
                f"One image came, but {self.model} reads a CT and a PET: give both; or, for a chest film, --model with "
                "a model of films (anatomyguided train apex --config apex-xray-small -o my-films)."
            )
        if not 0 <= self.least_score <= 1:
            raise UsageError(f"The threshold is {self.least_score:g}, but a film's score from 0 to 1 was expected.")
        if self.pixel_mm is not None and not 0 < self.pixel_mm < inf:
            raise UsageError(f"A pixel's size is {self.pixel_mm:g} mm, but one above 0 was expected.")


def film_parameters(arguments: argparse.Namespace) -> FilmParameters:
    """The parameters that the options stand for.

    Raises:
        UsageError: An option is for a PET/CT, the output is a file, or a value is none that there is.
    """
    threshold = {} if arguments.threshold is None else {"least_score": arguments.threshold}
    parameters = FilmParameters(
        arguments.model, pixel_mm=arguments.pixel_mm, device=arguments.device, force=arguments.force, **threshold
    )
    given = [name for name in _OF_PETCT if getattr(arguments, name)]
    given += [name for name, default in (("grid", "pet"), ("segments", "each")) if getattr(arguments, name) != default]
    if given:
        raise UsageError(
            f"--{given[0].replace('_', '-')} is for a CT with its PET, but one chest film came; leave it away."
        )
    if full_suffix(arguments.output) in (*LABELMAP_FORMATS, ".png"):
        raise UsageError(f"A film's findings come as a folder, but {Path(arguments.output).name} is a file's name.")
    return parameters
