"""Boxes in whole pixels within a slice, so that a session that is run again elsewhere gets the same ones."""

from __future__ import annotations

from collections.abc import Sequence

from LIMISLib.box import Box


def whole_box(edges: Sequence[float], shape: tuple[int, int]) -> Box:
    """The box with edges at the nearest pixel borders, within a slice of this shape, at least a pixel each way.

    >>> whole_box((-3.2, 1.4, 2.6, 1.3), (5, 6))
    Box(left=0, top=1, right=3, bottom=2)
    """
    rows, columns = shape
    left, right = _span(edges[0], edges[2], columns)
    top, bottom = _span(edges[1], edges[3], rows)
    return Box(left, top, right, bottom)


def _span(low: float, high: float, count: int) -> tuple[int, int]:
    first = min(max(round(low), 0), count - 1)
    return first, min(max(round(high), first + 1), count)
