"""The study `atlas-insights`: what a cohort's label maps say of age, sex, data set and diagnosis (thesis, 3.1.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.plots import require_matplotlib
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import StudyOptions, with_settings
from AnatomyGuidedLib.study_result import write_study

from DAPAtlasLib.insights import figures
from DAPAtlasLib.insights.made_cohort import HU_LAWS, VOLUME_LAWS, CohortParameters, law_of, made_cohort
from DAPAtlasLib.insights.measurements import Patient, read_cohort
from DAPAtlasLib.insights.tables import (
    AFFECTED_COLUMNS,
    DIVERGENCE_COLUMNS,
    FIT_COLUMNS,
    Row,
    affected_rows,
    divergence_rows,
    fit_rows,
)

_SHOWN = (
    *(("Liver", "volume_ml"), ("Heart Atrium Left", "volume_ml"), ("Heart Ventricle Left", "volume_ml")),
    *(("Hip Left", "mean_hu"), ("Liver", "mean_hu"), ("Skull", "mean_hu")),
)


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What was found; tables, figures and `study.json` are in the folder.

    Raises:
        AnatomyGuidedError: The cohort cannot be read, or matplotlib is not installed.
        UsageError: Settings were given for a cohort of one's own, or one is unknown.
        Cancelled: The user stopped the work.
    """
    require_matplotlib()
    parameters = with_settings(CohortParameters(), options.settings)
    if options.cohort and options.settings:
        raise UsageError("The settings of atlas-insights are those of the made cohort; leave them out with --cohort.")
    told = part_of(console.progress, 0.0, 0.8)
    patients = read_cohort(options.cohort) if options.cohort else made_cohort(parameters, told, console.cancelled)
    dataset = patients[0].dataset
    fits, divergences, affected = fit_rows(patients, dataset), divergence_rows(patients), affected_rows(patients)
    if not fits:
        raise AnatomyGuidedError(f"The data set {dataset} has no structure that five patients of one sex have.")
    files = _written(folder, patients, dataset, (fits, divergences, affected))
    found = _findings(patients, dataset, divergences, None if options.cohort else fits)
    result = write_study(
        folder,
        "atlas-insights",
        tier=options.tier,
        parameters={} if options.cohort else asdict(parameters),
        findings=found,
        files=[*files, "study.json"],
    )
    for name, value in found.items():
        console.line(f"{name.replace('_', ' ')}: {value}")
    console.progress(1.0, "Done")
    return result


def _written(
    folder: Path, patients: Sequence[Patient], dataset: str, tables: tuple[list[Row], list[Row], list[Row]]
) -> list[str]:
    fits, divergences, affected = tables
    write_csv(folder / "fits.csv", fits, FIT_COLUMNS)
    write_csv(folder / "divergences.csv", divergences, DIVERGENCE_COLUMNS)
    write_csv(folder / "affected.csv", affected, AFFECTED_COLUMNS)
    present = {str(row["structure"]) for row in fits}
    shown = [one for one in _SHOWN if one[0] in present]
    shown = shown or [(name, "volume_ml") for name in sorted(present)[:6]]
    figures.draw_ages(folder / "figure11_age.png", patients, dataset, shown)
    files = ["fits.csv", "divergences.csv", "affected.csv", "figure11_age.png"]
    if divergences:
        figures.draw_divergences(folder / "figure10_divergence.png", divergences)
        files.append("figure10_divergence.png")
    return files


def _findings(
    patients: Sequence[Patient], dataset: str, divergences: Sequence[Row], made: Sequence[Row] | None
) -> dict[str, object]:
    names = sorted({str(row["dataset"]) for row in divergences})
    medians = {
        name: round(float(np.median([float(str(r["divergence"])) for r in divergences if r["dataset"] == name])), 3)
        for name in names
    }
    told: dict[str, object] = {"patients": len(patients), "data_set_of_the_fits": dataset, "median_divergence": medians}
    if made is not None:
        inside = [*_recovered(made)]
        told["coefficients_put_in"] = len(inside)
        told["coefficients_inside_their_interval"] = sum(inside)
    return told


def _recovered(fits: Sequence[Row]) -> list[bool]:
    """Of each coefficient that was put into the made cohort, whether its 95 % interval holds it."""
    inside = []
    for row in fits:
        structure, sex = str(row["structure"]), str(row["sex"])
        laws = VOLUME_LAWS if row["quantity"] == "volume_ml" else HU_LAWS
        if structure in laws:
            law = law_of(structure, sex if laws is VOLUME_LAWS else "F", laws)
            ends = [(row[f"{power}_low"], row[f"{power}_high"]) for power in ("constant", "age", "age_squared")]
            inside += [
                float(str(low)) <= value <= float(str(high)) for value, (low, high) in zip(law, ends, strict=True)
            ]
    return inside
