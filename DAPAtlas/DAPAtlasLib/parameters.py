"""What a person may choose when a CT is labelled: the same object for panel, console and command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.devices import require_device
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.io import split_scheme

from DAPAtlasLib.aggregate import AGGREGATIONS, UNION
from DAPAtlasLib.rules.catalogue import chosen_rules

SEXES = ("F", "M")
ALL_RULES, NO_RULES = "on", "off"
FILE_PREFIX = "file:"

_NO_MODELS = ("rules", "totalsegmentator", "totalsegmentator-fast")


@dataclass(frozen=True)
class AtlasParameters:
    """Experts by name ("rules", "file:LABELMAP[@SCHEME]", a model), the patient's sex and age if known, and
    how to merge and repair.

    `rules` is "on" (all), "off", or names of rules with commas between; `aggregation` is "union", "majority", "staple";
    `device`, for models, "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        UsageError: A value is none of those that are known.
    """

    experts: tuple[str, ...] = ("rules",)
    sex: str | None = None
    rules: str = "on"
    aggregation: str = UNION
    age: float | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.experts:
            raise UsageError("At least one expert is needed: the rules, or a label map of another tool.")
        if any("," in expert for expert in self.experts):
            raise UsageError("A label map's path must not hold a comma; rename the file or its folder.")
        if self.sex is not None and self.sex not in SEXES:
            raise UsageError(f"The sex is {self.sex!r}, but F or M was expected.")
        if self.aggregation not in AGGREGATIONS:
            raise UsageError(
                f"The aggregation is {self.aggregation!r}, but one of {', '.join(AGGREGATIONS)} was expected."
            )
        if self.age is not None and not 0 <= self.age <= 130:
            raise UsageError(f"The age is {self.age:g} years, but 0 to 130 was expected.")
        require_device(self.device)
        self.chosen_rules()

    def chosen_rules(self) -> tuple[str, ...]:
        """The post-processing rules in the order in which they are applied.

        Raises:
            UsageError: There is no rule of a name.
        """
        if self.rules == NO_RULES:
            return ()
        return chosen_rules(None if self.rules == ALL_RULES else [name.strip() for name in self.rules.split(",")])

    def label_map_files(self) -> tuple[Path, ...]:
        """The files that experts read."""
        files = (expert.removeprefix(FILE_PREFIX) for expert in self.experts if expert.startswith(FILE_PREFIX))
        return tuple(split_scheme(file)[0] for file in files)

    def models(self) -> tuple[str, ...]:
        """The experts that are models.

        >>> AtlasParameters(("rules", "file:a.nii.gz", "dap-demo")).models()
        ('dap-demo',)
        """
        return tuple(word for word in self.experts if word not in _NO_MODELS and not word.startswith(FILE_PREFIX))

    def words(self, ct: Path, output: Path) -> list[str]:
        """The command line that means the same: `anatomyguided` followed by these words."""
        sex = ["--sex", self.sex] if self.sex else []
        experts = ",".join(self.experts)
        how = ["--aggregation", self.aggregation, "--rules", self.rules]
        age = [] if self.age is None else ["--age", f"{self.age:g}"]
        device = [] if self.device == "auto" else ["--device", self.device]
        return ["atlas", str(ct), "-o", str(output), "--experts", experts, *how, *sex, *age, *device]

    def experts_without_folders(self) -> tuple[str, ...]:
        """The experts as a report names them: files by their name alone.

        >>> AtlasParameters(("rules", "file:/home/me/organs.nii.gz@totalsegmentator")).experts_without_folders()
        ('rules', 'file:organs.nii.gz@totalsegmentator')
        """
        return tuple(_without_folder(expert) for expert in self.experts)


def _without_folder(expert: str) -> str:
    if not expert.startswith(FILE_PREFIX):
        return Path(expert).name
    path, scheme = split_scheme(expert.removeprefix(FILE_PREFIX))
    return f"{FILE_PREFIX}{path.name}@{scheme}"
