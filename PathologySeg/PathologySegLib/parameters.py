"""What a person may choose when lesions are read: the same object for panel, console and command line."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.models import ModelNotInstalled

READINGS = ("suv4", "suv41", "percist")
GRIDS = ("pet", "ct")
_DEFAULT_THRESHOLD_SUV = 4.0


@dataclass(frozen=True)
class LesionParameters:
    """A reading and its threshold.

    `reading`: "suv4" takes every voxel from a fixed SUV on; "suv41" grows each hot spot to 41 % of its maximum;
    "percist" takes its threshold from the liver. `threshold_suv` is the fixed SUV for "suv4" and the least maximum of
    a hot spot for "suv41" (4 for both when not given); "percist" has none to choose.

    Raises:
        ModelNotInstalled: The reading is unknown.
        UsageError: The threshold is not above 0, or is given for "percist"; the grid is unknown.
    """

    reading: str = "suv4"
    threshold_suv: float | None = None
    grid: str = "pet"

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise ModelNotInstalled(f"There is no model {self.reading!r}; known are {', '.join(READINGS)}.")
        if self.grid not in GRIDS:
            raise UsageError(f"The grid is {self.grid!r}, but pet or ct was expected.")
        if self.threshold_suv is not None and self.reading == "percist":
            raise UsageError("percist takes its threshold from the liver; leave --threshold away.")
        if self.threshold_suv is not None and not 0 < self.threshold_suv < inf:
            raise UsageError(f"The threshold is {self.threshold_suv:g}, but an SUV above 0 was expected.")

    @property
    def least_suv(self) -> float:
        """The threshold given, or 4."""
        return _DEFAULT_THRESHOLD_SUV if self.threshold_suv is None else self.threshold_suv

    def words(self, ct: Path, pet: Path, output: Path, *, anatomy: Path | None = None) -> list[str]:
        """The command line that means the same: `anatomyguided` followed by these words."""
        words = ["lesions", str(ct), str(pet), "-o", str(output), "--model", self.reading, "--grid", self.grid]
        words += ["--threshold", str(self.threshold_suv)] if self.threshold_suv is not None else []
        return words + (["--anatomy", str(anatomy)] if anatomy else [])
