"""Distances and surface Dice against the packages whose definitions they follow, lesion by lesion and as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap
from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from CCMetricsLib.partition import Partition, connected_components
from CCMetricsLib.surface_areas import surface_areas_mm2

NAMES = ("hd_mm", "hd95_mm", "assd_mm", "nsd")
SPACINGS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.25)  # exact in binary, so that a tolerance is met or not, without rounding
WHY = "an oracle that is not needed to run the extension; pip install --no-deps {} to compare with it"

Oracle = Callable[[np.ndarray, np.ndarray, np.ndarray, float], dict[str, float]]


@pytest.fixture
def monai() -> Oracle:
    """MONAI 1.6.1's metrics of two masks."""
    torch = pytest.importorskip("torch", reason=WHY.format("torch"))
    package = pytest.importorskip("monai.metrics", reason=WHY.format("monai==1.6.1"))

    def scores(
        reference: np.ndarray, prediction: np.ndarray, spacing: np.ndarray, tolerance: float
    ) -> dict[str, float]:
        found, truth = (torch.from_numpy(mask.copy())[None, None].float() for mask in (prediction, reference))
        options: dict[str, Any] = {"include_background": True, "spacing": [float(mm) for mm in spacing]}
        return {
            "hd_mm": float(package.compute_hausdorff_distance(found, truth, **options)),
            "hd95_mm": float(package.compute_hausdorff_distance(found, truth, percentile=95, **options)),
            "assd_mm": float(package.compute_average_surface_distance(found, truth, symmetric=True, **options)),
            "nsd": float(package.compute_surface_dice(found, truth, [tolerance], **options)),
        }

    return scores


@pytest.fixture
def deepmind(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    """The same by surface-distance 0.1, which needs names that numpy 2 and newer scipy dropped."""
    ndimage = pytest.importorskip("scipy.ndimage")
    package = pytest.importorskip("surface_distance", reason=WHY.format("surface-distance==0.1"))
    monkeypatch.setattr(np, "Inf", np.inf, raising=False)
    for name in ("filters", "morphology"):
        monkeypatch.setattr(ndimage, name, ndimage, raising=False)

    def scores(
        reference: np.ndarray, prediction: np.ndarray, spacing: np.ndarray, tolerance: float
    ) -> dict[str, float]:
        found = package.compute_surface_distances(reference, prediction, [float(mm) for mm in spacing])
        sides = [
            (found["distances_gt_to_pred"], found["surfel_areas_gt"]),
            (found["distances_pred_to_gt"], found["surfel_areas_pred"]),
        ]
        return {
            "hd_mm": package.compute_robust_hausdorff(found, 100),
            "hd95_mm": package.compute_robust_hausdorff(found, 95),
            "assd_mm": sum((d * area).sum() for d, area in sides) / sum(area.sum() for _, area in sides),
            "nsd": package.compute_surface_dice_at_tolerance(found, tolerance),
        }

    return scores


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Tiny and touching lesions and a prediction of them, in a volume or (every third) a slice across any axis."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(3, 12, 3)
    if seed % 3 == 0:
        shape[rng.integers(0, 3)] = 1
    reference = rng.random(shape) < rng.choice([0.03, 0.1, 0.3])
    reference[tuple(slice(start, start + 3) for start in rng.integers(0, np.maximum(shape - 2, 1)))] = True
    prediction = np.roll(reference, rng.integers(-1, 2, 3), (0, 1, 2)) ^ (rng.random(shape) < 0.05)
    prediction[tuple(rng.integers(0, shape))] = True
    return reference, prediction, rng.choice(SPACINGS, 3), float(rng.choice([0.0, 1.0, 2.0]))


def require_equal(seed: int, surface: str, oracle: Oracle) -> None:
    """The whole image's and each lesion's metrics, which the oracle computes on masks cut along the regions."""
    reference, prediction, spacing, tolerance = random_case(seed)
    grid = Grid(reference.shape, np.diag([*spacing, 1.0]))
    parameters = EvaluationParameters(surface=surface, tolerance_mm=tolerance)
    result = evaluate(
        Labelmap(reference.astype(np.uint8), grid), Labelmap(prediction.astype(np.uint8), grid), parameters
    )
    regions = Partition(connected_components(reference), grid.spacing_mm).dense()
    flat = [axis for axis in range(3) if reference.shape[axis] == 1]
    axis = flat[0] if len(flat) == 1 else None

    def expected(where: np.ndarray) -> dict[str, float]:
        masks = [mask & where if axis is None else (mask & where).squeeze(axis) for mask in (reference, prediction)]
        return oracle(*masks, spacing if axis is None else np.delete(spacing, axis), tolerance)

    def given(scores) -> dict[str, float]:
        return {name: scores[name].value for name in NAMES}

    assert given(result.scores) == pytest.approx(expected(np.ones_like(reference)), abs=1e-5), seed
    for row in result.components:
        inside = regions == row.component
        if (prediction & inside).any():
            assert given(row.scores) == pytest.approx(expected(inside), abs=1e-5), (seed, row.component)


@pytest.mark.parametrize("block", range(10))
def test_surface_metrics_equal_monais(monai: Oracle, block: int) -> None:
    for seed in range(15 * block, 15 * block + 15):
        require_equal(seed, "monai", monai)


@pytest.mark.parametrize("block", range(10))
def test_surface_metrics_equal_deepminds(deepmind: Oracle, block: int) -> None:
    for seed in range(15 * block, 15 * block + 15):
        require_equal(seed, "deepmind", deepmind)


def test_the_area_of_each_way_to_pass_between_8_voxels_equals_deepminds() -> None:
    tables = pytest.importorskip("surface_distance.lookup_tables", reason=WHY.format("surface-distance==0.1"))
    spacing = (0.7, 2.1, 3.3)
    theirs = tables.create_table_neighbour_code_to_surface_area(spacing)
    bits = np.array([[code >> bit & 1 for bit in range(8)] for code in range(256)])
    inside = bits.reshape(256, 2, 2, 2).transpose(0, 3, 2, 1)  # the first bit is the corner at 0, the second along i
    codes = (inside * tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(surface_areas_mm2(spacing), theirs[codes], rtol=1e-12)
