"""The partition against Algorithm 1 of the thesis, spelled out slowly and in whole numbers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from CCMetricsLib.partition import (
    Components,
    Partition,
    connected_components,
    foreground_chunks,
    foreground_voxels,
    instance_components,
)

AXES_THAT_MAY_DIFFER = {6: 1, 18: 2, 26: 3}
TENTHS = (5, 7, 10, 14, 21, 30)  # spacings in 0.1 mm, so that the oracle computes squared distances exactly
ISOTROPIC = (1.0, 1.0, 1.0)


def flood_filled(mask: np.ndarray, connectivity: int) -> np.ndarray:
    """Components numbered in the order in which a scan with i fastest meets them."""
    steps = [s for s in product((-1, 0, 1), repeat=3) if 0 < np.count_nonzero(s) <= AXES_THAT_MAY_DIFFER[connectivity]]
    numbers = np.zeros(mask.shape, int)
    for k, j, i in product(*(range(size) for size in mask.shape[::-1])):
        if mask[i, j, k] and not numbers[i, j, k]:
            number, open_voxels = numbers.max() + 1, [(i, j, k)]
            while open_voxels:
                voxel = open_voxels.pop()
                inside = all(0 <= v < n for v, n in zip(voxel, mask.shape, strict=True))
                if inside and mask[voxel] and not numbers[voxel]:
                    numbers[voxel] = number
                    open_voxels += [tuple(np.add(voxel, step)) for step in steps]
    return numbers


def algorithm_1(numbers: np.ndarray, spacing_tenths: tuple[int, ...]) -> np.ndarray:
    """One squared distance map a component, stacked; argmin takes the first, which is the smallest number."""
    everywhere = np.indices(numbers.shape).reshape(3, -1).T * np.array(spacing_tenths)
    maps = [
        ((everywhere[:, None] - np.argwhere(numbers == number)[None] * np.array(spacing_tenths)) ** 2).sum(-1).min(1)
        for number in range(1, numbers.max() + 1)
    ]
    return (np.argmin(maps, axis=0) + 1).reshape(numbers.shape)


def random_mask(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """From isolated voxels to touching lumps; never empty."""
    mask = rng.random(shape) < rng.choice([0.01, 0.05, 0.2, 0.5])
    mask[tuple(rng.integers(0, shape))] = True
    return mask


def as_array(components: Components) -> np.ndarray:
    values = np.zeros(components.shape, int)
    values[tuple(components.voxels_ijk.T)] = components.ids[components.numbers - 1]
    return values


@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_components_and_regions_equal_algorithm_1_voxel_by_voxel(connectivity: int) -> None:
    rng = np.random.default_rng(connectivity)
    for case in range(100):
        shape = tuple(rng.integers(1, 10, 3)) if case % 3 else (*rng.integers(1, 16, 2), 1)
        mask, tenths = random_mask(rng, shape), tuple(rng.choice(TENTHS, 3))
        numbers = flood_filled(mask, connectivity)
        components = connected_components(mask, connectivity=connectivity)
        np.testing.assert_array_equal(as_array(components), numbers)
        regions = Partition(components, tuple(tenth / 10 for tenth in tenths)).dense()
        np.testing.assert_array_equal(regions, algorithm_1(numbers, tenths), f"{case}: {shape} at {tenths}")


def test_touching_instances_keep_their_ids_and_equal_algorithm_1() -> None:
    rng = np.random.default_rng(4)
    ids = np.array([0, 3, 7, 200])
    for _ in range(60):
        shape, tenths = tuple(rng.integers(2, 9, 3)), tuple(rng.choice(TENTHS, 3))
        ranks = rng.choice(4, shape, p=[0.4, 0.2, 0.2, 0.2])
        ranks[0, 0, 0], ranks[1, 0, 0], ranks[0, 1, 1] = 1, 2, 3
        components = instance_components(ids[ranks].astype(np.uint8))
        np.testing.assert_array_equal(as_array(components), ids[ranks])
        regions = Partition(components, tuple(tenth / 10 for tenth in tenths)).dense()
        np.testing.assert_array_equal(regions, ids[algorithm_1(ranks, tenths)])


def test_a_volume_of_several_tiles_equals_algorithm_1() -> None:
    rng = np.random.default_rng(5)
    mask = np.zeros((140, 70, 3), bool)
    mask[tuple(rng.integers(0, mask.shape, (12, 3)).T)] = True
    numbers = flood_filled(mask, 26)
    regions = Partition(connected_components(mask), (0.7, 1.4, 2.1)).dense()
    np.testing.assert_array_equal(regions, algorithm_1(numbers, (7, 14, 21)))


def test_solid_lesions_of_which_only_the_surface_counts_equal_algorithm_1() -> None:
    rng = np.random.default_rng(9)
    for _ in range(20):
        mask, tenths = np.zeros((14, 12, 10), bool), tuple(rng.choice(TENTHS, 3))
        for _ in range(3):
            low = rng.integers(0, 8, 3)
            mask[tuple(slice(start, start + size) for start, size in zip(low, rng.integers(2, 6, 3), strict=True))] = (
                True
            )
        numbers = flood_filled(mask, 26)
        regions = Partition(connected_components(mask), tuple(tenth / 10 for tenth in tenths)).dense()
        np.testing.assert_array_equal(regions, algorithm_1(numbers, tenths))


def test_the_surface_is_every_voxel_with_a_face_to_the_outside() -> None:
    values = np.zeros((6, 5, 4), np.uint8)
    values[0:5, 0:5, 0:4], values[5] = 1, 2  # a solid block against the image's edge, and a plate that touches it
    components = instance_components(values)
    inner = components.voxels_ijk[~components.surface()]
    assert sorted(map(tuple, inner.tolist())) == sorted(product((1, 2, 3), (1, 2, 3), (1, 2)))


def test_chosen_voxels_get_the_regions_of_the_dense_partition() -> None:
    rng = np.random.default_rng(6)
    for _ in range(30):
        mask = random_mask(rng, (9, 8, 7))
        partition = Partition(connected_components(mask), (0.7, 2.1, 1.4))
        voxels = rng.integers(0, mask.shape, (200, 3))  # in any order, some more than once
        np.testing.assert_array_equal(partition.region_of(voxels), partition.dense()[tuple(voxels.T)])


def test_a_tie_goes_to_the_smallest_number_even_where_floating_point_sees_none() -> None:
    mask = np.zeros((8, 1, 4), bool)
    mask[7, 0, 0], mask[0, 0, 3] = True, True  # component 1 and 2
    tied = np.array([[0, 0, 0]])
    spacing = (0.1, 1.0, 0.7 / 3)  # 7 * 0.1 and 3 * (0.7 / 3): 0.7 mm both, on paper
    assert 7 * spacing[0] != 3 * spacing[2]
    assert Partition(connected_components(mask), spacing).region_of(tied).tolist() == [1]
    assert Partition(connected_components(mask), (spacing[0] * 1.001, 1.0, spacing[2])).region_of(tied).tolist() == [2]


def test_a_tie_of_many_voxels_on_a_sphere_goes_to_the_smallest_number() -> None:
    offsets = np.array(sorted(set(product((-3, 0, 4, 3, -4), repeat=3))))
    shell = offsets[(offsets**2).sum(1) == 25] + 5
    values = np.zeros((11, 11, 11), np.uint8)
    values[tuple(shell.T)] = 9
    values[tuple(shell[-1])] = 4
    assert Partition(instance_components(values), ISOTROPIC).region_of(np.array([[5, 5, 5]])).tolist() == [1]


def test_millimetres_and_voxels_disagree_where_spacing_is_anisotropic() -> None:
    mask = np.zeros((5, 1, 4), bool)
    mask[4, 0, 0], mask[0, 0, 3] = True, True
    corner, components = np.array([[0, 0, 0]]), connected_components(mask)
    assert Partition(components, ISOTROPIC).region_of(corner).tolist() == [2]  # 4 against 3 voxels
    assert Partition(components, (1.0, 1.0, 2.0)).region_of(corner).tolist() == [1]  # 4 against 6 mm


def test_regions_cover_everything_and_each_holds_its_component() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        components = connected_components(random_mask(rng, (12, 9, 5)), connectivity=6)
        regions = Partition(components, (1.0, 2.0, 0.5)).dense()
        assert regions.min() >= 1
        np.testing.assert_array_equal(regions[tuple(components.voxels_ijk.T)], components.numbers)


def test_without_components_every_voxel_lies_in_region_0() -> None:
    components = connected_components(np.zeros((3, 4, 5), np.uint8))
    partition = Partition(components, ISOTROPIC)
    assert components.count == 0
    assert not partition.dense().any()
    assert partition.region_of(np.array([[0, 0, 0], [2, 3, 4]])).tolist() == [0, 0]
    assert partition.region_of(np.zeros((0, 3), int)).tolist() == []


@pytest.mark.parametrize("order", ["C", "F"])
def test_numbering_does_not_depend_on_how_the_array_lies_in_memory(order: str) -> None:
    mask = np.zeros((3, 3, 3), np.uint8, order=order)
    mask[2, 0, 0], mask[0, 2, 0], mask[0, 0, 2] = 5, 6, 7
    assert connected_components(mask).voxels_ijk.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    assert connected_components(mask).numbers.tolist() == [1, 2, 3]


def test_isolated_voxels_of_a_thin_image_are_all_found() -> None:
    """cc3d 4.1.1 fails on these as boolean images: it reserves a label for every eighth voxel."""
    for shape in ((3, 1, 1), (1, 7, 1), (9, 9, 1), (1, 3, 5)):
        mask = np.zeros(shape, bool)
        mask[::2, ::2, ::2] = True
        assert connected_components(mask).count == mask.sum()


def test_sizes_and_centroids_are_those_of_each_component() -> None:
    mask = np.zeros((6, 3, 2), bool)
    mask[0:2, 0, 0], mask[5, 2, 1] = True, True
    components = connected_components(mask)
    assert components.sizes_voxels.tolist() == [2, 1]
    assert components.centroids_ijk.tolist() == [[0.5, 0, 0], [5, 2, 1]]


def test_foreground_comes_in_pieces_of_whole_slices() -> None:
    mask = np.random.default_rng(8).random((5, 4, 6)) < 0.3
    pieces = list(foreground_chunks(mask, chunk_voxels=1))
    assert len(pieces) == np.count_nonzero(mask.any(axis=(0, 1)))
    np.testing.assert_array_equal(np.concatenate(pieces), foreground_voxels(mask))
    np.testing.assert_array_equal(foreground_voxels(mask)[:, ::-1], np.argwhere(mask.T))


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint16, np.uint32, np.int16, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_foreground_is_found_in_every_type_and_layout(kind: type, order: str) -> None:
    rng = np.random.default_rng(10)
    for shape in ((5, 4, 6), (1, 7, 3), (9, 1, 1), (3, 5, 2)):
        mask = np.asarray((rng.random(shape) < 0.2) * 200, kind, order=order)
        for view in (mask, mask[::-1], mask[:, ::2], mask.transpose(2, 0, 1)):
            np.testing.assert_array_equal(foreground_voxels(view)[:, ::-1], np.argwhere(view.T > 0))


def test_an_unknown_connectivity_is_refused() -> None:
    with pytest.raises(ValueError, match="6, 18 or 26"):
        connected_components(np.ones((2, 2, 2)), connectivity=8)


@pytest.mark.parametrize("spacing", [(1.0, 0.0, 1.0), (1.0, -1.0, 1.0), (1.0, float("nan"), 1.0), (1.0, 1.0)])
def test_a_spacing_that_no_image_has_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Partition(connected_components(np.ones((2, 2, 2))), spacing)
