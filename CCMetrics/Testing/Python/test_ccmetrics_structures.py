"""Where lesions lie: in a structure, near one, or where the atlas knows none."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import id_of, label_by_id, structures
from CCMetricsLib.components import instance_components
from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from CCMetricsLib.structures import Place, places

AFFINE = np.diag([-1.0, 2.0, 3.0, 1.0])
LIVER, SPLEEN, UNKNOWN = id_of("Liver"), id_of("Spleen"), id_of("Unknown Tissue")
SHAPE = (30, 12, 10)


def anatomy(**boxes: tuple[int, tuple[slice, ...]]) -> Labelmap:
    values = np.full(SHAPE, UNKNOWN, np.uint8)
    for value, box in boxes.values():
        values[box] = value
    return Labelmap(values, Grid(SHAPE, AFFINE))


def of_voxels(voxels: list[tuple[int, int, int]], atlas: Labelmap) -> Place:
    values = np.zeros(SHAPE, np.uint8)
    values[tuple(np.transpose(voxels))] = 1
    (place,) = places(instance_components(values), atlas.grid, atlas)
    return place


def test_a_lesion_lies_in_the_structure_of_most_of_its_voxels() -> None:
    atlas = anatomy(a=(LIVER, np.s_[0:5]), b=(SPLEEN, np.s_[5:9]))
    assert of_voxels([(3, 1, 1), (4, 1, 1), (5, 1, 1)], atlas) == Place(LIVER, 0.0)
    assert of_voxels([(4, 1, 1), (5, 1, 1), (6, 1, 1)], atlas) == Place(SPLEEN, 0.0)
    assert of_voxels([(4, 1, 1), (5, 1, 1)], atlas) == Place(min(LIVER, SPLEEN), 0.0)


def test_tissue_that_has_no_name_counts_less_than_any_structure() -> None:
    atlas = anatomy(a=(LIVER, np.s_[0:1]))
    assert of_voxels([(0, 1, 1), (1, 1, 1), (2, 1, 1)], atlas) == Place(LIVER, 0.0)


@pytest.mark.parametrize(("gap", "expected"), [(3, Place(LIVER, 3.0)), (25, Place(LIVER, 25.0))])
def test_outside_of_all_structures_the_nearest_is_told_with_its_distance(gap: int, expected: Place) -> None:
    atlas = anatomy(a=(LIVER, np.s_[0:2]))
    assert of_voxels([(1 + gap, 1, 1), (2 + gap, 2, 1)], atlas) == expected


def test_a_structure_in_the_corner_of_the_box_does_not_hide_a_nearer_one_beyond_it() -> None:
    """Along i the box reaches 10 mm; its corner is farther away than the spleen just outside of it."""
    atlas = anatomy(a=(LIVER, np.s_[10:11, 5:6, 3:4]), b=(SPLEEN, np.s_[11:12, 0:1, 0:1]))
    assert of_voxels([(0, 0, 0)], atlas) == Place(SPLEEN, 11.0)


def test_the_nearest_structure_equals_a_search_of_every_pair() -> None:
    rng = np.random.default_rng(6)
    for _ in range(30):
        values = np.where(rng.random(SHAPE) < 0.002, rng.choice([LIVER, SPLEEN], SHAPE), UNKNOWN).astype(np.uint8)
        voxel = tuple(rng.integers(0, SHAPE).tolist())
        values[voxel] = UNKNOWN
        found = np.argwhere((values == LIVER) | (values == SPLEEN))
        distances = np.linalg.norm((found - voxel) * (1, 2, 3), axis=1)
        place = of_voxels([voxel], Labelmap(values, Grid(SHAPE, AFFINE)))
        assert place.distance_mm == pytest.approx(distances.min())
        nearest = values[tuple(found[np.isclose(distances, distances.min())].T)]
        assert place.structure == nearest.min()


def test_without_any_structure_there_is_none() -> None:
    assert of_voxels([(5, 5, 5)], anatomy()) == Place(None, None)


def test_each_lesion_of_an_evaluation_has_its_place() -> None:
    reference = np.zeros(SHAPE, np.uint8)
    reference[1, 1, 1], reference[20, 5, 5] = 1, 1
    atlas = anatomy(a=(LIVER, np.s_[0:3]))
    result = evaluate(*[Labelmap(reference, atlas.grid)] * 2, EvaluationParameters(metrics=("dice",)), anatomy=atlas)
    assert [(row.structure, row.structure_name, row.structure_distance_mm) for row in result.components] == [
        (LIVER, "Liver", 0.0),
        (LIVER, "Liver", 18.0),
    ]
    assert result.has_anatomy


def test_the_atlas_may_lie_on_another_grid() -> None:
    coarse = np.diag([-2.0, 4.0, 6.0, 1.0])
    values = np.full((15, 6, 5), UNKNOWN, np.uint8)
    values[:, 3:] = SPLEEN
    reference = np.zeros(SHAPE, np.uint8)
    reference[1, 10, 1] = 1
    maps = [Labelmap(reference, Grid(SHAPE, AFFINE))] * 2
    (row,) = evaluate(*maps, anatomy=Labelmap(values, Grid(values.shape, coarse))).components
    assert (row.structure_name, row.structure_distance_mm) == ("Spleen", 0.0)


def test_every_structure_of_the_table_can_be_told() -> None:
    for label in structures():
        atlas = Labelmap(np.full((1, 1, 1), label.id, np.uint8), Grid((1, 1, 1), AFFINE))
        (place,) = places(instance_components(np.ones((1, 1, 1), np.uint8)), atlas.grid, atlas)
        assert label_by_id(place.structure).name == label.name


def test_an_atlas_that_reaches_beyond_the_image_is_searched_there_too() -> None:
    """A lesion voxel at R = -2; liver 10 mm away within the image, spleen 8 mm away beyond it; voxels of 2 mm."""
    image = Grid((8, 1, 1), np.diag([2.0, 2.0, 2.0, 1.0]))
    wide = Grid(
        (20, 1, 1), np.array([[-2.0, 0, 0, 20], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    )  # from R = 20 down
    lesions, atlas = np.zeros(image.shape, np.uint8), np.zeros(wide.shape, np.uint8)
    lesions[1] = 1  # R = 2
    atlas[4], atlas[13] = LIVER, SPLEEN  # R = 12 and R = -6
    (place,) = places(instance_components(lesions), image, Labelmap(atlas, wide))
    assert place == Place(SPLEEN, 8.0)


def test_an_atlas_beside_the_image_is_searched_from_afar() -> None:
    image = Grid((4, 1, 1), np.eye(4))
    beside = Grid((3, 1, 1), np.array([[1.0, 0, 0, 100], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    atlas = Labelmap(np.array([0, LIVER, SPLEEN], np.uint8).reshape(3, 1, 1), beside)
    lesions = np.array([0, 0, 0, 1], np.uint8).reshape(4, 1, 1)
    assert places(instance_components(lesions), image, atlas) == [Place(LIVER, 98.0)]
