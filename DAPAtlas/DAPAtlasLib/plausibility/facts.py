"""Published facts that structures are held against: volumes, levels and HU, from data files that name their sources."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import AnatomyGuidedLib
from AnatomyGuidedLib.labels import Label

_ESTIMATED = "0.5 to 2"
_OWN = Path(__file__).parents[1] / "data"
_SHARED = Path(AnatomyGuidedLib.__file__).parent / "data"


@dataclass(frozen=True)
class VolumeRange:
    """Published lowest and highest volume of an adult's structure in ml, its mean if it has one, and who says so.

    `is_estimate`: no range is published, so that it is half to twice the volume of one reference person.
    """

    low_ml: float
    high_ml: float
    mean_ml: float | None
    source: str
    is_estimate: bool


@dataclass(frozen=True)
class Level:
    """A height: a vertebra's middle, and mm above (+) or below (-) it."""

    vertebra: str
    above_mm: float

    def text(self) -> str:
        """The level in words.

        >>> Level("Vertebra L5", -80).text(), Level("Vertebra T9", 0).text()
        ('80 mm below L5', 'T9')
        """
        short = self.vertebra.removeprefix("Vertebra ")
        if not self.above_mm:
            return short
        return f"{abs(self.above_mm):g} mm {'above' if self.above_mm > 0 else 'below'} {short}"


def volume_range(name: str, sex: str | None) -> VolumeRange | None:
    """The range for the sex, or for both where it is not known; None where nobody published one."""
    found = [_volumes()[key] for key in ((name, "F"), (name, "M")) if key in _volumes() and sex in (None, key[1])]
    if not found:
        return None
    means = [one.mean_ml for one in found if one.mean_ml is not None]
    return VolumeRange(
        min(one.low_ml for one in found),
        max(one.high_ml for one in found),
        sum(means) / len(means) if means else None,
        "; ".join(dict.fromkeys(one.source for one in found)),
        any(one.is_estimate for one in found),
    )


def level_range(name: str) -> tuple[Level, Level] | None:
    """The upper and the lower level between which some of the structure lies; None where it may lie anywhere."""
    return _levels().get(name)


def hu_range(label: Label) -> tuple[float, float] | None:
    """The lowest and the highest mean HU of a whole structure; None where it may be anything."""
    return _hu().get(label.name, _hu().get(label.group))


@cache
def _volumes() -> Mapping[tuple[str, str], VolumeRange]:
    rows = {}
    for row in _rows(_SHARED / "organ_volumes.csv"):
        mean = float(row["mean_ml"]) if row["mean_ml"] else None
        ends = float(row["low_ml"]), float(row["high_ml"])
        rows[row["name"], row["sex"]] = VolumeRange(*ends, mean, row["source"], _ESTIMATED in row["reading"])
    return MappingProxyType(rows)


@cache
def _levels() -> Mapping[str, tuple[Level, Level]]:
    return MappingProxyType(
        {
            row["name"]: (Level(row["upper"], float(row["upper_mm"])), Level(row["lower"], float(row["lower_mm"])))
            for row in _rows(_OWN / "structure_levels.csv")
        }
    )


@cache
def _hu() -> Mapping[str, tuple[float, float]]:
    return MappingProxyType(
        {row["key"]: (float(row["low"]), float(row["high"])) for row in _rows(_OWN / "tissue_hu.csv")}
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
