"""The anatomical classes of chest films, PAXRay++'s, and which DAP structures' shadows make each of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError

_TABLE = Path(__file__).parents[1] / "data" / "paxray_classes.csv"
# What a small network learns: large things that any film shows.
SMALL = (
    "lung lower lobe left", "lung upper lobe left", "lung lower lobe right", "lung middle lobe right",
    "lung upper lobe right", "heart", "aorta", "trachea", "liver", "stomach", "sternum", "thoracic spine",
    "clavicle left", "clavicle right", "scapula left", "scapula right",
)  # fmt: skip

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FilmClass:
    """A class of PAXRay++, and the names of the structures whose shadows it is (none where DAP does not part it)."""

    index: int
    name: str
    dap_names: tuple[str, ...]


@cache
def paxray_classes() -> tuple[FilmClass, ...]:
    """All of them, by index.

    >>> len(paxray_classes()), paxray_classes()[121].name
    (159, 'heart')
    """
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            FilmClass(int(row["index"]), row["name"], tuple(filter(None, row["dap_names"].split(";"))))
            for row in csv.DictReader(file)
        )


def film_classes(choice: str) -> tuple[str, ...]:
    """The names that an anatomy branch learns: `paxray` all 159, `projected` those that DAP parts, `small` 16 of them.

    Raises:
        UsageError: There is no such choice.
    """
    if choice == "paxray":
        return tuple(one.name for one in paxray_classes())
    if choice == "projected":
        return tuple(one.name for one in paxray_classes() if one.dap_names)
    if choice == "small":
        return SMALL
    raise UsageError(f"The setting film_anatomy is {choice!r}, but paxray, projected or small was expected.")


def from_dap(shadows: Mapping[str, Mask], names: Sequence[str]) -> dict[str, Mask]:
    """The classes' masks, of the shadows of DAP structures; classes that do not show are left out.

    >>> right, left = np.array([[True, False]]), np.array([[False, True]])
    >>> from_dap({"Clavicula Left": left, "Clavicula Right": right}, ["clavicles", "heart"])
    {'clavicles': array([[ True,  True]])}
    """
    parts = {one.name: one.dap_names for one in paxray_classes()}
    found = {}
    for name in names:
        masks = [shadows[part] for part in parts[name] if part in shadows]
        if masks:
            found[name] = np.logical_or.reduce(masks)
    return found
