"""What lesions' queries attended to as segments: each structure once, in its colour, with the lesions' numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import label_by_id, terminology_entry
from AnatomyGuidedLib.segments import Segment

from PathologySegLib.apex.anatomy_classes import structures_called
from PathologySegLib.lesion_table import most_attended_by


class AttendedSegments(NamedTuple):
    """Where the structures lie, their segments, and the names of those that the anatomy does not hold."""

    labelmap: Labelmap
    segments: list[Segment]
    absent: tuple[str, ...]


def attended_segments(attention: Mapping[int, Sequence[tuple[str, float]]], anatomy: Labelmap) -> AttendedSegments:
    """The structures that lesions attended to most, as in the lesions' table, where they lie in the anatomy (DAP ids).

    A segment's value is the structure's DAP id, or the first one's of a class of several (ribs of a side, vertebrae of
    a region); its colour is that structure's. Without lesions there is nothing.

    Raises:
        UnknownLabel: A name is no structure's.
    """
    values = np.zeros(anatomy.values.shape, np.uint8)
    segments, absent = [], []
    for name, lesions in lesions_by_name(attention).items():
        ids = structures_called(name)
        inside = np.isin(anatomy.values, ids)
        if not inside.any():
            absent.append(name)
            continue
        values[inside] = ids[0]
        first = label_by_id(ids[0])
        shown, entry = (first.display_name, terminology_entry(first)) if len(ids) == 1 else (name, "")
        segments.append(Segment(ids[0], f"{shown} ({numbered(lesions)})", first.color, entry))
    return AttendedSegments(Labelmap(values, anatomy.grid), segments, tuple(absent))


def numbered(numbers: Sequence[int], noun: str = "lesion") -> str:
    """Lesions, or what the noun calls them, by their numbers, neighbours joined.

    >>> numbered([4]), numbered([1, 2, 3, 5, 8, 9])
    ('lesion 4', 'lesions 1-3, 5, 8-9')
    """
    runs = [[n for _, n in run] for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])]
    words = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"{noun} " + words[0] if len(numbers) == 1 else f"{noun}s " + ", ".join(words)


def lesions_by_name(attention: Mapping[int, Sequence[tuple[str, float]]]) -> dict[str, list[int]]:
    """By structure the lesions that attended to it, in the order in which the table names them first."""
    found: dict[str, list[int]] = {}
    for lesion, shares in sorted(attention.items()):
        for name in most_attended_by(shares):
            found.setdefault(name, []).append(lesion)
    return found
