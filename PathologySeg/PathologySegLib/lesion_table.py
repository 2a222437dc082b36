"""Lesions numbered from the hottest on, a row each, and the report of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Labelmap, Volume
from scipy import ndimage

from PathologySegLib.nearest_structure import Places
from PathologySegLib.suv_peak import suv_peak

FORMAT, FORMAT_VERSION = "anatomyguided-lesions", 2
COLUMNS = (
    "lesion", "volume_ml", "suv_max", "suv_mean", "suv_peak", "tlg", "centroid_r_mm", "centroid_a_mm", "centroid_s_mm",
    "structure", "nearest_structure", "nearest_mm", "attended",
)  # fmt: skip
TOP_ATTENDED = 5
_ROUNDING = 1e-3
_NAMED = 5

Row = dict[str, object]
Attention = Callable[[Labelmap], Mapping[int, Sequence[tuple[str, float]]]]


@dataclass(frozen=True)
class LesionResult:
    """Lesions numbered from the hottest on, on the PET's grid; a row each; how they were found.

    `attention` holds, by lesion, the structures that a model attended to with their shares, where it tells them.
    """

    labelmap: Labelmap
    rows: tuple[Mapping[str, object], ...]
    reading: Mapping[str, object]
    notes: tuple[str, ...] = ()
    attention: Mapping[int, Sequence[tuple[str, float]]] | None = None

    def report(self) -> dict[str, object]:
        """The result without voxels, for JSON."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "reading": dict(self.reading),
            "lesion_count": len(self.rows),
            "total_volume_ml": self.total("volume_ml"),
            "total_lesion_glycolysis": self.total("tlg"),
            "lesions": [dict(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def total(self, column: str) -> float:
        """The sum over all lesions; that of the volumes is the total metabolic tumour volume where all are tumours."""
        return round(sum(float(str(row[column])) for row in self.rows), 3)


def counted(count: int, noun: str) -> str:
    """The count with its noun.

    >>> counted(1, "lesion"), counted(0, "lesion")
    ('1 lesion', '0 lesions')
    """
    return f"{count} {noun}" + ("" if count == 1 else "s")


def measured(found: npt.NDArray[np.int32], pet: Volume, anatomy: Labelmap | None) -> tuple[Labelmap, list[Row]]:
    """Lesions renumbered by SUVmax, and a row each; the column "attended" is empty.

    Args:
        found: A number above 0 in each lesion's voxels, [i, j, k].
        pet: SUVbw.
        anatomy: DAP ids on the PET's grid.
    """
    numbers = np.unique(found[found > 0])
    if not numbers.size:
        return Labelmap(np.zeros(found.shape, dtype=np.uint8), pet.grid), []
    boxes = ndimage.find_objects(found)
    places = Places(anatomy) if anatomy is not None else None
    rows = [_row(int(number), boxes[number - 1], found, pet, places) for number in numbers]
    rows.sort(key=lambda row: -float(str(row["suv_max"])))
    table = np.zeros(int(numbers.max()) + 1, dtype=np.min_scalar_type(len(rows)))
    for rank, row in enumerate(rows, start=1):
        table[int(str(row["lesion"]))] = rank
        row["lesion"] = rank
    return Labelmap(table[found], pet.grid), rows


def peaks_above(rows: Sequence[Mapping[str, object]]) -> str:
    """A sentence on lesions whose SUVpeak is above their SUVmax, or nothing.

    >>> peaks_above([{"lesion": 1, "suv_max": 6.67, "suv_peak": 8.74}, {"lesion": 2, "suv_max": 5, "suv_peak": 5}])[:55]
    'SUVpeak is above SUVmax (lesion 1): the ball of 1 ml re'
    >>> peaks_above([{"lesion": n, "suv_max": 4, "suv_peak": 5} for n in range(1, 8)])[:60]
    'SUVpeak is above SUVmax (7 lesions: 1, 2, 3, 4, 5 and 2 more'
    """
    above = [str(row["lesion"]) for row in rows if float(str(row["suv_peak"])) > float(str(row["suv_max"])) + _ROUNDING]
    if not above:
        return ""
    named = f"lesion {above[0]}"
    if len(above) > 1:
        few, more = ", ".join(above[:_NAMED]), len(above) - _NAMED
        named = f"{len(above)} lesions: {few}" + (f" and {more} more" if more > 0 else "")
    return (
        f"SUVpeak is above SUVmax ({named}): the ball of 1 ml reaches out of the lesion, as IBSI defines it, into "
        "hotter uptake beside it (an organ's that was taken off, or another lesion's)."
    )


def with_attention(rows: Sequence[Row], attended: Mapping[int, Sequence[tuple[str, float]]]) -> list[Row]:
    """The rows with the structures that a model attended to most, separated by semicolons.

    >>> with_attention([{"lesion": 1, "attended": ""}], {1: [("Liver", 0.2), ("Aorta", 0.5)]})[0]["attended"]
    'Aorta; Liver'
    """
    named = {number: "; ".join(most_attended_by(shares)) for number, shares in attended.items()}
    return [{**row, "attended": named.get(int(str(row["lesion"])), "")} for row in rows]


def most_attended_by(shares: Sequence[tuple[str, float]], top: int = TOP_ATTENDED) -> list[str]:
    """The names of a lesion's largest shares, the largest first: what its row and its segments tell."""
    return [name for name, _ in sorted(shares, key=lambda one: -one[1])[:top]]


def _row(number: int, box: tuple[slice, ...], found: npt.NDArray[np.int32], pet: Volume, places: Places | None) -> Row:
    inside = found[box] == number
    suv = pet.values[box][inside].astype(np.float64)
    volume_ml = inside.sum() * pet.grid.voxel_volume_ml
    voxels = np.argwhere(inside) + [side.start for side in box]
    r, a, s = (round(float(value), 2) for value in pet.grid.ras_from_ijk(voxels.mean(axis=0)))
    return {
        "lesion": number,
        "volume_ml": round(float(volume_ml), 3),
        "suv_max": round(float(suv.max()), 4),
        "suv_mean": round(float(suv.mean()), 4),
        "suv_peak": round(suv_peak(pet, box, inside), 4),
        "tlg": round(float(suv.mean() * volume_ml), 3),
        "centroid_r_mm": r,
        "centroid_a_mm": a,
        "centroid_s_mm": s,
        **_place(voxels, places),
        "attended": "",
    }


def _place(voxels: npt.NDArray[Any], places: Places | None) -> Row:
    if places is None:
        return {"structure": "", "nearest_structure": "", "nearest_mm": None}
    ids = places.anatomy.values[tuple(voxels.T)]
    name, distance_mm = places.nearest(voxels, ids)
    return {
        "structure": places.structure(ids),
        "nearest_structure": name,
        "nearest_mm": None if distance_mm is None else round(distance_mm, 1),
    }
