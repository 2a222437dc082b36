"""How much surface passes between 8 neighbouring voxel centres, for each of the 256 ways in which they are in or out.

This is the surface of marching cubes, with its vertices half-way along the edges of the cube that the centres span, and
what DeepMind's surface-distance weighs its surface elements with. Instead of a table of 256 entries: corners that are
in, or out if those are fewer, and that edges join form groups; each group is cut off by one polygon, and there are only
six shapes of groups. Areas add up. Two opposite corners of a face are cut off separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np

from CCMetricsLib.components import FloatArray, Spacing


@cache
def surface_areas_mm2(spacing: Spacing) -> FloatArray:
    """The area by code; bit `a + 2 b + 4 c` of a code says whether the corner at (a, b, c) is in.

    >>> surface_areas_mm2((1.0, 2.0, 4.0))[0b00001111].item()  # a plane across the third axis
    2.0
    """
    faces_mm2 = np.prod(spacing) / np.array(spacing)
    areas = [
        sum(float(np.linalg.norm(normal * faces_mm2)) for group in _groups(code) for normal in _triangles(group))
        for code in range(256)
    ]
    table = np.array(areas)
    table.flags.writeable = False
    return table


def contour_lengths_mm(spacing: tuple[float, float]) -> FloatArray:
    """The same between 4 pixels' centres: the length by code, of which bit `a + 2 b` is the corner at (a, b).

    >>> contour_lengths_mm((1.0, 2.0))[0b0011].item()  # two neighbours along the first axis: a line along it
    1.0
    """
    cut = float(np.linalg.norm(spacing)) / 2
    along_first, along_second = spacing
    by_code = {0b0011: along_first, 0b1100: along_first, 0b0101: along_second, 0b1010: along_second}
    by_code |= {0b0110: 2 * cut, 0b1001: 2 * cut, 0b0000: 0.0, 0b1111: 0.0}
    return np.array([by_code.get(code, cut) for code in range(16)])


def _groups(code: int) -> list[list[int]]:
    """The corners of the cube that are in, or out if those are fewer, joined along edges."""
    corners = [corner for corner in range(8) if code >> corner & 1]
    if len(corners) > 4:
        corners = [corner for corner in range(8) if corner not in corners]
    groups: list[list[int]] = []
    for corner in corners:
        joined = [group for group in groups if any(_edge_axis(corner, other) is not None for other in group)]
        groups = [group for group in groups if group not in joined] + [[corner, *(c for g in joined for c in g)]]
    return groups


def _edge_axis(corner: int, other: int) -> int | None:
    """The axis of the edge between two corners; none if they have no edge."""
    return {1: 0, 2: 1, 4: 2}.get(corner ^ other)


def _triangles(group: Sequence[int]) -> list[FloatArray]:
    """The triangles that cut a group of corners off, as area vectors in a cube of edge 1, up to their signs."""
    edges = [(a, b, axis) for a, b in combinations(group, 2) if (axis := _edge_axis(a, b)) is not None]
    axes = [axis for _, _, axis in edges]
    diagonal = np.ones(3)
    if len(group) == 1:  # a triangle
        return [diagonal / 8]
    if len(group) == 2:  # a rectangle along the edge
        return [(diagonal - _unit(axes[0])) / 4] * 2
    if len(group) == 3:  # a pentagon; half a face, and a trapezoid
        (normal,) = {0, 1, 2}.difference(axes)
        return [_unit(normal) / 2, diagonal * 3 / 8]
    if len(edges) == 4:  # a face of the cube: a rectangle
        (normal,) = {0, 1, 2}.difference(axes)
        return [_unit(normal)]
    degrees = [sum(corner in edge[:2] for edge in edges) for corner in group]
    if 3 in degrees:  # a corner with its three neighbours: a plane hexagon
        return [diagonal * 6 / 8]
    ends = [axis for a, b, axis in edges if 1 in (degrees[group.index(a)], degrees[group.index(b)])]
    return [diagonal / 2, *((diagonal - _unit(axis)) / 4 for axis in ends)]  # a bent chain: a twisted hexagon


def _unit(axis: int) -> FloatArray:
    return np.asarray(np.eye(3)[axis])
