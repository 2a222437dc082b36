"""Surface metrics in whole evaluations: by hand, against a search of every pair, and by the laws that always hold."""

from __future__ import annotations

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap
from CCMetricsLib import components as components_module
from CCMetricsLib.components import connected_components, instance_components
from CCMetricsLib.evaluate import Evaluation, EvaluationParameters, evaluate
from CCMetricsLib.metrics import METRICS, EmptyPolicy
from CCMetricsLib.partition import Partition
from CCMetricsLib.surface_distances import SurfaceDistances
from CCMetricsLib.surfaces import surface_elements
from hypothesis import assume, given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40, deadline=None, derandomize=True)
SPACING = (3.0, 2.0, 2.5)
OBLIQUE = np.array([[0.0, -1.2, 2.0, 10.0], [-3.0, 0.0, 0.0, 20.0], [0.0, 1.6, 1.5, 30.0], [0, 0, 0, 1.0]])
SURFACE_NAMES = ("hd_mm", "hd95_mm", "assd_mm", "nsd", "boundary_iou")


def labelmap(values: np.ndarray, affine: np.ndarray = OBLIQUE) -> Labelmap:
    return Labelmap(np.asarray(values, np.uint8), Grid(values.shape, affine))


def scored(reference: np.ndarray, prediction: np.ndarray, affine: np.ndarray = OBLIQUE, **parameters) -> Evaluation:
    options = {"metrics": METRICS, **parameters}
    return evaluate(labelmap(reference, affine), labelmap(prediction, affine), EvaluationParameters(**options))


def masks(seed: int, shape: tuple[int, ...] = (7, 6, 5)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    reference = rng.random(shape) < rng.choice([0.02, 0.1, 0.3])
    reference[tuple(rng.integers(0, shape))] = True
    prediction = np.roll(reference, 1, rng.integers(0, 3)) ^ (rng.random(shape) < 0.1)
    return reference, prediction


def eroded(mask: np.ndarray) -> np.ndarray:
    """Voxels of which all neighbours along axes with more than one voxel are in the mask."""
    inner = mask.copy()
    for axis in range(3):
        if mask.shape[axis] > 1 or sum(size == 1 for size in mask.shape) != 1:
            padded = np.pad(mask, [(int(a == axis),) * 2 for a in range(3)])
            inner &= np.take(padded, range(2, mask.shape[axis] + 2), axis) & np.take(
                padded, range(mask.shape[axis]), axis
            )
    return inner


def every_pair(
    reference: np.ndarray, prediction: np.ndarray, spacing: np.ndarray, tolerance: float
) -> dict[str, float]:
    """The metrics of MONAI's kind of surface, without a tree and without a crop."""
    surfaces = [mask & ~eroded(mask) for mask in (reference, prediction)]
    points = [np.argwhere(surface) * spacing for surface in surfaces]
    table = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    sides = table.min(axis=1), table.min(axis=0)
    bands = []
    for mask, places in zip((reference, prediction), points, strict=True):
        inside = np.argwhere(mask)
        near = np.linalg.norm((inside * spacing)[:, None] - places[None], axis=2).min(axis=1) <= tolerance
        bands.append({tuple(voxel) for voxel in inside[near].tolist()})
    return {
        "hd_mm": max(side.max() for side in sides),
        "hd95_mm": max(np.percentile(side, 95) for side in sides),
        "assd_mm": np.concatenate(sides).mean(),
        "nsd": (np.concatenate(sides) <= tolerance).mean(),
        "boundary_iou": len(bands[0] & bands[1]) / len(bands[0] | bands[1]),
    }


def given_values(scores) -> dict[str, float]:
    return {name: scores[name].value for name in SURFACE_NAMES}


def rows(evaluation: Evaluation) -> np.ndarray:
    """What must not depend on how the axes run."""
    table = [
        (row.volume_ml, *(row.scores[name].value for name in METRICS), row.hd_from_fp is True)
        for row in evaluation.components
    ]
    return np.array(sorted(table))


def test_random_volumes_and_slices_equal_a_search_of_every_pair() -> None:
    for seed in range(60):
        shape = (7, 6, 5) if seed % 3 else tuple(np.random.default_rng(seed).permutation((1, 9, 8)).tolist())
        reference, prediction = masks(seed, shape)
        assume_found = prediction.any()
        tolerance = (0.0, 2.0, 3.5)[seed % 3]
        result = scored(reference, prediction, tolerance_mm=tolerance, boundary_mm=tolerance)
        spacing = np.array(Grid(shape, OBLIQUE).spacing_mm)
        if assume_found:
            expected = every_pair(reference, prediction, spacing, tolerance)
            assert given_values(result.scores) == pytest.approx(expected, abs=1e-9), seed
        regions = Partition(connected_components(reference), tuple(spacing.tolist())).dense()
        for row in result.components:
            inside = regions == row.component
            if (prediction & inside).any():
                expected = every_pair(reference & inside, prediction & inside, spacing, tolerance)
                assert given_values(row.scores) == pytest.approx(expected, abs=1e-9), (seed, row.component)


def test_two_lesions_by_hand() -> None:
    """A rod of 4 voxels found with its first half; a voxel found one voxel beside it along the third axis."""
    reference, prediction = np.zeros((12, 5, 5)), np.zeros((12, 5, 5))
    reference[0:4, 2, 2], prediction[0:2, 2, 2] = 1, 1
    reference[10, 2, 1], prediction[10, 2, 2] = 1, 1
    voxel, rod = scored(reference, prediction, tolerance_mm=3.0).components
    assert rod.scores["hd_mm"].value == pytest.approx(6)
    assert rod.scores["hd95_mm"].value == pytest.approx(3 + 0.85 * 3)  # 0 0 3 6 at place 2.85
    assert rod.scores["assd_mm"].value == pytest.approx((0 + 0 + 3 + 6 + 0 + 0) / 6)
    assert rod.scores["nsd"].value == pytest.approx(5 / 6)
    assert [voxel.scores[name].value for name in ("hd_mm", "hd95_mm", "assd_mm")] == pytest.approx([2.5] * 3)
    assert voxel.scores["nsd"].value == 1
    assert voxel.missed


def test_deepminds_surface_by_hand() -> None:
    """Two squares of one pixel, two pixels apart: 4 corners each, 2 of them 2 pixels away and 2 of them 3."""
    reference, prediction = np.zeros((1, 6, 6)), np.zeros((1, 6, 6))
    reference[0, 1, 1], prediction[0, 4, 1] = 1, 1
    result = scored(reference, prediction, np.diag([5.0, 2.0, 2.0, 1.0]), surface="deepmind", tolerance_mm=4.0)
    assert result.scores["hd_mm"].value == 6
    assert result.scores["assd_mm"].value == pytest.approx(5)
    assert result.scores["nsd"].value == pytest.approx(0.5)


def test_the_image_beyond_a_slice_does_not_end_there() -> None:
    """A disc in one slice has an inside, which as a volume it would not have."""
    reference, prediction = np.zeros((9, 9, 1)), np.zeros((9, 9, 1))
    reference[1:8, 1:8], prediction[1:8, 1:8] = 1, 1
    prediction[4, 4] = 0
    hole = scored(reference, prediction, np.eye(4)).scores
    assert hole["hd_mm"].value == pytest.approx(2.0)  # a pixel beside the hole to the outline of the disc
    assert hole["boundary_iou"].value == pytest.approx((49 - 9) / 48, abs=0.2)


def test_thesis_mode_can_prefer_missing_a_lesion_and_clamped_mode_never_does() -> None:
    reference, stray = np.zeros((40, 4, 4)), np.zeros((40, 4, 4))
    reference[0, 0, 0], stray[39, 3, 3] = 1, 1
    nothing = np.zeros_like(stray)
    for name in ("hd_mm", "hd95_mm", "assd_mm"):
        thesis = [scored(reference, found).components[0].scores[name].value for found in (nothing, stray)]
        assert thesis[0] == 50 < thesis[1]
        policy = EmptyPolicy(worst="clamped")
        clamped = [scored(reference, p, policy=policy).components[0].scores[name].value for p in (nothing, stray)]
        assert clamped[0] == pytest.approx(np.linalg.norm(np.multiply((40, 4, 4), SPACING)))
        assert clamped[0] > clamped[1] == thesis[1]
        policy = EmptyPolicy(worst="clamped", worst_mm=60.0)
        assert [
            scored(reference, found, policy=policy).components[0].scores[name].value for found in (nothing, stray)
        ] == [60, 60]


@QUICK
@given(seed=st.integers(0, 2**32), surface=st.sampled_from(["monai", "deepmind"]))
def test_in_clamped_mode_no_prediction_is_worse_than_none(seed: int, surface: str) -> None:
    reference, prediction = masks(seed)
    policy = EmptyPolicy(worst="clamped")
    some = scored(reference, prediction, surface=surface, policy=policy)
    none = scored(reference, np.zeros_like(prediction), surface=surface, policy=policy)
    for name in ("hd_mm", "hd95_mm", "assd_mm"):
        assert some.scores[f"cc_{name}"].value <= none.scores[f"cc_{name}"].value


def test_a_hausdorff_distance_is_from_a_false_positive_or_from_an_outline() -> None:
    reference, outline, stray = (np.zeros((20, 5, 5)) for _ in range(3))
    reference[2:4, 2, 2] = 1
    outline[2:9, 2, 2] = 1
    stray[2:4, 2, 2], stray[9, 2, 2] = 1, 1
    for surface in ("monai", "deepmind"):
        told = [scored(reference, found, surface=surface).components[0] for found in (outline, stray, reference)]
        assert [row.hd_from_fp for row in told] == [False, True, False]
    assert scored(reference, np.zeros_like(reference)).components[0].hd_from_fp is None
    assert scored(reference, stray, metrics=("dice",)).components[0].hd_from_fp is None


def test_a_predicted_lesion_that_touches_another_reference_lesion_is_no_false_positive() -> None:
    reference, prediction = np.zeros((20, 3, 3)), np.zeros((20, 3, 3))
    reference[0:2, 1, 1], reference[18:20, 1, 1] = 1, 1
    prediction[0:13, 1, 1] = 1  # one lesion, of which a part lies in the other's region
    assert [row.hd_from_fp for row in scored(reference, prediction).components] == [False, False]
    prediction[0:10, 1, 1], prediction[10:13, 1, 1] = 1, 2
    assert [row.hd_from_fp for row in scored(reference, prediction, instances="prediction").components] == [False, True]


@pytest.mark.parametrize("surface", ["monai", "deepmind"])
def test_a_prediction_in_many_slabs_scores_as_one(surface: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(25):
        reference, prediction = masks(seed, (6, 5, 14))
        prediction[:, :, 8:10] &= seed % 2 == 0  # a gap
        options = {"surface": surface, "boundary_mm": float(seed % 4) * 2.5}
        whole = scored(reference, prediction, **options)
        monkeypatch.setattr(components_module, "_CHUNK_VOXELS", 1)
        in_slabs = evaluate_in_chunks(reference, prediction, monkeypatch, **options)
        monkeypatch.undo()
        np.testing.assert_allclose(rows(in_slabs), rows(whole), rtol=1e-12)
        np.testing.assert_allclose(*[[e.scores[n].value for n in METRICS] for e in (whole, in_slabs)], rtol=1e-12)


def test_memory_does_not_grow_with_what_lies_inside_of_a_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    reference, prediction = np.zeros((80, 80, 80), np.uint8, order="F"), np.ones((80, 80, 80), np.uint8, order="F")
    reference[40:43, 40:43, 40:43] = 1
    tracemalloc.start()
    evaluate_in_chunks(reference, prediction, monkeypatch, metrics=("dice", "hd95_mm"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < prediction.size * 12  # the coordinates of its voxels alone


def evaluate_in_chunks(reference, prediction, monkeypatch: pytest.MonkeyPatch, **options) -> Evaluation:
    original = components_module.foreground_chunks

    def small(mask, *, chunk_slices=1, **_):
        return original(mask, chunk_voxels=1, chunk_slices=chunk_slices)

    for name in ("CCMetricsLib.slabs", "CCMetricsLib.predicted_lesions"):
        monkeypatch.setattr(f"{name}.foreground_chunks", small)
    return scored(reference, prediction, **options)


@QUICK
@given(
    seed=st.integers(0, 2**32),
    axes=st.sampled_from(list(permutations(range(3)))),
    flips=st.tuples(*[st.booleans()] * 3),
    flat=st.booleans(),
)
def test_surface_metrics_do_not_depend_on_how_the_axes_run(seed, axes, flips, flat) -> None:
    reference, prediction = masks(seed, (8, 7, 1) if flat else (7, 6, 5))
    assume(prediction.any())
    assume(no_voxel_is_tied(reference))

    def turned(values: np.ndarray) -> Labelmap:
        affine = OBLIQUE[:, [*axes, 3]].copy()
        values = values.transpose(axes)
        for axis in np.flatnonzero(flips):
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
            values = np.flip(values, axis)
        return labelmap(values, affine)

    parameters = EvaluationParameters(metrics=METRICS)
    straight, other = scored(reference, prediction), evaluate(turned(reference), turned(prediction), parameters)
    np.testing.assert_allclose(rows(other), rows(straight), rtol=1e-9, atol=1e-12)
    for name in METRICS:
        assert other.scores[name].value == pytest.approx(straight.scores[name].value, rel=1e-9)


def no_voxel_is_tied(reference: np.ndarray) -> bool:
    """Whether no voxel is equally near to two lesions; a tie goes to the first one, which depends on the axes."""
    numbers = numbered(reference)
    voxels = np.argwhere(np.ones_like(reference)) * SPACING
    sites = [np.argwhere(numbers == number) * SPACING for number in range(1, numbers.max() + 1)]
    distances = np.sort([np.linalg.norm(voxels[:, None] - of_one, axis=2).min(axis=1) for of_one in sites], axis=0)
    return len(sites) == 1 or bool((distances[1] - distances[0] > 1e-6).all())


def numbered(reference: np.ndarray) -> np.ndarray:
    found = connected_components(reference)
    numbers = np.zeros(reference.shape, int)
    numbers[tuple(found.voxels_ijk.T)] = found.numbers
    return numbers


@QUICK
@given(
    seed=st.integers(0, 2**32),
    factor=st.sampled_from([0.1, 0.7, 3.0, 10.0]),
    surface=st.sampled_from(["monai", "deepmind"]),
)
def test_scaling_spacing_and_tolerances_together_scales_distances_alone(seed, factor, surface) -> None:
    reference, prediction = masks(seed)
    policy = EmptyPolicy(worst="clamped")
    small, large = (
        scored(
            reference,
            prediction,
            np.diag([times, times, times, 1.0]) @ OBLIQUE,
            surface=surface,
            tolerance_mm=2.5 * times,
            boundary_mm=3.0 * times,
            policy=policy,
        )
        for times in (1.0, factor)
    )
    power = {"hd_mm": 1, "assd_mm": 1, "volume_difference_ml": 3} | ({"hd95_mm": 1} if surface == "monai" else {})
    for one, other in zip(small.components, large.components, strict=True):
        for name in set(METRICS) - ({"hd95_mm"} if surface == "deepmind" else set()):
            expected = one.scores[name].value * factor ** power.get(name, 0)
            assert other.scores[name].value == pytest.approx(expected, rel=1e-9, abs=1e-12), name


@QUICK
@given(seed=st.integers(0, 2**32), surface=st.sampled_from(["monai", "deepmind"]))
def test_with_one_lesion_every_mean_is_the_global_metric(seed, surface) -> None:
    reference, prediction = masks(seed)
    result = scored(numbered(reference) == 1, prediction, surface=surface)
    for name in METRICS:
        assert result.scores[f"cc_{name}"].value == result.scores[name].value


@QUICK
@given(seed=st.integers(0, 2**32))
def test_exchanging_reference_and_prediction_changes_no_symmetric_metric(seed) -> None:
    reference, prediction = masks(seed)
    assume(prediction.any())
    there, back = scored(reference, prediction), scored(prediction, reference)
    for name in ("dice", "iou", *SURFACE_NAMES):
        assert there.scores[name].value == pytest.approx(back.scores[name].value, rel=1e-12)


@pytest.mark.parametrize("kind", ["monai", "deepmind"])
@pytest.mark.parametrize("cut", [False, True])
def test_what_the_whole_tells_about_its_parts_is_what_a_search_of_each_finds(kind: str, cut: bool) -> None:
    """Parts that touch (cut) have surfaces that the whole lacks; missed ones have nothing near them."""
    rng = np.random.default_rng(5)
    for _ in range(12):
        shape, spacing = (14, 11, 9), (1.0, 2.0, 3.5)
        parts = [
            instance_components(np.where(rng.random(shape) < 0.25, rng.integers(1, 5, shape) if cut else block, 0))
            for block in (np.broadcast_to(1 + np.arange(14).reshape(-1, 1, 1) // 4, shape),) * 2
        ]
        wholes = [surface_elements(part.as_one(), spacing, kind) for part in parts]
        own = [surface_elements(part, spacing, kind) for part in parts]
        common = {"shape": shape, "spacing": spacing, "kind": kind}
        whole = SurfaceDistances.between(*wholes, count=1, **common)
        told = SurfaceDistances.between(*own, count=4, whole=whole, **common)
        searched = SurfaceDistances.between(*own, count=4, **common)
        for side in ("reference", "prediction"):
            for name in ("numbers", "distances_mm", "weights"):
                np.testing.assert_array_equal(
                    getattr(getattr(told, side), name), getattr(getattr(searched, side), name)
                )
