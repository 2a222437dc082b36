"""The classical readings on images whose lesions are known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from AnatomyGuidedLib.errors import NotEvaluable, UsageError
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from made_images import FLIPS, grid
from PathologySegLib.lesions import find_lesions
from PathologySegLib.parameters import LesionParameters
from PathologySegLib.physiology import physiological_uptake
from PathologySegLib.suv_peak import suv_peak

WHERE = grid((40, 30, 24), (4.0, 4.0, 5.0), rotation_degrees=(5, -10, 15))


def _pet(balls, background=1.0, where=WHERE):
    """SUV with boxes of uptake: (first corner, last corner, SUV)."""
    values = np.full(where.shape, background, dtype=np.float32)
    for first, last, suv in balls:
        values[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = suv
    return Volume(values, where, "SUV")


def _anatomy(boxes, where=WHERE):
    values = np.zeros(where.shape, dtype=np.uint8)
    for first, last, name in boxes:
        values[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = id_of(name)
    return Labelmap(values, where)


def test_suv4_takes_every_voxel_from_the_threshold_on_and_numbers_by_suvmax():
    pet = _pet([((2, 2, 2), (5, 5, 5), 6.0), ((20, 10, 10), (24, 14, 12), 9.0), ((30, 20, 15), (32, 22, 17), 3.99)])
    result = find_lesions(pet, LesionParameters())
    assert np.array_equal(result.labelmap.values > 0, pet.values >= 4.0)
    assert [row["suv_max"] for row in result.rows] == [9.0, 6.0]
    assert [row["volume_ml"] for row in result.rows] == pytest.approx([4 * 4 * 2 * 0.08, 27 * 0.08])
    assert (result.labelmap.values[20:24, 10:14, 10:12] == 1).all()


@pytest.mark.parametrize("flips", FLIPS[::2])
def test_the_centroid_is_in_the_patients_frame_whatever_the_grid(flips):
    where = grid((20, 20, 20), (2.0, 3.0, 4.0), flips=flips, rotation_degrees=(20, 0, 40))
    row = find_lesions(_pet([((4, 6, 8), (7, 9, 11), 8.0)], where=where), LesionParameters()).rows[0]
    expected = where.ras_from_ijk((5, 7, 9))
    assert [row[f"centroid_{axis}_mm"] for axis in "ras"] == pytest.approx(expected, abs=0.006)


def test_an_empty_result_is_an_empty_map_and_no_rows():
    result = find_lesions(_pet([]), LesionParameters())
    assert not result.labelmap.values.any()
    assert result.rows == ()
    assert result.report()["total_volume_ml"] == 0


def test_uptake_of_the_bladder_and_its_rim_goes_and_a_lesion_elsewhere_stays():
    bladder, lesion = ((10, 10, 2), (16, 16, 7)), ((28, 8, 16), (31, 11, 19))
    pet = _pet([(*bladder, 20.0), (*lesion, 8.0)])
    for reading in ("suv4", "suv41"):
        result = find_lesions(pet, LesionParameters(reading), anatomy=_anatomy([(*bladder, "Bladder")]))
        assert len(result.rows) == 1
        assert (result.labelmap.values[28:31, 8:11, 16:19] == 1).all()
        assert result.labelmap.values[10:16, 10:16, 2:7].max() == 0
        assert result.reading["physiological_uptake_removed_ml"] == pytest.approx(6 * 6 * 5 * 0.08)


NOISY_LIVER = ((10, 8, 6), (32, 26, 20))  # 22 x 18 x 14 voxels of 0.08 ml: 444 ml


def test_a_noisy_voxel_of_a_healthy_liver_makes_all_of_it_a_hot_spot_and_a_note_says_so():
    """41 % of 4.1 is 1.7, below the 2.5 of the liver."""
    pet = _pet([(*NOISY_LIVER, 2.5), ((20, 15, 12), (21, 16, 13), 4.1), ((2, 2, 2), (5, 5, 5), 9.0)])
    anatomy = _anatomy([(*NOISY_LIVER, "Liver"), ((2, 2, 2), (5, 5, 5), "Spleen")])
    grown = find_lesions(pet, LesionParameters("suv41"), anatomy=anatomy)
    assert [row["volume_ml"] for row in grown.rows] == pytest.approx([27 * 0.08, 22 * 18 * 14 * 0.08])
    (note,) = [note for note in grown.notes if "whole organ" in note]
    assert note.startswith("Lesion 2 holds 100 % of Liver: ")
    fixed = find_lesions(pet, LesionParameters("suv4"), anatomy=anatomy)
    assert [row["volume_ml"] for row in fixed.rows] == pytest.approx([27 * 0.08, 0.08])
    assert not any("whole organ" in note for note in fixed.notes)


@pytest.mark.parametrize(("last", "told"), [(18, False), (19, True)])
def test_a_large_lesion_in_less_than_two_fifths_of_an_organ_is_not_told(last, told):
    """Of 22 layers of the liver 8 or 9; either way far more than 100 ml."""
    pet = _pet([((10, 8, 6), (last, 26, 20), 8.0)])
    notes = find_lesions(pet, LesionParameters(), anatomy=_anatomy([(*NOISY_LIVER, "Liver")])).notes
    assert any("holds 41 % of Liver" in note for note in notes) == told


@pytest.mark.parametrize("degrees", [(0, 0, 0), (12, 0, 8), (8, 0, 12), (3, -7, 21), (40, 50, -60)])
def test_voxels_of_five_millimetres_are_taken_off_beside_an_organ_however_the_image_lies(degrees):
    """A bladder of 27 voxels: the six sides of 9 lie 5 mm away, all others farther. NIfTI rounds to float32."""
    exact = grid((9, 9, 9), (5.0, 5.0, 5.0), flips=(-1, 1, -1), rotation_degrees=degrees)
    where = Grid(exact.shape, exact.affine.astype(np.float32).astype(np.float64))
    anatomy = _anatomy([((3, 3, 3), (6, 6, 6), "Bladder")], where)
    assert int(physiological_uptake(anatomy).sum()) == 27 + 6 * 9


def test_a_lesion_names_the_structure_that_holds_most_of_it():
    anatomy = _anatomy([((26, 6, 14), (30, 20, 22), "Liver")])
    result = find_lesions(_pet([((28, 8, 16), (31, 11, 19), 8.0)]), LesionParameters(), anatomy=anatomy)
    assert result.rows[0]["structure"] == "Liver"


def test_percist_takes_one_and_a_half_means_plus_two_deviations_of_the_liver():
    liver = ((10, 8, 6), (32, 26, 20))
    pet = _pet([(*liver, 2.0), ((2, 2, 2), (5, 5, 5), 3.2), ((36, 2, 2), (38, 4, 4), 2.9)])
    noisy = pet.values.copy()
    noisy[10:32:2, 8:26, 6:20] = 2.1  # half of the liver, so mean 2.05 and SD 0.05
    result = find_lesions(
        Volume(noisy, WHERE, "SUV"), LesionParameters("percist"), anatomy=_anatomy([(*liver, "Liver")])
    )
    threshold = result.reading["threshold_suv"]
    assert threshold == pytest.approx(1.5 * 2.05 + 2 * 0.05, abs=0.02)
    assert [row["suv_max"] for row in result.rows] == [pytest.approx(3.2)]


@pytest.mark.parametrize("flips", FLIPS)
def test_percist_measures_in_the_patients_right_half_of_the_liver(flips):
    where = grid((40, 24, 20), (4.0, 4.0, 5.0), flips=flips)
    r_mm = where.ras_from_ijk(np.stack(np.meshgrid(*[np.arange(n) for n in where.shape], indexing="ij"), axis=-1))[
        ..., 0
    ]
    liver = Labelmap(np.full(where.shape, id_of("Liver"), np.uint8), where)
    pet = Volume(np.where(r_mm > np.median(r_mm), 2.0, 9.0).astype(np.float32), where, "SUV")
    assert find_lesions(pet, LesionParameters("percist"), anatomy=liver).reading["liver_mean_suv"] == 2.0


@pytest.mark.parametrize(
    ("anatomy", "reason"),
    [
        (None, "no liver, since no anatomy"),
        (_anatomy([((1, 1, 1), (4, 4, 4), "Spleen")]), "no liver in the anatomy"),
        (_anatomy([((8, 8, 8), (11, 11, 11), "Liver")]), "no liver sphere"),
        (_anatomy([((0, 0, 0), (40, 2, 24), "Liver")]), "no liver sphere"),
    ],
)
def test_percist_without_a_usable_liver_is_not_evaluable_and_says_why(anatomy, reason):
    with pytest.raises(NotEvaluable, match=f"not evaluable: {reason}"):
        find_lesions(_pet([]), LesionParameters("percist"), anatomy=anatomy)


def test_anatomy_on_another_grid_is_refused():
    with pytest.raises(GridMismatch):
        find_lesions(_pet([]), LesionParameters(), anatomy=_anatomy([], grid((40, 30, 24))))


def test_impossible_thresholds_grids_and_segments_are_refused_as_wrong_calls():
    with pytest.raises(UsageError, match="takes no threshold"):
        LesionParameters("a-model", 4.0)
    with pytest.raises(UsageError, match="each or one"):
        LesionParameters(segments="both")
    with pytest.raises(UsageError, match="pet or ct"):
        LesionParameters(grid="mr")
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError):
            LesionParameters("suv4", wrong)
    with pytest.raises(UsageError, match="from the liver"):
        LesionParameters("percist", 4.0)


def test_the_peak_is_the_highest_mean_of_a_ball_of_one_millilitre_over_all_voxels_of_a_lesion():
    """Against every ball, voxel by voxel, on a grid that is anisotropic and turned; the lesion lies at an edge."""
    where = grid((14, 12, 9), (2.0, 2.5, 4.0), flips=(-1, 1, -1), rotation_degrees=(5, -10, 15))
    rng = np.random.default_rng(3)
    values = rng.uniform(0, 3, where.shape).astype(np.float32)
    values[0:5, 3:8, 2:6] += 6.0
    row = find_lesions(Volume(values, where, "SUV"), LesionParameters("suv4", 5.0)).rows[0]
    centres = where.ras_from_ijk(np.stack(np.meshgrid(*map(np.arange, where.shape), indexing="ij"), -1))
    means = [
        values[np.linalg.norm(centres - centres[i, j, k], axis=-1) <= 6.2035].mean(dtype=float)
        for i, j, k in np.argwhere(values >= 5.0)
    ]
    assert row["suv_peak"] == pytest.approx(max(means), abs=1e-4)
    assert row["suv_mean"] < row["suv_peak"] < row["suv_max"]


def test_the_peak_of_a_speckle_as_large_as_the_image_takes_no_more_than_a_few_copies_of_it():
    """By hand: two voxels of SUV 30 lie 4 mm apart, and 19 centres are within 6.2 mm of either (0, 4 and 5.7 mm)."""
    n = 160
    where = Grid((n, n, n), np.diag([4.0, 4.0, 4.0, 1.0]))
    values = np.zeros((n, n, n), np.float32)
    inside = np.zeros((n, n, n), bool)
    inside[range(n), range(n), range(n)] = True
    values[80, 80, 80] = values[80, 80, 81] = 30.0
    tracemalloc.start()
    try:
        found = suv_peak(Volume(values, where), (slice(0, n),) * 3, inside)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == pytest.approx(60 / 19, abs=1e-6)
    assert most < 5 * values.nbytes


def test_a_ball_that_holds_one_voxel_gives_that_voxel():
    where = grid((8, 8, 8), (7.0, 7.0, 8.0))
    row = find_lesions(_pet([((3, 3, 3), (4, 4, 4), 9.0)], where=where), LesionParameters()).rows[0]
    assert row["suv_peak"] == row["suv_max"] == 9.0


def test_the_nearest_structure_is_told_with_the_mm_to_it():
    lesion = ((10, 10, 10), (12, 12, 12))
    anatomy = _anatomy(
        [
            ((0, 0, 0), (40, 30, 24), "Fat"),
            ((17, 10, 10), (20, 12, 12), "Liver"),
            ((10, 10, 18), (12, 12, 20), "Spleen"),
        ]
    )
    row = find_lesions(_pet([(*lesion, 8.0)]), LesionParameters(), anatomy=anatomy).rows[0]
    # The lesion ends at i = 11 and the liver begins at i = 17: 6 x 4 mm; the spleen is at 7 x 5 mm.
    assert (row["structure"], row["nearest_structure"], row["nearest_mm"]) == ("Fat", "Liver", 24.0)


def test_within_a_structure_the_nearest_is_that_one_at_no_distance():
    anatomy = _anatomy([((0, 0, 0), (40, 30, 24), "Muscles"), ((11, 10, 10), (20, 12, 12), "Liver")])
    row = find_lesions(_pet([((10, 10, 10), (12, 12, 12), 8.0)]), LesionParameters(), anatomy=anatomy).rows[0]
    assert (row["nearest_structure"], row["nearest_mm"]) == ("Liver", 0.0)


def test_without_organs_there_is_no_nearest_one():
    anatomy = _anatomy([((0, 0, 0), (40, 30, 24), "Muscles")])
    row = find_lesions(_pet([((10, 10, 10), (12, 12, 12), 8.0)]), LesionParameters(), anatomy=anatomy).rows[0]
    assert (row["structure"], row["nearest_structure"], row["nearest_mm"]) == ("Muscles", "", None)


def test_totals_are_sums_over_lesions():
    result = find_lesions(_pet([((2, 2, 2), (5, 5, 5), 6.0), ((20, 10, 10), (24, 14, 12), 9.0)]), LesionParameters())
    report = result.report()
    assert report["total_volume_ml"] == pytest.approx((27 + 32) * 0.08)
    assert report["total_lesion_glycolysis"] == pytest.approx(27 * 0.08 * 6 + 32 * 0.08 * 9)
