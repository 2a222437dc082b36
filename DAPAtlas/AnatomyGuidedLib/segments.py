"""How the values of a label map are shown as segments: names, colours, terminology."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.labels import label_by_id, terminology_entry


@dataclass(frozen=True)
class Segment:
    """How one value of a label map is shown: name, colour (0-255), Slicer's serialized terminology ("" for none)."""

    value: int
    name: str
    color: tuple[int, int, int]
    terminology: str = ""


def dap_segments(values: npt.ArrayLike) -> list[Segment]:
    """One segment for each DAP id among the values (0 is none), with Slicer's name, colour and terminology.

    >>> dap_segments([0, 13, 13])[0].name
    'Liver'
    """
    found = [label_by_id(int(value)) for value in np.unique(np.asarray(values)) if value > 0]
    return [Segment(label.id, label.display_name, label.color, terminology_entry(label)) for label in found]


def numbered_segments(count: int, name: str, color: tuple[int, int, int], terminology: str = "") -> list[Segment]:
    """Segments 1 to `count`, called by one name and their number, in shades of one colour.

    >>> [segment.name for segment in numbered_segments(2, "Lesion", (200, 80, 60))]
    ['Lesion 1', 'Lesion 2']
    """
    shades = np.linspace(1.0, 0.6, max(count, 1))
    return [
        Segment(number, f"{name} {number}", _shade(color, float(shades[number - 1])), terminology)
        for number in range(1, count + 1)
    ]


def _shade(color: tuple[int, int, int], factor: float) -> tuple[int, int, int]:
    red, green, blue = (round(channel * factor) for channel in color)
    return red, green, blue
