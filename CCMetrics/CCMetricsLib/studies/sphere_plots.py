"""Figures 27 to 29: the spheres, and each metric against the steps of a degradation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from AnatomyGuidedLib.plots import Row, drawn, numbers

from CCMetricsLib.studies.colours import CC, HINT, LESION_WISE, PANOPTIC, STANDARD
from CCMetricsLib.studies.spheres import SphereParameters, three_spheres

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHICH = ("smallest", "largest")
_NAMES = {
    "dice": "Dice",
    "cc_dice": "CC-Dice",
    "pq": "Panoptic Quality",
    "lesion_dice": "Lesion Dice",
    "hd95_mm": "HD95",
    "cc_hd95_mm": "CC-HD95",
    "nsd": "Surface Dice",
    "cc_nsd": "CC-Surface Dice",
}
_LOOK: Mapping[str, Mapping[str, Any]] = {
    "standard": {"color": STANDARD, "marker": "o", "markersize": 6},
    "cc": {"color": CC, "marker": "s", "markersize": 3.5},
    "pq": {"color": PANOPTIC, "marker": "^"},
    "lesion_dice": {"color": LESION_WISE, "marker": "v"},
}
_EROSIONS = "erosion steps of 1 voxel (1 mm)"
_SCORE = "score (0 to 1)"


def draw_spheres(rows: Sequence[Row], parameters: SphereParameters, folder: Path) -> list[str]:
    """The names of the PNG files in the folder."""
    _draw_scene(parameters, folder / "figure27_spheres.png")
    _draw_overlap(rows, parameters, folder / "figure28_overlap.png")
    _draw_distance(rows, parameters, folder / "figure29_distance.png")
    return ["figure27_spheres.png", "figure28_overlap.png", "figure29_distance.png"]


def _draw_scene(parameters: SphereParameters, path: Path) -> None:
    values = three_spheres(parameters).values
    section = values[:, :, values.shape[2] // 2].T
    radii = ", ".join(f"{radius:g}" for radius in parameters.radii)
    with drawn(path, 1, 1, (7.0, 3.6)) as (_, [[ax]]):
        for number in range(1, len(parameters.radii) + 1):
            ax.contourf(section == number, levels=[0.5, 1.5], colors=[str(0.75 - 0.2 * number)])
            j, i = np.argwhere(section == number).mean(axis=0)
            ax.text(i, j, str(number), color="white", ha="center", va="center")
        ax.set_aspect("equal")
        ax.set_xlabel("i (voxels of 1 mm)")
        ax.set_ylabel("j (voxels of 1 mm)")
        ax.set_title(f"The reference: spheres with radii of {radii} mm, in their middle plane")


def _draw_overlap(rows: Sequence[Row], parameters: SphereParameters, path: Path) -> None:
    with drawn(path, 2, 2, (10.5, 7.4)) as (figure, [[every, smallest], [growing, pitfall]]):
        for number in range(1, len(parameters.radii) + 1):
            label = "Dice of each sphere" if number == 1 else None
            _line(every, rows, "erode_all", f"dice_{number}", color="black", linestyle="--", linewidth=0.9, label=label)
        _lines(every, rows, "erode_all", ("dice", "cc_dice", "pq"))
        _name(every, "All spheres eroded", _EROSIONS, _SCORE)
        _lines(smallest, rows, "erode_smallest", ("dice", "cc_dice", "pq"))
        smallest.axhline(2 / 3, color=HINT, linestyle=":", linewidth=1)
        smallest.annotate("2/3", (0, 2 / 3), xytext=(-2, 3), textcoords="offset points", color=HINT)
        _name(smallest, "Only the smallest sphere eroded", _EROSIONS, _SCORE)
        _lines(growing, rows, "dilate_equal", ("dice", "cc_dice", "lesion_dice"))
        steps = "dilation steps of 1 voxel (1 mm)"
        _name(growing, "Three equal spheres dilated until their masks meet", steps, _SCORE)
        _draw_pitfall(pitfall, rows)
        named = {
            label: line for ax in (every, growing) for line, label in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=len(named))


def _draw_pitfall(ax: Axes, rows: Sequence[Row]) -> None:
    """Bars: the score of one mask over both spheres, and of two masks each as large."""
    experiments = {"one_mask": "one mask\nover both spheres", "two_masks": "two masks,\neach as large as that one"}
    for index, score in enumerate(("dice", "cc_dice", "lesion_dice")):
        heights = [_value(rows, experiment, score) for experiment in experiments]
        places = [place + 0.26 * (index - 1) for place in range(len(experiments))]
        ax.bar_label(ax.bar(places, heights, 0.24, color=_look(score)["color"]), fmt="%.2f", fontsize=8)
    ax.set_xticks(range(len(experiments)), list(experiments.values()))
    ax.grid(visible=False, axis="x")
    ax.set_ylabel(_SCORE)
    ax.set_ylim(0, 1.02)
    ax.set_title("Two equal spheres, predicted in two ways")


def _draw_distance(rows: Sequence[Row], parameters: SphereParameters, path: Path) -> None:
    tolerance = f"{_SCORE}, tolerance {parameters.tolerance_mm:g} mm"
    with drawn(path, 2, 2, (10.5, 7.0)) as (_, [upper, lower]):
        longest = max(numbers([row for row in rows if row["score"] == "hd95_mm"], "value"))
        for ax, which in zip(upper, _WHICH, strict=True):
            _lines(ax, rows, f"erode_{which}_hd95", ("hd95_mm", "cc_hd95_mm"))
            _name(ax, f"Only the {which} sphere eroded", _EROSIONS, "distance (mm)")
            ax.set_ylim(-0.03 * longest, 1.1 * longest)
            ax.legend(loc="upper left")
        for ax, which in zip(lower, _WHICH, strict=True):
            _lines(ax, rows, f"shift_{which}", ("nsd", "cc_nsd"))
            _name(ax, f"Only the {which} sphere shifted", "shift (mm)", tolerance)
            ax.legend(loc="lower left")


def _name(ax: Axes, title: str, steps: str, values: str) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set_title(title)
    ax.set_xlabel(steps)
    ax.set_ylabel(values)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if values.startswith(_SCORE):
        ax.set_ylim(0, 1.02)


def _lines(ax: Axes, rows: Sequence[Row], experiment: str, scores: Sequence[str]) -> None:
    for score in scores:
        _line(ax, rows, experiment, score, label=_NAMES[score], clip_on=False, **_look(score))


def _line(ax: Axes, rows: Sequence[Row], experiment: str, score: str, **look: Any) -> None:
    chosen = [row for row in rows if row["experiment"] == experiment and row["score"] == score]
    ax.plot(numbers(chosen, "step"), numbers(chosen, "value"), **look)


def _value(rows: Sequence[Row], experiment: str, score: str) -> float:
    return numbers([row for row in rows if row["experiment"] == experiment and row["score"] == score], "value")[0]


def _look(score: str) -> Mapping[str, Any]:
    return _LOOK[score if score in _LOOK else "cc" if score.startswith("cc_") else "standard"]
