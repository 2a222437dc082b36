"""Spheres whose prediction gets worse step by step: what each metric shows of it (thesis, 5.1.4, Figures 27 to 29).

Erosion and dilation take or add the voxels with a face to the border. With radii of 11.5, 28 and 56 voxels the IoU of
the spheres falls under 0.5 at steps 3, 7 and 14, and the smallest is gone at step 12: the steps that the thesis names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.study_options import require_positive
from scipy.ndimage import distance_transform_cdt

from CCMetricsLib.components import BoolArray
from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from CCMetricsLib.metrics import EmptyPolicy
from CCMetricsLib.rivals import rival_scores
from CCMetricsLib.studies.degradations import nearest_voxels

COLUMNS = ("figure", "experiment", "step", "score", "value")

_MARGIN = 4
_JUMP, _STEEPER, _ROUNDING = 0.05, 1.25, 1e-9


@dataclass(frozen=True)
class SphereParameters:
    """The spheres, in voxels of 1 mm.

    radii: of the three spheres of Figure 27, the smallest first.
    gap: voxels between two of them.
    equal_radius, equal_gaps: the three equal spheres that are dilated until their masks meet.
    dilations, shifts: the number of steps.
    tolerance_mm: of the surface Dice.
    worst_mm: the HD95 of a missed sphere.

    Raises:
        UsageError: A number is not above 0, or there are not three spheres.
    """

    radii: tuple[float, ...] = (11.5, 28.0, 56.0)
    gap: int = 24
    equal_radius: float = 12.0
    equal_gaps: tuple[int, ...] = (6, 14)
    dilations: int = 9
    shifts: int = 10
    tolerance_mm: float = 2.0
    worst_mm: float = 50.0

    def __post_init__(self) -> None:
        names = ("radii", "gap", "equal_radius", "equal_gaps", "dilations", "shifts", "tolerance_mm", "worst_mm")
        require_positive(self, *names)
        if (len(self.radii), len(self.equal_gaps)) != (3, 2) or list(self.radii) != sorted(self.radii):
            raise UsageError("The setting radii must name three spheres, the smallest first, and equal_gaps two gaps.")


@dataclass(frozen=True)
class _Step:
    """One prediction of an experiment, and the scores that the figure shows of it."""

    figure: str
    experiment: str
    step: int
    prediction: Labelmap
    metrics: tuple[str, ...]
    rivals: tuple[str, ...] = ()


def run_experiments(
    parameters: SphereParameters, *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled
) -> list[dict[str, object]]:
    """All experiments, one row a score, with the keys of `COLUMNS`.

    Raises:
        Cancelled: `cancelled` came true.
    """
    three = three_spheres(parameters)
    equal = spheres_in_a_row([parameters.equal_radius] * 3, parameters.equal_gaps, parameters.dilations)
    apart = round(4 * parameters.equal_radius)
    two = spheres_in_a_row([parameters.equal_radius] * 2, [apart], round(parameters.equal_radius))
    plans: Sequence[tuple[Labelmap, Iterator[_Step]]] = (
        (three, erosion_steps(three, parameters)),
        (three, distance_steps(three, parameters)),
        (three, shift_steps(three, parameters)),
        (equal, dilation_steps(equal, parameters)),
        (two, pitfall_steps(two)),
    )
    rows: list[dict[str, object]] = []
    for index, (reference, steps) in enumerate(plans):
        for step in steps:
            stop_if(cancelled)
            progress(index / len(plans), f"{step.experiment.replace('_', ' ')}, step {step.step}")
            rows.extend(_rows(reference, step, parameters))
    return rows


def findings(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What the figures show, in numbers: the last scores as the smallest sphere erodes away, and the jumps.

    A score falls at a step, for this list, where it loses at least 0.05, and a quarter more than at the steps before
    and after it.
    """
    last = {name: float(_series(rows, "erode_smallest", name)[-1]) for name in ("dice", "cc_dice", "pq")}
    return {
        **{f"{name}_when_the_smallest_is_gone": value for name, value in last.items()},
        "pq_falls_at_steps": _jumps(rows, "erode_all", "pq"),
        "pq_rises_at_steps": _rises(rows, "erode_all", "pq"),
        "lesion_dice_falls_at_steps": _jumps(rows, "dilate_equal", "lesion_dice"),
        "lesion_dice_of_one_mask": float(_series(rows, "one_mask", "lesion_dice")[0]),
        "lesion_dice_of_two_masks": float(_series(rows, "two_masks", "lesion_dice")[0]),
        "largest_hd95_mm_as_the_smallest_erodes": float(_series(rows, "erode_smallest_hd95", "hd95_mm").max()),
        "largest_cc_hd95_mm_as_the_smallest_erodes": float(_series(rows, "erode_smallest_hd95", "cc_hd95_mm").max()),
        "least_nsd_as_the_smallest_shifts": float(_series(rows, "shift_smallest", "nsd").min()),
        "least_cc_nsd_as_the_smallest_shifts": float(_series(rows, "shift_smallest", "cc_nsd").min()),
    }


def three_spheres(parameters: SphereParameters) -> Labelmap:
    """The reference of Figure 27."""
    gaps = [parameters.gap] * (len(parameters.radii) - 1)
    return spheres_in_a_row(parameters.radii, gaps, parameters.shifts)


def spheres_in_a_row(radii: Sequence[float], gaps: Sequence[int], margin: int = _MARGIN) -> Labelmap:
    """Spheres along i with so many free voxels between them, numbered from 1.

    >>> np.unique(spheres_in_a_row([1.0, 2.0], [3]).values, return_counts=True)[1].tolist()[1:]
    [7, 33]
    """
    reach = [int(radius) for radius in radii]
    starts = np.cumsum([margin, *(2 * r + 1 + gap for r, gap in zip(reach, gaps, strict=False))])
    across = 2 * (max(reach) + margin) + 1
    grid = Grid((int(starts[-1]) + 2 * reach[-1] + 1 + margin, across, across), np.eye(4))
    values = np.zeros(grid.shape, np.uint8, order="F")
    middle = max(reach) + margin
    for number, (radius, start) in enumerate(zip(radii, starts, strict=True), start=1):
        values[_ball(grid.shape, (int(start) + int(radius), middle, middle), radius)] = number
    return Labelmap(values, grid)


def eroded(reference: Labelmap, steps: int, numbers: Sequence[int] = ()) -> Labelmap:
    """The numbered spheres (all without `numbers`) after so many erosions by faces, beside the others as they are.

    >>> [int((eroded(spheres_in_a_row([2.0], []), step).values > 0).sum()) for step in range(4)]
    [33, 7, 1, 0]
    """
    chosen = np.isin(reference.values, numbers) if numbers else reference.values > 0
    depth = distance_transform_cdt(chosen, metric="taxicab")
    return _mask((reference.values > 0) & ~(chosen & (depth <= steps)), reference.grid)


def dilated(reference: Labelmap, steps: int) -> Labelmap:
    """All spheres after so many dilations by faces."""
    return _mask(distance_transform_cdt(reference.values == 0, metric="taxicab") <= steps, reference.grid)


def shifted(reference: Labelmap, steps: int, number: int) -> Labelmap:
    """One sphere moved along j by so many voxels, the others as they are."""
    moved = np.roll(reference.values == number, steps, axis=1)
    return _mask((reference.values > 0) & (reference.values != number) | moved, reference.grid)


def two_masks(reference: Labelmap) -> tuple[Labelmap, Labelmap]:
    """One mask over two equal spheres and all that is between them, and two balls each as large as that one mask."""
    centres = [np.argwhere(reference.values == number).mean(axis=0).round().astype(int) for number in (1, 2)]
    joined = reference.values > 0
    for i in range(centres[0][0], centres[1][0] + 1):
        joined[i] |= reference.values[centres[0][0]] > 0
    separate = np.zeros_like(joined)
    for centre in centres:
        separate[tuple(nearest_voxels(reference.grid, centre, int(joined.sum())).T)] = True
    return _mask(joined, reference.grid), _mask(separate, reference.grid)


def erosion_steps(reference: Labelmap, parameters: SphereParameters) -> Iterator[_Step]:
    """Figure 28, top and middle: all spheres, or the smallest alone, until the smallest has been gone for a while."""
    for step in range(round(1.6 * parameters.radii[0])):
        yield _Step("28", "erode_all", step, eroded(reference, step), ("dice",), ("pq",))
    for step in range(round(1.6 * parameters.radii[0])):
        yield _Step("28", "erode_smallest", step, eroded(reference, step, (1,)), ("dice",), ("pq",))


def dilation_steps(reference: Labelmap, parameters: SphereParameters) -> Iterator[_Step]:
    """Figure 28, bottom left: three equal spheres grow until their masks meet."""
    for step in range(parameters.dilations + 1):
        yield _Step("28", "dilate_equal", step, dilated(reference, step), ("dice",), ("lesion_dice",))


def pitfall_steps(reference: Labelmap) -> Iterator[_Step]:
    """Figure 28, bottom right: one mask over both spheres, and two masks of the same size each."""
    for experiment, prediction in zip(("one_mask", "two_masks"), two_masks(reference), strict=True):
        yield _Step("28", experiment, 0, prediction, ("dice",), ("lesion_dice",))


def distance_steps(reference: Labelmap, parameters: SphereParameters) -> Iterator[_Step]:
    """Figure 29, top: the smallest or the largest sphere is eroded, as long as the smallest is there."""
    for name, number in _ends(parameters).items():
        for step in range(int(parameters.radii[0]) + 1):
            yield _Step("29", f"erode_{name}_hd95", step, eroded(reference, step, (number,)), ("hd95_mm",))


def shift_steps(reference: Labelmap, parameters: SphereParameters) -> Iterator[_Step]:
    """Figure 29, bottom: the smallest or the largest sphere is moved."""
    for name, number in _ends(parameters).items():
        for step in range(parameters.shifts + 1):
            yield _Step("29", f"shift_{name}", step, shifted(reference, step, number), ("nsd",))


def _ends(parameters: SphereParameters) -> dict[str, int]:
    return {"smallest": 1, "largest": len(parameters.radii)}


def _rows(reference: Labelmap, step: _Step, parameters: SphereParameters) -> list[dict[str, object]]:
    """The step's scores: of the whole, of each sphere, their mean, and the rivals'."""
    evaluation = evaluate(reference, step.prediction, _evaluation_parameters(parameters, step.metrics))
    scores = {name: score.value for name, score in evaluation.scores.items()}
    for row in evaluation.components:
        scores.update({f"{name}_{row.component}": row.scores[name].value for name in step.metrics})
    if step.rivals:
        values = reference.values, step.prediction.values
        rivals = rival_scores(*values, spacing_mm=reference.grid.spacing_mm)
        scores.update({name: rivals[name].value for name in step.rivals})
    key = {"figure": step.figure, "experiment": step.experiment, "step": step.step}
    return [{**key, "score": name, "value": value} for name, value in scores.items()]


def _series(rows: Sequence[Mapping[str, object]], experiment: str, score: str) -> FloatArray:
    chosen = [row["value"] for row in rows if row["experiment"] == experiment and row["score"] == score]
    return np.array([np.nan if value is None else float(str(value)) for value in chosen])


def _jumps(rows: Sequence[Mapping[str, object]], experiment: str, score: str) -> list[int]:
    lost = -np.diff(_series(rows, experiment, score), prepend=np.nan, append=np.nan)
    around = np.fmax(lost[:-2], lost[2:])
    return [int(step) + 1 for step in np.flatnonzero((lost[1:-1] > _STEEPER * around) & (lost[1:-1] >= _JUMP))]


def _rises(rows: Sequence[Mapping[str, object]], experiment: str, score: str) -> list[int]:
    return [int(step) + 1 for step in np.flatnonzero(np.diff(_series(rows, experiment, score)) > _ROUNDING)]


def _evaluation_parameters(parameters: SphereParameters, metrics: tuple[str, ...]) -> EvaluationParameters:
    policy = EmptyPolicy(worst="thesis", worst_mm=parameters.worst_mm)
    return EvaluationParameters(
        instances="reference", metrics=metrics, tolerance_mm=parameters.tolerance_mm, policy=policy
    )


def _ball(shape: tuple[int, int, int], centre: Sequence[int], radius: float) -> BoolArray:
    i, j, k = (np.arange(size) - middle for size, middle in zip(shape, centre, strict=True))
    inside: BoolArray = i[:, None, None] ** 2 + j[:, None] ** 2 + k**2 <= radius**2
    return inside


def _mask(inside: BoolArray, grid: Grid) -> Labelmap:
    return Labelmap(np.asfortranarray(inside).astype(np.uint8), grid)
