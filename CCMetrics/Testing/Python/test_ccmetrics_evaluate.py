"""One case: by hand, against exact arithmetic, and by the laws that hold for every volume."""

from __future__ import annotations

import tracemalloc
from itertools import permutations, product

import numpy as np
import pytest
from AnatomyGuidedLib.errors import Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap
from CCMetricsLib.evaluate import Evaluation, EvaluationParameters, evaluate
from CCMetricsLib.metrics import EmptyPolicy
from CCMetricsLib.partition import connected_components
from hypothesis import assume, given, settings
from hypothesis import strategies as st

OBLIQUE = np.array([[0.0, -1.2, 1.6, 10.0], [-3.0, 0.0, 0.0, 20.0], [0.0, 1.6, 1.2, 30.0], [0, 0, 0, 1.0]])
SPACING = (3, 2, 2)  # the lengths of OBLIQUE's columns
QUICK = settings(max_examples=50, deadline=None, derandomize=True)


def labelmap(values: np.ndarray, affine: np.ndarray = OBLIQUE) -> Labelmap:
    return Labelmap(np.asarray(values, np.uint8), Grid(values.shape, affine))


def scored(reference: np.ndarray, prediction: np.ndarray, **parameters) -> Evaluation:
    return evaluate(labelmap(reference), labelmap(prediction), EvaluationParameters(**parameters))


def masks(seed: int, shape: tuple[int, ...] = (6, 5, 4)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    reference = rng.random(shape) < rng.choice([0.02, 0.1, 0.4])
    reference[tuple(rng.integers(0, shape))] = True
    return reference, rng.random(shape) < rng.choice([0.05, 0.3])


def squared_distances(numbers: np.ndarray, spacing: tuple[int, ...]) -> dict[tuple[int, ...], list[int]]:
    """Of every voxel to every component, in whole mm2."""
    sites = [np.argwhere(numbers == number).tolist() for number in range(1, numbers.max() + 1)]
    return {
        voxel: [
            min(sum(((a - b) * s) ** 2 for a, b, s in zip(voxel, site, spacing, strict=True)) for site in of_one)
            for of_one in sites
        ]
        for voxel in product(*(range(size) for size in numbers.shape))
    }


def numbered(reference: np.ndarray) -> np.ndarray:
    components = connected_components(reference)
    numbers = np.zeros(reference.shape, int)
    numbers[tuple(components.voxels_ijk.T)] = components.numbers
    return numbers


def rows(evaluation: Evaluation) -> list[tuple[float, ...]]:
    """What must not depend on how the axes run."""
    return sorted((row.volume_ml, row.dice.value, row.iou.value, row.fp_volume_ml) for row in evaluation.components)


def test_two_lesions_by_hand() -> None:
    reference, prediction = np.zeros((10, 3, 2)), np.zeros((10, 3, 2))
    reference[0:2, 0:2, 0], reference[8, 1, 1] = 1, 1  # 4 voxels and 1
    prediction[0:2, 0, 0], prediction[8:10, 1, 1] = 1, 1  # 2 of the first; the second and one beside it
    result = scored(reference, prediction)
    assert [row.dice.value for row in result.components] == [2 * 2 / (4 + 2), 2 * 1 / (1 + 2)]
    assert [row.iou.value for row in result.components] == [2 / 4, 1 / 2]
    assert result.dice.value == 2 * 3 / (5 + 4)
    assert result.iou.value == 3 / 6
    assert result.cc_dice.value == pytest.approx(2 / 3, abs=1e-15)
    assert result.cc_iou.value == 0.5
    assert [row.fp_volume_ml for row in result.components] == pytest.approx([0, 0.012])
    assert (result.fp_volume_ml, result.fn_volume_ml) == pytest.approx((0.012, 0.024))
    assert (result.reference_volume_ml, result.prediction_volume_ml) == pytest.approx((0.06, 0.048))
    assert result.missed == 0


def test_a_missed_lesion_scores_0_even_with_a_prediction_nearby() -> None:
    reference, prediction = np.zeros((12, 3, 3)), np.zeros((12, 3, 3))
    reference[0:5], reference[10, 1, 1], prediction[0:5], prediction[8, 1, 1] = 1, 1, 1, 1
    result = scored(reference, prediction)
    assert [(row.missed, row.dice.value) for row in result.components] == [(False, 1.0), (True, 0.0)]
    assert result.components[1].fp_volume_ml == pytest.approx(0.012)
    assert (result.missed, result.cc_dice.value) == (1, 0.5)
    assert result.dice.value == 2 * 45 / (46 + 46)


def test_centroids_are_in_ras_on_an_oblique_grid() -> None:
    reference = np.zeros((4, 5, 6))
    reference[1:3, 2, 4] = 1  # mean voxel (1.5, 2, 4)
    (row,) = scored(reference, reference).components
    by_hand = (10 - 1.2 * 2 + 1.6 * 4, 20 - 3 * 1.5, 30 + 1.6 * 2 + 1.2 * 4)
    assert row.centroid_ras_mm == pytest.approx(by_hand)
    assert row.volume_ml == pytest.approx(2 * 12 / 1000)


def test_centroids_are_in_ras_on_a_flipped_grid() -> None:
    reference = np.zeros((4, 5, 6))
    reference[1:3, 2, 4] = 1
    affine = np.array([[-2.0, 0, 0, 100], [0, -2.0, 0, 50], [0, 0, 5.0, -30], [0, 0, 0, 1]])
    (row,) = evaluate(labelmap(reference, affine), labelmap(reference, affine)).components
    assert row.centroid_ras_mm == (97.0, 46.0, -10.0)


def test_scores_equal_exact_arithmetic_on_random_volumes() -> None:
    for seed in range(25):
        reference, prediction = masks(seed, (5, 4, 3))
        numbers, result = numbered(reference), scored(reference, prediction)
        regions = np.zeros(numbers.shape, int)
        for voxel, distances in squared_distances(numbers, SPACING).items():
            regions[voxel] = 1 + distances.index(min(distances))
        for row in result.components:
            inside, lesion = regions == row.component, numbers == row.component
            predicted = prediction & inside
            assert row.dice.value == pytest.approx(2 * (predicted & lesion).sum() / (predicted.sum() + lesion.sum()))
            assert row.fp_volume_ml == pytest.approx((predicted & ~lesion).sum() * 0.012)
        assert result.cc_dice.value == pytest.approx(np.mean([row.dice.value for row in result.components]))
        assert sum(row.fp_volume_ml for row in result.components) == pytest.approx(result.fp_volume_ml)


def test_the_partitions_unit_decides_whose_false_positive_it_is() -> None:
    reference, prediction = np.zeros((4, 5, 1)), np.zeros((4, 5, 1))
    reference[3, 0, 0], reference[0, 4, 0], prediction[0, 0, 0] = 1, 1, 1  # 3 voxels of 3 mm, 4 voxels of 2 mm
    in_voxels, in_mm = (scored(reference, prediction, distance=unit).components for unit in ("voxels", "mm"))
    assert [row.fp_volume_ml > 0 for row in in_voxels] == [True, False]
    assert [row.fp_volume_ml > 0 for row in in_mm] == [False, True]


def test_connectivity_decides_how_many_lesions_there_are() -> None:
    reference = np.zeros((3, 3, 3))
    reference[0, 0, 0], reference[1, 1, 0], reference[2, 2, 1] = 1, 1, 1  # joined by an edge, then by a corner
    counts = [len(scored(reference, reference, connectivity=c).components) for c in (6, 18, 26)]
    assert counts == [3, 2, 1]


def test_a_numbered_reference_keeps_its_numbers_and_its_touching_lesions_apart() -> None:
    reference = np.zeros((6, 2, 1))
    reference[0:2], reference[2:4] = 7, 3
    result = scored(reference, reference == 7, instances="reference")
    assert [(row.component, row.dice.value) for row in result.components] == [(3, 0.0), (7, 1.0)]
    assert len(scored(reference, reference == 7).components) == 1


@pytest.mark.parametrize(
    ("has_reference", "has_prediction", "dice", "cc_dice", "fp_volume_ml"),
    [(False, False, None, None, 0), (False, True, None, None, 0.024), (True, False, 0.0, 0.0, 0)],
)
def test_empty_cases_have_a_score_or_a_reason(has_reference, has_prediction, dice, cc_dice, fp_volume_ml) -> None:
    some = np.zeros((4, 4, 4))
    some[1, 1, 1:3] = 1
    result = scored(some * has_reference, some * has_prediction)
    assert (result.dice.value, result.cc_dice.value) == (dice, cc_dice)
    assert bool(result.dice.reason) == (not (has_reference and has_prediction))
    assert result.fp_volume_ml == pytest.approx(fp_volume_ml)
    assert result.cc_dice.reason == ("" if has_reference else "the reference has no lesion")
    assert result.missed == int(has_reference)


def test_the_policy_of_empty_cases_is_the_callers() -> None:
    nothing = np.zeros((2, 2, 2))
    assert scored(nothing, nothing, policy=EmptyPolicy(both_empty=1.0)).dice.value == 1.0


@QUICK
@given(
    seed=st.integers(0, 2**32),
    axes=st.sampled_from(list(permutations(range(3)))),
    flips=st.tuples(*[st.booleans()] * 3),
)
def test_scores_do_not_depend_on_how_the_axes_run(seed, axes, flips) -> None:
    reference, prediction = masks(seed)
    distances = squared_distances(numbered(reference), SPACING).values()
    assume(all(sorted(of_one)[:2].count(min(of_one)) == 1 for of_one in distances))

    def turned(values: np.ndarray) -> Labelmap:
        """The same voxels in the same places, stored along other axes."""
        affine = OBLIQUE[:, [*axes, 3]].copy()
        values = values.transpose(axes)
        for axis in np.flatnonzero(flips):
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
            values = np.flip(values, axis)
        return labelmap(values, affine)

    straight, other = scored(reference, prediction), evaluate(turned(reference), turned(prediction))
    np.testing.assert_allclose(rows(other), rows(straight), rtol=1e-12)
    np.testing.assert_allclose(
        sorted(row.centroid_ras_mm for row in other.components),
        sorted(row.centroid_ras_mm for row in straight.components),
        atol=1e-9,
    )


@QUICK
@given(seed=st.integers(0, 2**32))
def test_with_one_lesion_cc_dice_is_dice(seed) -> None:
    reference, prediction = masks(seed)
    one_lesion = numbered(reference) == 1
    result = scored(one_lesion, prediction)
    assert result.cc_dice.value == result.dice.value
    assert result.cc_iou.value == result.iou.value


@QUICK
@given(seed=st.integers(0, 2**32))
def test_a_false_positive_never_raises_a_regions_dice_and_touches_no_other(seed) -> None:
    reference, prediction = masks(seed)
    free = np.argwhere(~reference & ~prediction)
    assume(len(free))
    worse = prediction.copy()
    worse[tuple(free[seed % len(free)])] = True
    before, after = (
        [(row.dice.value, row.fp_volume_ml) for row in scored(reference, p).components] for p in (prediction, worse)
    )
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    ((old_dice, old_fp), (new_dice, new_fp)) = changed[0]
    assert new_dice <= old_dice
    assert new_fp == pytest.approx(old_fp + 0.012)


@QUICK
@given(seed=st.integers(0, 2**32), factor=st.sampled_from([0.1, 0.7, 3.0, 10.0]))
def test_scaling_the_image_scales_volumes_alone(seed, factor) -> None:
    reference, prediction = masks(seed)
    larger = np.diag([factor, factor, factor, 1.0]) @ OBLIQUE
    small, large = scored(reference, prediction), evaluate(labelmap(reference, larger), labelmap(prediction, larger))
    assert [row.dice for row in large.components] == [row.dice for row in small.components]
    assert large.fp_volume_ml == pytest.approx(small.fp_volume_ml * factor**3)


def test_the_inputs_are_not_modified() -> None:
    reference, prediction = masks(1)
    kept = reference.copy(), prediction.copy()
    scored(reference, prediction)
    np.testing.assert_array_equal((reference, prediction), kept)


def test_memory_follows_the_foreground_and_not_the_image() -> None:
    values = np.zeros((400, 400, 100), np.uint8, order="F")  # 16 MB
    values[200:210, 200:210, 50:55] = 1
    both = Labelmap(values, Grid(values.shape, OBLIQUE))
    tracemalloc.start()
    evaluate(both, both)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.nbytes / 10


def test_other_grids_are_refused() -> None:
    moved = OBLIQUE.copy()
    moved[0, 3] += 1
    values = np.ones((2, 2, 2))
    with pytest.raises(GridMismatch, match="The reference and the prediction"):
        evaluate(labelmap(values), labelmap(values, moved))


@pytest.mark.parametrize(("option", "value"), [("distance", "cm"), ("connectivity", 8), ("instances", "all")])
def test_an_unknown_option_is_refused(option: str, value: object) -> None:
    with pytest.raises(UsageError, match=option):
        EvaluationParameters(**{option: value})


def test_it_can_be_stopped() -> None:
    values = np.ones((2, 2, 2))
    with pytest.raises(Cancelled):
        evaluate(labelmap(values), labelmap(values), cancelled=lambda: True)


def test_progress_only_moves_forward_to_1() -> None:
    told: list[float] = []
    values = np.ones((2, 2, 2))
    evaluate(labelmap(values), labelmap(values), progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0
