"""The study `cc-spheres`: three spheres, degraded step by step (thesis, 5.1.4, Figures 27 to 29)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.plots import require_matplotlib
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import StudyOptions, with_settings
from AnatomyGuidedLib.study_result import write_study

from CCMetricsLib.studies.sphere_plots import draw_spheres
from CCMetricsLib.studies.spheres import COLUMNS, SphereParameters, findings, run_experiments

SMALL = SphereParameters(radii=(5.5, 14.0, 28.0), gap=14, shifts=6)
TIERS: Mapping[str, SphereParameters] = {"ci": SMALL, "cpu": SphereParameters(), "gpu": SphereParameters()}


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What was found; `values.csv`, the figures and `study.json` are in the folder.

    Raises:
        UsageError: A cohort was given, or a setting is unknown.
        AnatomyGuidedError: matplotlib is not installed.
        Cancelled: The user stopped the work.
    """
    if options.cohort:
        raise UsageError("The study cc-spheres makes its own images; call it without --cohort.")
    require_matplotlib()
    parameters = with_settings(TIERS[options.tier], options.settings)
    rows = run_experiments(parameters, progress=part_of(console.progress, 0.0, 0.9), cancelled=console.cancelled)
    write_csv(folder / "values.csv", rows, COLUMNS)
    console.progress(0.9, "Drawing the figures")
    figures = draw_spheres(rows, parameters, folder)
    found = findings(rows)
    result = write_study(
        folder,
        "cc-spheres",
        tier=options.tier,
        parameters=asdict(parameters),
        findings=found,
        files=["values.csv", "study.json", *figures],
    )
    for name, value in found.items():
        console.line(f"{name.replace('_', ' ')}: {value}")
    console.progress(1.0, "Done")
    return result
