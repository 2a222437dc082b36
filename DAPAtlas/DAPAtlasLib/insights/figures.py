"""The study's figures: values against age with their fits, and divergences as a box plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.plots import drawn

from DAPAtlasLib.insights.fits import quadratic_fit
from DAPAtlasLib.insights.measurements import Patient
from DAPAtlasLib.insights.tables import Row, points

_COLOURS = {"F": "#cc79a7", "M": "#0072b2"}
_SEXES = {"F": "women", "M": "men"}
_AXES = {"volume_ml": "volume (ml)", "mean_hu": "mean HU"}


def draw_ages(
    path: Path, patients: Sequence[Patient], dataset: str, shown: Sequence[tuple[str, str]], columns: int = 3
) -> None:
    """Nothing; the file has a scatter plot a structure and quantity, women and men, each with a quadratic fit."""
    rows = -(-len(shown) // columns)
    with drawn(path, rows, columns, (3.2 * columns, 2.6 * rows)) as (_, axes):
        flat = [one for line in axes for one in line]
        for axis, (structure, quantity) in zip(flat, shown, strict=False):
            for sex, colour in _COLOURS.items():
                ages, values = points(patients, dataset, structure, quantity, sex)
                axis.scatter(ages, values, s=6, color=colour, alpha=0.6, linewidths=0, label=_SEXES[sex])
                if fit := quadratic_fit(ages, values):
                    years = np.linspace(min(ages), max(ages), 60)
                    axis.plot(years, fit.at(years), color=colour)
            axis.set_title(structure)
            axis.set_xlabel("age (years)")
            axis.set_ylabel(_AXES[quantity])
        for axis in flat[len(shown) :]:
            axis.set_axis_off()
        flat[0].legend()


def draw_divergences(path: Path, rows: Sequence[Row]) -> None:
    """Nothing; the file has a box a data set, of its average divergence from the others over all structures."""
    names = sorted({str(row["dataset"]) for row in rows})
    values = [[float(str(row["divergence"])) for row in rows if row["dataset"] == name] for name in names]
    with drawn(path, 1, 1, (1.6 + 1.1 * len(names), 3.2)) as (_, axes):
        axes[0][0].boxplot(values, tick_labels=names)
        axes[0][0].set_ylabel("average Jensen-Shannon divergence")
        axes[0][0].set_ylim(0, 1)
