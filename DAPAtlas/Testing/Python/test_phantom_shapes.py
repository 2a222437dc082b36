"""Solids as distances: where the surface is exact, it is where the definition says."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.phantom.painting import Canvas, Part
from AnatomyGuidedLib.phantom.shapes import (
    Beyond,
    Common,
    Drum,
    Ellipsoid,
    Loft,
    Offset,
    Union,
    Without,
    ball,
    sections,
    tube,
)

_AXES = tuple(np.arange(-30.0, 30.5, 1.0, dtype=np.float32) for _ in range(3))


def _volume_mm3(shape):
    return float((shape.distance(_AXES) < 0).sum())


def _at(shape, *point):
    return float(shape.distance(tuple(np.array([value], dtype=np.float32) for value in point))[0, 0, 0])


def test_a_balls_distance_is_exact():
    assert _at(ball((1, 2, 3), 10.0), 1, 2, 15) == pytest.approx(2.0, abs=1e-4)
    assert _at(ball((1, 2, 3), 10.0), 1, 8, 3) == pytest.approx(-4.0, abs=1e-4)


def test_solids_have_the_volumes_of_their_formulas():
    turned = Ellipsoid((0.3, 0.2, 0.1), (20.0, 12.0, 8.0), (1.0, 1.0, 0.5), (0.0, 1.0, 1.0))
    assert _volume_mm3(turned) == pytest.approx(4 / 3 * np.pi * 20 * 12 * 8, rel=0.02)
    assert _volume_mm3(Drum((0.3, 0.2, 0.5), 15.0, 10.0, 12.0)) == pytest.approx(np.pi * 15 * 10 * 24, rel=0.02)
    capsule = tube([(0.3, 0.2, -9.9), (0.3, 0.2, 10.1)], 6.0)
    assert _volume_mm3(capsule) == pytest.approx(np.pi * 36 * 20 + 4 / 3 * np.pi * 216, rel=0.02)
    column = Loft(sections((-10.5, 0.3, 12, -7.8, 8.2), (10.5, 0.3, 12, -7.8, 8.2)), squareness=0.0)
    assert _volume_mm3(column) == pytest.approx(np.pi * 12 * 8 * 21, rel=0.03)


@pytest.mark.parametrize("blend", [0.0, 6.0])
def test_a_blend_fills_the_groove_and_nothing_far_away(blend):
    pair = Union((ball((-9, 0, 0), 10.0), ball((9, 0, 0), 10.0)), blend=blend)
    assert (_at(pair, 0, 5.5, 0) < 0) == (blend > 0)
    assert _at(pair, 9, 0, 11) == pytest.approx(1.0, abs=1e-3)


def test_combinations_are_those_of_sets():
    whole, right = ball((0, 0, 0), 20.0), Beyond((0, 0, 0), (1, 0, 0))
    assert _volume_mm3(Common((whole, right))) + _volume_mm3(Without(whole, right)) == pytest.approx(
        _volume_mm3(whole), rel=0.05
    )
    assert _at(Offset(whole, 3.0), 0, 0, 22) == pytest.approx(-1.0, abs=1e-4)


def test_a_point_of_a_loft_lies_on_its_surface():
    loft = Loft(sections((-20, 0, 18, -14, 10), (20, 4, 12, -8, 12)), squareness=0.7, grow=2.0)
    for turn in (0.0, 0.2, 0.5, 0.77, 1.0):
        assert abs(_at(loft, *loft.point(turn, 3.0))) < 1e-3


@pytest.mark.parametrize(
    "shape",
    [
        Ellipsoid((3, 2, 1), (15.0, 5.0, 9.0), (1, 0.4, -0.2), (0, 1, 0.7)),
        tube([(-12, 0, -8), (0, 9, 0), (12, 0, 9)], 3.0, 5.0, 2.0, tall=3.0),
        Drum((1, 2, 3), 14.0, 9.0, 8.0, lean=0.4),
        Union((ball((-9, 0, 0), 8.0), ball((6, 3, 0), 8.0)), blend=8.0),
    ],
    ids=["ellipsoid", "tube", "drum", "union"],
)
def test_bounds_hold_the_whole_solid(shape):
    low, high = shape.bounds()
    inside = np.argwhere(shape.distance(_AXES) < 0) - 30.0
    assert (inside.min(axis=0) >= low).all()
    assert (inside.max(axis=0) <= high).all()


def test_rank_decides_who_keeps_a_voxel_whatever_the_order():
    liver, vein = Part("Liver", ball((0, 0, 0), 12.0), 48), Part("Aorta", tube([(0, 0, -25), (0, 0, 25)], 4.0), 64)
    maps = []
    for parts in ([liver, vein], [vein, liver]):
        canvas = Canvas(_AXES)
        canvas.paint(parts)
        maps.append(canvas.labels)
    assert np.array_equal(*maps)


def test_a_part_keeps_off_what_lies_below_its_floor():
    canvas = Canvas(_AXES)
    canvas.paint([Part("Abdominal Tissue", Beyond((0, 0, 0), (1, 0, 0)), 25)])
    canvas.paint([Part("Spleen", ball((0, 0, 0), 10.0), 47, above=25)])
    assert not canvas.mask("Spleen")[:30].any()
    assert canvas.mask("Spleen")[31:].any()
