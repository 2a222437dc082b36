"""Generated patients and degradations: volumes by hand, and the laws that each degradation keeps on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap
from CCMetricsLib.studies.cases import CaseParameters, generated_cases, generated_lesions, lesion_counts
from CCMetricsLib.studies.cohort_cases import cohort_cases
from CCMetricsLib.studies.degradations import Lesions, drop, enlarge, erode, insert, nearest_voxels, shift

OBLIQUE = np.array([[0, 2.0, 0, 5], [-1.0, 0, 0, 7], [0, 0, 3.0, -2], [0, 0, 0, 1.0]])  # 1 x 2 x 3 mm


def lesions(*boxes: tuple[slice, slice, slice], shape: tuple[int, int, int] = (20, 12, 10)) -> Lesions:
    values = np.zeros(shape, np.uint8)
    for box in boxes:
        values[box] = 1
    return Lesions.of(Labelmap(values, Grid(shape, OBLIQUE)))


LARGE, SMALL = np.s_[2:7, 2:7, 2:7], np.s_[14:17, 8:10, 7:9]


def voxels(labelmap: Labelmap) -> int:
    return int(np.count_nonzero(labelmap.values))


def test_a_seed_gives_the_same_patients_and_another_seed_others():
    parameters = CaseParameters(cases=3, mean_lesions=4.0)
    first, again, other = ([load().values for load in generated_cases(parameters, seed).values()] for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_patients_have_ten_lesions_on_average_and_at_least_one():
    counts = lesion_counts(20, 10.0, np.random.default_rng(0))
    assert np.mean(counts) == pytest.approx(10.0, abs=0.5)
    assert min(counts) == 1
    assert lesion_counts(3, 1.0, np.random.default_rng(0)) == [1, 1, 1]


@pytest.mark.parametrize("count", [1, 7, 25])
def test_lesions_are_apart_and_as_large_as_they_should_be(count):
    parameters = CaseParameters(median_volume_ml=2.0, volume_spread=0.0, shape=(100, 90, 80))
    reference = generated_lesions(parameters, count, seed=(1, count))
    found = Lesions.of(reference).components
    assert found.count == count
    volumes_ml = found.sizes_voxels * reference.grid.voxel_volume_ml
    assert volumes_ml == pytest.approx(2.0, rel=0.12)  # a voxel more or less all around


def test_most_lesions_are_small_and_a_few_hold_most_of_the_volume():
    parameters = CaseParameters(cases=20)
    sizes = np.concatenate(
        [Lesions.of(load()).components.sizes_voxels for load in generated_cases(parameters, 0).values()]
    )
    assert sizes.mean() > 1.8 * np.median(sizes)
    assert np.sort(sizes)[-sizes.size // 5 :].sum() > 0.5 * sizes.sum()


def test_lesions_that_do_not_fit_are_refused():
    with pytest.raises(AnatomyGuidedError, match="5 lesions do not fit"):
        generated_lesions(CaseParameters(median_volume_ml=50.0, shape=(30, 30, 30)), 5, seed=(0,))
    with pytest.raises(AnatomyGuidedError, match="do not fit"):
        generated_lesions(CaseParameters(shape=(2, 2, 2)), 1, seed=(0,))


def test_the_smallest_come_first():
    assert lesions(LARGE, SMALL).by_size() == [2, 1]


def test_a_dropped_lesion_is_gone_and_the_others_stay():
    patient = lesions(LARGE, SMALL)
    assert voxels(patient.mask()) == 125 + 12
    assert voxels(patient.edited((drop(patient, 2),))) == 125
    assert voxels(patient.edited((drop(patient, 2), drop(patient, 1)))) == 0


def test_erosion_counts_millimetres_along_each_axis():
    patient = lesions(LARGE)  # 5 x 5 x 5 voxels of 1 x 2 x 3 mm
    sizes = [voxels(patient.edited((erode(patient, 1, amount_mm=amount),))) for amount in (0.9, 1.0, 2.0, 3.0)]
    # 1 mm takes a layer along i; 2 mm two along i and one along j; with 3 mm a core of depth 3 mm is all that stays
    assert sizes[:3] == [125, 3 * 5 * 5, 1 * 3 * 5]
    assert sizes[3] > 0


def test_erosion_never_takes_the_core():
    patient = lesions(LARGE, SMALL)
    for number in (1, 2):
        edit = erode(patient, number, amount_mm=100.0)
        assert 0 < len(edit.removed_ijk) < len(patient.voxels(number)) or number == 2
        assert voxels(patient.edited((edit,))) > voxels(patient.edited((drop(patient, number),)))


def test_a_lesion_at_the_image_border_erodes_from_there_too():
    patient = lesions(np.s_[0:3, 0:3, 0:3])
    assert voxels(patient.edited((erode(patient, 1, amount_mm=1.0),))) == 1 * 3 * 3


def test_enlarging_counts_millimetres_and_stays_inside_the_image():
    patient = lesions(np.s_[10:11, 5:6, 5:6])
    sizes = [voxels(patient.edited((enlarge(patient, 1, amount_mm=amount),))) for amount in (0.9, 1.0, 2.0, 3.0)]
    # 2 mm: i -2..2 and j -1..1; 3 mm: i -3..3, with j one off i -2..2 (1 + 4 <= 9, 4 + 4 <= 9), k one off
    assert sizes == [1, 3, 5 + 2, 7 + 2 * 5 + 2]
    corner = lesions(np.s_[0:1, 0:1, 0:1])
    assert voxels(corner.edited((enlarge(corner, 1, amount_mm=1.0),))) == 2


def test_a_shift_moves_one_lesion_by_whole_voxels():
    patient = lesions(LARGE, SMALL)
    moved = patient.edited((shift(patient, 2, offset_ijk=(2, 0, 0)),)).values
    assert moved[LARGE].all()
    assert moved[16:19, 8:10, 7:9].all()
    assert moved.sum() == 125 + 12
    assert patient.edited((shift(patient, 2, offset_ijk=(5, 0, 0)),)).values.sum() == 125 + 4  # two layers leave


@pytest.mark.parametrize("number", [1, 2])
def test_an_inserted_lesion_lies_in_the_region_off_all_lesions_and_is_as_large_as_the_25th_percentile(number):
    patient = lesions(LARGE, SMALL, shape=(60, 40, 30))
    edit = insert(patient, number, np.random.default_rng(3))
    assert len(edit.added_ijk) == round(12 + 0.25 * (125 - 12))  # 40
    assert not patient.components.at(edit.added_ijk).any()
    assert patient.partition.region_of(edit.added_ijk[:1]) == number  # the ball's centre comes first
    assert len(edit.removed_ijk) == 0


def test_where_a_region_has_no_room_a_smaller_lesion_is_inserted_or_none():
    tight = lesions(np.s_[0:9, 0:5, 0:5], shape=(10, 5, 5))
    edit = insert(tight, 1, np.random.default_rng(0))
    assert 0 < len(edit.added_ijk) <= 25
    full = lesions(np.s_[0:4, 0:4, 0:4], shape=(4, 4, 4))
    assert len(insert(full, 1, np.random.default_rng(0)).added_ijk) == 0


@pytest.mark.parametrize("centre", [(5, 5, 5), (0, 0, 0), (9, 0, 5)])
@pytest.mark.parametrize("count", [1, 7, 40, 300, 1000])
def test_a_ball_has_exactly_its_voxels_none_farther_than_one_left_out(centre, count):
    grid = Grid((10, 10, 10), OBLIQUE)
    inside = np.zeros(grid.shape, bool)
    inside[tuple(nearest_voxels(grid, np.array(centre), count).T)] = True
    assert inside.sum() == count
    distance = np.linalg.norm((np.indices(grid.shape).reshape(3, -1).T - centre) * grid.spacing_mm, axis=1)
    farthest = distance[inside.ravel()].max()
    assert farthest <= distance[~inside.ravel()].min(initial=np.inf)


def test_a_degradation_turns_with_the_axes():
    values = np.zeros((14, 12, 9), np.uint8)
    values[2:7, 3:8, 2:6], values[10:12, 9, 7] = 1, 1
    grid = Grid(values.shape, np.diag([1.0, 2.0, 3.0, 1.0]))
    turned = Grid((9, 14, 12), np.diag([3.0, 1.0, 2.0, 1.0]))
    patient, other = Lesions.of(Labelmap(values, grid)), Lesions.of(Labelmap(values.transpose(2, 0, 1), turned))
    for degrade in (erode, enlarge):
        for amount in (1.0, 2.5):
            expected = patient.edited((degrade(patient, patient.by_size()[-1], amount_mm=amount),)).values
            found = other.edited((degrade(other, other.by_size()[-1], amount_mm=amount),)).values
            np.testing.assert_array_equal(found.transpose(1, 2, 0), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,prediction\na,b\n", "has no reference"),
        ("reference\nb\n", "has no case"),
        ("case,reference\n", "has no case"),
        ("case,reference\na,x.nii.gz\na,y.nii.gz\n", "a name of its own"),
        ("case,reference\na\n", "a name of its own"),
    ],
)
def test_a_table_of_cases_that_is_wrong_is_refused(tmp_path, text, message):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(AnatomyGuidedError, match=message):
        cohort_cases(tmp_path / "pairs.csv")


def test_a_table_that_is_none_is_refused(tmp_path):
    (tmp_path / "pairs.csv").write_bytes(b"\x89PNG\xff\x00")
    for name in ("pairs.csv", "absent.csv"):
        with pytest.raises(AnatomyGuidedError, match="cannot be read as a table of cases"):
            cohort_cases(tmp_path / name)
