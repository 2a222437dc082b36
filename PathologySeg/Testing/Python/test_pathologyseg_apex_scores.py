"""IoU, Dice and boundary IoU of slices, worked out by hand; folds; what lies near a lesion; targets."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.labels import ids_of
from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.folds import fold_of
from PathologySegLib.apex.near_structures import own_or_nearest
from PathologySegLib.apex.segmentation_scores import Counts, boundary_band, counts_of, pooled


def block(rows: tuple[int, int], columns: tuple[int, int], side: int = 20) -> np.ndarray:
    mask = np.zeros((1, side, side), dtype=bool)
    mask[0, slice(*rows), slice(*columns)] = True
    return mask


def test_two_blocks_that_overlap_by_half() -> None:
    """6 x 6 and the same two columns to the right: 24 pixels in both, 48 in either.

    The diagonal of 20 x 20 is 28.3 pixels, so a band is one pixel wide: 20 of each block's 36. The bands share the
    8 pixels of the top and bottom rows in the four common columns, and none of the sides: 32 in either.
    """
    counts = counts_of(block((4, 10), (4, 10)), block((4, 10), (6, 12)))
    assert counts == Counts(24, 48, 8, 32)
    assert counts.scores() == {"iou": 0.5, "dice": pytest.approx(2 / 3), "boundary_iou": 0.25}


def test_a_band_is_two_percent_of_the_diagonal_wide() -> None:
    mask = np.zeros((120, 160), dtype=bool)  # a diagonal of 200 pixels
    mask[20:60, 20:60] = True
    assert boundary_band(mask).sum() == 40 * 40 - 32 * 32


def test_a_mask_at_the_slices_edge_has_its_boundary_there() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[:5, :5] = True
    assert boundary_band(mask).sum() == 25 - 9


@pytest.mark.parametrize(
    ("wanted", "found", "iou"),
    [((0, 0), (0, 0), None), ((0, 4), (0, 0), 0.0), ((0, 0), (0, 4), 0.0), ((0, 4), (0, 4), 1.0)],
)
def test_empty_masks(wanted: tuple[int, int], found: tuple[int, int], iou: float | None) -> None:
    scores = counts_of(block(wanted, (0, 4)), block(found, (0, 4))).scores()
    assert all(isnan(value) if iou is None else value == iou for value in scores.values())


def test_pixels_of_all_patients_are_pooled() -> None:
    large = counts_of(block((0, 10), (0, 10)), block((0, 10), (0, 10)))
    small = counts_of(block((0, 2), (0, 5)), block((4, 6), (0, 5)))
    total = pooled([large, small])
    assert (total.shared, total.either) == (100, 120)  # means of patients' IoU would give 0.5
    assert total.dice == pytest.approx(2 * total.iou / (1 + total.iou))  # as in Table 11


def test_each_patient_is_in_one_fold() -> None:
    patients = list(range(23))
    folds = [fold_of(patients, fold, 5) for fold in range(5)]
    assert sorted(patient for _, tried in folds for patient in tried) == patients
    assert all(sorted(learned + tried) == patients for learned, tried in folds)
    assert {len(tried) for _, tried in folds} == {4, 5}
    with pytest.raises(UsageError, match="0 to 4"):
        fold_of(patients, 5, 5)
    with pytest.raises(UsageError, match="there are 3"):
        fold_of([1, 2, 3], 0, 5)


def test_merged_classes_know_sides_and_regions() -> None:
    classes = anatomy_classes("merged")
    names = ["Costa 1 Left", "Costa 1 Right", "Vertebra L1", "Vertebra L5", "Vertebra T1", "Liver"]
    left, right, l1, l5, t1, liver = (classes.name(classes.class_of[i]) for i in ids_of(names))
    assert (left, right, liver) == ("Ribs Left", "Ribs Right", "Liver")
    assert l1 == l5 == "Vertebrae L"
    assert t1 == "Vertebrae T"
    assert classes.of(np.array([0, 1])).tolist() == [0, 0]  # background and unknown tissue are no class
    with pytest.raises(UsageError, match="dap or merged"):
        anatomy_classes("some")


def test_a_lesion_is_near_its_own_structure_and_the_nearest_other() -> None:
    anatomy = np.zeros((1, 9, 9), np.uint8)
    anatomy[0, :, :3], anatomy[0, :, 7:], anatomy[0, 8, 3:5] = 4, 2, 3
    lesion = np.zeros_like(anatomy, dtype=bool)
    lesion[0, 4, 2:6] = True  # one pixel in 4, the others between; 2 begins two pixels on, 3 lies four below
    assert own_or_nearest(lesion, anatomy) == {4, 2}
    assert own_or_nearest(np.zeros_like(lesion), anatomy) == set()
    assert own_or_nearest(lesion, np.zeros_like(anatomy)) == set()
