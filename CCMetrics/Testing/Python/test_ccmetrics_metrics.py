"""Each metric on bodies that can be checked by hand, and what it is where there is nothing to compare."""

from __future__ import annotations

import numpy as np
import pytest
from CCMetricsLib.components import NumberedVoxels
from CCMetricsLib.metrics import (
    METRICS,
    NO_PREDICTION,
    NO_REFERENCE,
    NO_VOXELS,
    TABLE,
    Bands,
    Bodies,
    EmptyPolicy,
    Score,
    boundary_iou,
    direction,
    mean_over_components,
    needed,
    scores,
)
from CCMetricsLib.policies import worst_distance_mm
from CCMetricsLib.surface_distances import SurfaceDistances
from CCMetricsLib.surfaces import surface_elements

SIMILARITIES = [name for name in METRICS if direction(name) == "higher"]
DISTANCES = [name for name in METRICS if direction(name) == "lower"]
SPACING = (1.0, 2.0, 4.0)
WORST_MM = 33.0


def row(*voxels: int) -> NumberedVoxels:
    """Voxels of a line along i in a volume of 10 x 3 x 3, as one body."""
    places = np.array([(i, 1, 1) for i in voxels], np.int32).reshape(-1, 3)
    return NumberedVoxels((10, 3, 3), places, np.ones(len(places), np.int32))


def bodies(reference: NumberedVoxels, prediction: NumberedVoxels, *, count: int = 1) -> Bodies:
    """All that is known of one body; the bands are its voxels, since lines are all surface."""
    shared = np.array([int((reference.at(prediction.voxels_ijk) > 0).sum())])
    sizes = np.array([len(reference.numbers)]), np.array([len(prediction.numbers)])
    elements = (surface_elements(voxels, SPACING, "monai") for voxels in (reference, prediction))
    distances = SurfaceDistances.between(*elements, shape=(10, 3, 3), spacing=SPACING, count=count, kind="monai")
    return Bodies(*sizes, shared, 0.008, 1.0, distances, Bands(*sizes, shared))


def scored(reference: NumberedVoxels, prediction: NumberedVoxels, *, in_regions: bool = False, **policy) -> dict:
    (of_body,) = scores(
        bodies(reference, prediction), METRICS, policy=EmptyPolicy(**policy), worst_mm=WORST_MM, in_regions=in_regions
    )
    return of_body


def values(of_body: dict[str, Score]) -> dict[str, float | None]:
    return {name: score.value for name, score in of_body.items()}


def test_every_metric_by_hand() -> None:
    """Reference 0 1 2 3, prediction 2 3 4 5 6 at 1 mm: distances 2 1 0 0 back and 0 0 1 2 3 forth."""
    assert values(scored(row(0, 1, 2, 3), row(2, 3, 4, 5, 6))) == pytest.approx(
        {
            "dice": 2 * 2 / 9,
            "iou": 2 / 7,
            "volume_difference_ml": 0.008,
            "hd_mm": 3,
            "hd95_mm": 2 + 0.8,  # place 0.95 * 4 = 3.8 of 0 0 1 2 3; the other way 1.85 of 0 0 1 2
            "assd_mm": 9 / 9,
            "nsd": (3 + 3) / 9,
            "boundary_iou": 2 / 7,
        }
    )


def test_a_perfect_prediction_has_the_best_value_of_each_metric() -> None:
    best = {"higher": 1.0, "lower": 0.0, "zero": 0.0}
    assert values(scored(row(2, 3, 7), row(2, 3, 7))) == {name: best[direction(name)] for name in METRICS}


def test_beside_the_reference_overlap_is_0_and_distances_are_those_between() -> None:
    found = values(scored(row(0), row(5)))
    assert {name: found[name] for name in ("dice", "iou", "boundary_iou", "nsd")} == dict.fromkeys(
        ("dice", "iou", "boundary_iou", "nsd"), 0.0
    )
    assert {found[name] for name in DISTANCES} == {5.0}


@pytest.mark.parametrize("in_regions", [False, True])
def test_by_default_an_empty_prediction_scores_0_and_the_worst_distance(in_regions: bool) -> None:
    found = scored(row(0, 1), row(), in_regions=in_regions)
    assert {found[name] for name in SIMILARITIES} == {Score(0.0, NO_PREDICTION)}
    assert {found[name] for name in DISTANCES} == {Score(WORST_MM, NO_PREDICTION)}
    assert found["volume_difference_ml"] == Score(-2 * 0.008)


@pytest.mark.parametrize(("prediction", "reason"), [(row(), NO_VOXELS), (row(4), NO_REFERENCE)])
def test_by_default_nothing_is_scored_without_a_reference(prediction: NumberedVoxels, reason: str) -> None:
    found = scored(row(), prediction)
    assert {found[name] for name in (*SIMILARITIES, *DISTANCES)} == {Score(None, reason)}
    assert found["volume_difference_ml"].value == len(prediction.numbers) * 0.008


@pytest.mark.parametrize(
    ("name", "reference", "prediction", "in_regions"),
    [
        ("both_empty", row(), row(), False),
        ("no_reference", row(), row(1), False),
        ("no_prediction", row(1), row(), False),
        ("empty_region", row(1), row(), True),
    ],
)
def test_the_policy_decides_every_empty_case(name, reference, prediction, in_regions) -> None:
    for value in (0.25, None):
        found = scored(reference, prediction, in_regions=in_regions, **{name: value})
        assert {found[metric].value for metric in SIMILARITIES} == {value}


def test_thesis_mode_is_50_mm_and_clamped_mode_the_diagonal_of_the_image() -> None:
    shape, spacing = (3, 4, 6), (1.0, 1.0, 2.0)
    assert worst_distance_mm(EmptyPolicy(), shape, spacing) == 50
    assert worst_distance_mm(EmptyPolicy(worst="clamped"), shape, spacing) == 13
    assert worst_distance_mm(EmptyPolicy(worst="clamped", worst_mm=7.0), shape, spacing) == 7


@pytest.mark.parametrize("policy", [{"worst": "median"}, {"worst_mm": 0.0}, {"worst_mm": float("nan")}])
def test_a_policy_that_means_nothing_is_refused(policy) -> None:
    with pytest.raises(ValueError, match="worst"):
        EmptyPolicy(**policy)


def test_the_mean_counts_each_component_once_and_leaves_out_undefined_ones() -> None:
    assert mean_over_components([Score(1.0), Score(0.0), Score(0.5)]).value == 0.5
    assert mean_over_components([Score(1.0), Score(None, "why")]).value == 1.0


def test_a_mean_of_nothing_is_undefined_with_a_reason() -> None:
    assert mean_over_components([]) == Score(None, "the reference has no lesion")
    assert mean_over_components([Score(None, "why")]) == Score(None, "why")


def test_what_a_metric_needs_and_which_values_are_better_is_known_by_its_name() -> None:
    assert needed(["dice", "nsd"]) == {"voxels", "surfaces"}
    assert [direction(name) for name in ("cc_dice", "assd_mm", "cc_volume_difference_ml")] == [
        "higher",
        "lower",
        "zero",
    ]
    with pytest.raises(ValueError, match="one of dice"):
        direction("accuracy")


def test_a_metric_whose_measurements_are_missing_says_so() -> None:
    counts = Bodies(np.array([1]), np.array([1]), np.array([1]), 1.0)
    with pytest.raises(ValueError, match="surfaces"):
        TABLE["hd_mm"].values(counts)
    with pytest.raises(ValueError, match="bands"):
        boundary_iou(counts)
