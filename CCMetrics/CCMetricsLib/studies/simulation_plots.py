"""Figures 30 to 33 and 42 to 45: medians and quartiles over the patients against the number of degraded lesions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.plots import Row, drawn, numbers

from CCMetricsLib.studies.colours import CC, STANDARD
from CCMetricsLib.studies.simulation import DEGRADATIONS, GROUPS, METRICS, ORDERS, SimulationParameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIGURES = {"at_least_n": 30, "fixed": 42}
_TITLES = {
    "dice": "Dice, CC-Dice (0 to 1)",
    "nsd": "Surface Dice, CC-SD (0 to 1)",
    "hd95_mm": "HD95, CC-HD95 (mm)",
}
_DONE = {"drop": "dropped", "enlarge": "enlarged", "insert": "given a false positive", "erode": "eroded"}
_WHOM = {"at_least_n": "at each n, all patients with enough lesions", "fixed": "the same patients at every n"}


def draw_simulation(rows: Sequence[Row], parameters: SimulationParameters, folder: Path) -> list[str]:
    """The names of the PNG files in the folder, one a degradation and group; a group without patients has none."""
    names = []
    for group in GROUPS:
        for index, degradation in enumerate(DEGRADATIONS):
            chosen = [row for row in rows if row["group"] == group and row["degradation"] == degradation]
            if chosen:
                names.append(f"figure{_FIGURES[group] + index}_{degradation}_{group}.png")
                title = f"Lesions {_done(degradation, parameters)}: {_WHOM[group]}"
                _draw(chosen, title, parameters, folder / names[-1])
    return names


def _draw(rows: Sequence[Row], title: str, parameters: SimulationParameters, path: Path) -> None:
    with drawn(path, len(ORDERS), len(METRICS), (10.5, 6.4)) as (figure, axes):
        for line, order in zip(axes, ORDERS, strict=True):
            for ax, metric in zip(line, METRICS, strict=True):
                _draw_metric(ax, [row for row in rows if row["order"] == order], metric)
                ax.set_xlabel(f"n {order} lesions (in brackets: patients)")
        tolerance, worst = (f"{value:g} mm" for value in (parameters.tolerance_mm, parameters.worst_mm))
        settings = f"tolerance of surface Dice (SD): {tolerance}; HD95 of a missed lesion: {worst}"
        figure.suptitle(f"{title}\n({settings})", fontsize=10)
        figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _draw_metric(ax: Axes, rows: Sequence[Row], metric: str) -> None:
    for score, color, marker, label in (
        (metric, STANDARD, "o", "standard metric"),
        (f"cc_{metric}", CC, "s", "CC-Metric"),
    ):
        chosen = [row for row in rows if row["score"] == score]
        n = numbers(chosen, "n")
        ax.plot(n, numbers(chosen, "median"), color=color, marker=marker, label=f"{label}: median", clip_on=False)
        quartiles = numbers(chosen, "q25"), numbers(chosen, "q75")
        ax.fill_between(n, *quartiles, color=color, alpha=0.18, linewidth=0, label="25th to 75th percentile")
    patients = [row for row in rows if row["score"] == metric]
    ax.set_xticks(numbers(patients, "n"), [f"{row['n']}\n({row['patients']})" for row in patients], fontsize=7.5)
    ax.set_ylabel(_TITLES[metric])
    if metric.endswith("_mm"):
        ax.set_ylim(bottom=0)
    else:
        ax.set_ylim(0, 1.02)


def _done(degradation: str, parameters: SimulationParameters) -> str:
    amounts = {"enlarge": f" by {parameters.enlarge_mm:g} mm", "erode": f" by {parameters.erode_mm:g} mm"}
    return _DONE[degradation] + amounts.get(degradation, "")
