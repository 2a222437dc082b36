"""Hot spots against the definition written out voxel by voxel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PathologySegLib.hot_spots import hot_spots

NEIGHBOURS = [step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]


def _near(voxel, shape):
    for step in NEIGHBOURS:
        other = tuple(np.add(voxel, step).tolist())
        if all(0 <= position < n for position, n in zip(other, shape, strict=True)):
            yield other


def _connected(values, start, level):
    reached, edge = {start}, [start]
    while edge:
        for other in _near(edge.pop(), values.shape):
            if other not in reached and values[other] >= level:
                reached.add(other)
                edge.append(other)
    return reached


def slow_hot_spots(values, least, share):
    """Maxima from the hottest on; each takes what connects to it and no hotter one has taken."""
    spots = np.zeros(values.shape, dtype=int)
    covered = set()
    voxels = sorted(np.ndindex(values.shape), key=lambda voxel: (-values[voxel], voxel))
    for voxel in voxels:
        is_maximum = all(values[voxel] >= values[other] for other in _near(voxel, values.shape))
        if values[voxel] < least or not is_maximum or voxel in covered:
            continue
        region = _connected(values, voxel, np.float32(share) * values[voxel])
        number = spots.max() + 1
        for other in region:
            if spots[other] == 0:
                spots[other] = number
        covered |= region
    return spots


@pytest.mark.parametrize("seed", range(25))
def test_random_images_give_the_spots_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 8, 3).tolist())
    values = (rng.gamma(1.0, 2.5, shape)).astype(np.float32)
    assert np.array_equal(hot_spots(values, least_maximum=4.0), slow_hot_spots(values, 4.0, 0.41))


@pytest.mark.parametrize("seed", range(5))
def test_equal_values_and_plateaus_give_the_spots_of_the_definition(seed):
    values = np.random.default_rng(seed).integers(0, 8, (6, 5, 4)).astype(np.float32)
    found, expected = hot_spots(values, least_maximum=4.0), slow_hot_spots(values, 4.0, 0.41)
    assert np.array_equal(found > 0, expected > 0)


def test_two_foci_that_touch_only_below_both_levels_are_two_spots():
    line = np.array([10, 4.2, 2.0, 5.0, 2.04, 9.0], dtype=np.float32).reshape(-1, 1, 1)
    assert hot_spots(line, least_maximum=4.0)[:, 0, 0].tolist() == [1, 1, 0, 3, 0, 2]


def test_a_cold_image_has_no_spot():
    assert not hot_spots(np.full((3, 3, 3), 3.9, np.float32), least_maximum=4.0).any()
