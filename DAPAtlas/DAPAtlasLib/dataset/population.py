"""Who is in the data set: ages and diagnoses by sex, as a table and as the thesis's Figure 35."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from AnatomyGuidedLib.plots import drawn

from DAPAtlasLib.dataset.patients import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AGES = ("age_min", "age_q1", "age_median", "age_q3", "age_max")
COLUMNS = ("set", "diagnosis", "sex", "patients", "with_age", *_AGES)
ALL, HEALTHY, SICK, UNKNOWN = "all", "healthy", "with a finding", "unknown"

_SEXES = {"F": "women", "M": "men", "": "sex unknown"}
_COLOURS = {"F": "#cc79a7", "M": "#0072b2", "": "#7f7f7f"}
_LEAST_FOR_A_VIOLIN = 5
_ROOM_YEARS = 5.0
_QUARTILES = (0.25, 0.5, 0.75)

Row = dict[str, object]


def population_rows(cohort: Sequence[Study], taken: Collection[Study], healthy: Collection[str]) -> list[Row]:
    """A row a set (the cohort, what was taken), diagnosis and sex, with quartiles of age where ages are known."""
    rows = []
    for name, studies in (("cohort", cohort), ("taken", [study for study in cohort if study in taken])):
        for diagnosis in (*diagnoses(cohort), HEALTHY, SICK, ALL):
            chosen = [study for study in studies if _is_of(study, diagnosis, healthy)]
            for sex in (*_sexes(cohort), ALL):
                of_sex = [study for study in chosen if sex in (ALL, study.sex or "")]
                rows.append({"set": name, "diagnosis": diagnosis, "sex": sex or UNKNOWN, **_ages(of_sex)})
    return rows


def draw_population(path: Path, studies: Sequence[Study], healthy: Collection[str]) -> None:
    """Nothing; the file has violins of age by diagnosis, women and men, and bars of how many have which diagnosis."""
    names, sexes = diagnoses(studies), _sexes(studies)
    with drawn(path, 2, max(2, len(sexes)), (max(8.0, 1.1 * len(names) * len(sexes)), 6.4)) as (_, axes):
        for axis, sex in zip(axes[0], sexes, strict=False):
            _draw_ages(axis, [[s for s in studies if (s.sex or "") == sex and _name(s) == name] for name in names])
            axis.set_xticks(range(len(names)), names, rotation=20)
            axis.set_title(f"age of {_SEXES[sex]}" if sex else "age, sex unknown")
            axis.set_ylabel("age (years)")
            axis.set_ylim(_age_limits(studies))
            axis.grid(visible=False, axis="x")
        _draw_bars(axes[1][0], studies, names, healthy)
        axes[1][0].set_title("diagnosis")
        _draw_bars(axes[1][1], studies, [HEALTHY, SICK], healthy)
        axes[1][1].set_title("healthy and with a finding")
        for unused in (*axes[0][len(sexes) :], *axes[1][2:]):
            unused.set_axis_off()
        axes[1][0].legend(loc="upper left", bbox_to_anchor=(0.0, -0.2), ncols=len(sexes))


def diagnoses(studies: Sequence[Study]) -> list[str]:
    """The diagnoses that occur, by name; patients without one are "unknown"."""
    return sorted({_name(study) for study in studies})


def _draw_ages(axis: Axes, groups: Sequence[Sequence[Study]]) -> None:
    """A violin a group with its quartiles dashed; dots where a few patients would make none."""
    for place, group in enumerate(groups):
        ages = [study.age for study in group if study.age is not None]
        colour = _COLOURS[group[0].sex or ""] if group else ""
        if len(set(ages)) < _LEAST_FOR_A_VIOLIN:
            axis.scatter([place] * len(ages), ages, s=14, color=colour or None)
            continue
        parts = axis.violinplot(ages, [place], widths=0.8, showextrema=False, quantiles=[_QUARTILES])
        for body in cast(list[Any], parts["bodies"]):
            body.set(facecolor=colour, alpha=0.5)
        parts["cquantiles"].set(linestyle="--", color="#333333", linewidth=1.0)


def _age_limits(studies: Sequence[Study]) -> tuple[float, float]:
    ages = [study.age for study in studies if study.age is not None] or [0.0, 100.0]
    return min(ages) - _ROOM_YEARS, max(ages) + _ROOM_YEARS


def _draw_bars(axis: Axes, studies: Sequence[Study], names: Sequence[str], healthy: Collection[str]) -> None:
    sexes = _sexes(studies)
    width = 0.8 / max(1, len(sexes))
    for number, sex in enumerate(sexes):
        counts = [sum(_is_of(s, name, healthy) for s in studies if (s.sex or "") == sex) for name in names]
        places = np.arange(len(names)) + (number - (len(sexes) - 1) / 2) * width
        bars = axis.bar(places, counts, width, color=_COLOURS[sex], label=_SEXES[sex])
        axis.bar_label(bars)
    axis.margins(y=0.12)
    axis.locator_params(axis="y", integer=True)
    axis.grid(visible=False, axis="x")
    axis.set_xticks(range(len(names)), names, rotation=20)
    axis.set_ylabel("patients")


def _is_of(study: Study, diagnosis: str, healthy: Collection[str]) -> bool:
    known = bool(study.diagnosis)
    is_healthy = study.diagnosis in healthy
    groups = {ALL: True, HEALTHY: known and is_healthy, SICK: known and not is_healthy}
    return groups.get(diagnosis, _name(study) == diagnosis)


def _ages(studies: Sequence[Study]) -> Row:
    ages = [study.age for study in studies if study.age is not None]
    row: Row = {"patients": len(studies), "with_age": len(ages)}
    if ages:
        quantiles = np.quantile(ages, (0.0, *_QUARTILES, 1.0))
        row |= {name: round(float(age), 2) for name, age in zip(_AGES, quantiles, strict=True)}
    return row


def _name(study: Study) -> str:
    return study.diagnosis or UNKNOWN


def _sexes(studies: Sequence[Study]) -> list[str]:
    return [sex for sex in _SEXES if any((study.sex or "") == sex for study in studies)]
