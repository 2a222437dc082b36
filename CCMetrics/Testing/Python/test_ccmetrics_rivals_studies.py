"""What the thesis observes on three spheres (5.1.4.2, 5.1.4.3 and Figure 28), as assertions."""

from __future__ import annotations

import numpy as np
import pytest
from CCMetricsLib.components import connected_components, foreground_voxels
from CCMetricsLib.lesion_dice import LesionDiceParameters
from CCMetricsLib.partition import Partition
from CCMetricsLib.rivals import RivalParameters, rival_scores
from scipy import ndimage

ISOTROPIC = (1.0, 1.0, 1.0)
RADII = (14, 9, 5)
NOT_MERGED = RivalParameters(lesion_dice=LesionDiceParameters(dilation=0, ignored_reference=0))


def spheres(radii: tuple[int, ...], gap: int) -> list[np.ndarray]:
    """Balls in a row along i, with their gaps in voxels."""
    length = sum(2 * radius + 1 + gap for radius in radii) + gap
    size = 2 * max(radii) + 9
    i, j, k = np.indices((length, size, size))
    starts = np.cumsum([gap, *(2 * radius + 1 + gap for radius in radii[:-1])])
    return [
        (i - start - radius) ** 2 + (j - size // 2) ** 2 + (k - size // 2) ** 2 <= radius**2
        for start, radius in zip(starts, radii, strict=True)
    ]


def scores_of(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    return {
        name: score.value
        for name, score in rival_scores(reference, prediction, spacing_mm=ISOTROPIC, parameters=NOT_MERGED).items()
    }


def cc_dice(reference: np.ndarray, prediction: np.ndarray) -> float:
    """CC-Dice in the test's own words: Dice in each lesion's region, then the plain mean."""
    components = connected_components(reference)
    voxels = foreground_voxels(prediction)
    region = Partition(components, ISOTROPIC).region_of(voxels)
    own = components.at(voxels)
    return float(
        np.mean(
            [
                2 * np.sum(own == number) / (np.sum(components.numbers == number) + np.sum(region == number))
                for number in range(1, components.count + 1)
            ]
        )
    )


def erosions(mask: np.ndarray) -> list[np.ndarray]:
    """The mask, eroded once more each time, up to the first empty one; a slice in its own plane."""
    structure = ndimage.generate_binary_structure(3, 1)
    structure = structure[:, :, 1:2] if mask.shape[2] == 1 else structure
    steps = [mask]
    while steps[-1].any():
        steps.append(ndimage.binary_erosion(steps[-1], structure))
    return steps


def first_step(steps: list[np.ndarray], share: float) -> int:
    """When an eroded component covers no more than this share of what it was: its IoU with it."""
    return next(n for n, step in enumerate(steps) if step.sum() <= share * steps[0].sum())


def test_panoptic_quality_drops_at_the_half_and_rises_when_the_smallest_vanishes() -> None:
    """Middle plot: only the smallest component is eroded."""
    *others, smallest = spheres(RADII, gap=4)
    steps = erosions(smallest)
    reference = np.any([*others, smallest], axis=0)
    pq = [scores_of(reference, np.any([*others, step], axis=0))["pq"] for step in steps]
    lost, gone = first_step(steps, 0.5), first_step(steps, 0.0)
    assert 0 < lost < gone == len(steps) - 1
    iou_before = steps[lost - 1].sum() / smallest.sum()
    assert pq[lost - 1] == pytest.approx((2 + iou_before) / 3)
    assert pq[lost:gone] == pytest.approx([2 / 3] * (gone - lost))  # two matches of three on either side, flat
    assert pq[gone] == pytest.approx(2 / 2.5)  # the false positive is no more
    assert pq[gone] > pq[gone - 1]


def test_panoptic_quality_falls_steepest_where_components_cross_the_half() -> None:
    """Upper plot: all components are eroded alike; discs in one slice, large enough for small steps."""
    parts = [part[:, :, part.shape[2] // 2 :][:, :, :1] for part in spheres((60, 30, 12), gap=4)]
    eroded = [erosions(part) for part in parts]
    reference = np.any(parts, axis=0)
    lost, gone = ([first_step(steps, share) for steps in eroded] for share in (0.5, 0.0))
    assert lost[2] < lost[1] < gone[2] < lost[0] < gone[1], "the largest still matches when the smallest vanishes"
    pq = [
        scores_of(reference, np.any([steps[min(n, len(steps) - 1)] for steps in eroded], axis=0))["pq"]
        for n in range(lost[0] + 1)
    ]
    change = dict(enumerate(np.diff(pq), start=1))
    smooth = [fall for step, fall in change.items() if step not in (*lost, gone[2])]
    assert max(change[step] for step in lost) < 1.5 * min(smooth) < 0
    assert change[gone[2]] > 0 > max(smooth)


def test_cc_dice_never_rises_while_components_erode() -> None:
    *others, smallest = spheres(RADII, gap=4)
    reference = np.any([*others, smallest], axis=0)
    values = [cc_dice(reference, np.any([*others, step], axis=0)) for step in erosions(smallest)]
    assert (np.diff(values) < 0).all()
    assert values[-1] == pytest.approx(2 / 3)


def test_lesion_dice_falls_where_dilated_masks_merge_and_cc_dice_does_not() -> None:
    """Lower left plot: spheres of one size, dilated until they meet."""
    parts = spheres((7, 7, 7), gap=6)
    reference = np.any(parts, axis=0)
    lesion, cc, counts = [], [], []
    for steps in range(1, 6):
        prediction = ndimage.binary_dilation(reference, iterations=steps)
        lesion.append(scores_of(reference, prediction)["lesion_dice"])
        cc.append(cc_dice(reference, prediction))
        counts.append(connected_components(prediction).count)
    merged = counts.index(1)
    assert merged > 0
    assert counts[0] == 3
    assert lesion[:merged] == pytest.approx(cc[:merged], abs=1e-12)
    falls, cc_falls = -np.diff(lesion), -np.diff(cc)
    assert falls[merged - 1] > 3 * falls[: merged - 1].max()
    assert cc_falls[merged - 1] < 1.5 * cc_falls[: merged - 1].max()


def test_lesion_dice_does_not_tell_one_mask_over_two_lesions_from_two_masks_of_its_size() -> None:
    """Lower right plot: the two masks cover many more false positives, which CC-Dice sees."""
    reference, one, two = (np.zeros((60, 5, 5), bool) for _ in range(3))
    reference[24:28], reference[32:36] = True, True
    one[24:36] = True
    two[16:28], two[32:44] = True, True
    assert two.sum() == 2 * one.sum()
    assert scores_of(reference, two)["lesion_dice"] == scores_of(reference, one)["lesion_dice"] == 2 * 4 / (4 + 12)
    assert cc_dice(reference, one) == pytest.approx(2 * 4 / (4 + 6))
    assert cc_dice(reference, two) == pytest.approx(2 * 4 / (4 + 12))
