"""What a data set is made of and how: the settings of `anatomyguided dataset build`."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import read_settings, with_settings

from DAPAtlasLib.aggregate import UNION
from DAPAtlasLib.experts import make_expert
from DAPAtlasLib.parameters import ALL_RULES, AtlasParameters


@dataclass(frozen=True)
class Selection:
    """Which CTs are taken (thesis, 3.1.1): slices of one thickness, and a body from the head to below the hips.

    A thickness of 0 is the commonest of the cohort. With `whole_body` off, any field of view is taken.
    """

    slice_thickness_mm: float = 0.0
    tolerance_mm: float = 0.1
    whole_body: bool = True
    below_hips_mm: float = 10.0

    def __post_init__(self) -> None:
        for name in ("slice_thickness_mm", "tolerance_mm", "below_hips_mm"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise UsageError(f"The setting selection.{name} must be 0 or more mm, but is {value!r}.")


@dataclass(frozen=True)
class DatasetSettings:
    """The cohort's table, the experts and rules, and the review; paths are relative to the settings' file.

    `experts` are those of `anatomyguided atlas`; {COLUMN} in one stands for the patient's value in that column of the
    table. `strict` leaves out cases in which a rule was refused as implausible (3.1.3). `healthy` are the diagnoses of
    patients without a finding.

    Raises:
        UsageError: A value is none of those that are known.
    """

    cohort: str = ""
    output: str = ""
    prefix: str = "AutoPET"
    source: str = ""
    licence: str = ""
    experts: tuple[str, ...] = ("rules",)
    aggregation: str = UNION
    rules: str = ALL_RULES
    strict: bool = True
    healthy: tuple[str, ...] = ("NEGATIVE", "healthy")
    review_cases: int = 25
    seed: int = 0
    selection: Selection = field(default_factory=Selection)

    def __post_init__(self) -> None:
        if self.review_cases < 0 or self.seed < 0:
            raise UsageError("The settings review_cases and seed must be 0 or more.")
        if not self.prefix or file_name(self.prefix) != self.prefix:
            raise UsageError(
                f"The prefix is {self.prefix!r}, but letters, digits, dots, hyphens and underscores were expected."
            )
        AtlasParameters(self.experts, None, self.rules, self.aggregation)
        for expert in self.experts:
            make_expert(expert)


def read_dataset_settings(path: Path) -> DatasetSettings:
    """The settings in a `.toml` or `.json` file.

    Raises:
        UsageError: The file cannot be read; a setting is unknown, of another kind, or missing.
    """
    settings = with_settings(DatasetSettings(), read_settings(path))
    for name in ("cohort", "output"):
        if not getattr(settings, name):
            raise UsageError(f"{path.name} lacks the setting {name}; docs/datasets.md describes all of them.")
    return settings
