"""The study `cc-simulation`: patients whose smallest or largest lesions are degraded (Figures 30-33 and 42-45)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.plots import require_matplotlib
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import StudyOptions, with_settings
from AnatomyGuidedLib.study_result import write_study

from CCMetricsLib.studies.cases import CaseParameters, generated_cases
from CCMetricsLib.studies.cohort_cases import cohort_cases
from CCMetricsLib.studies.simulation import (
    DEGRADATIONS,
    ORDERS,
    QUARTILE_COLUMNS,
    VALUE_COLUMNS,
    SimulationParameters,
    quartiles,
    simulate,
)
from CCMetricsLib.studies.simulation_plots import draw_simulation

THESIS_SIZE = SimulationParameters(
    erode_mm=3.0, enlarge_mm=3.0, tolerance_mm=2.0, generated=CaseParameters(cases=500, shape=(200, 160, 160))
)
TIERS: Mapping[str, SimulationParameters] = {"ci": SimulationParameters(), "cpu": THESIS_SIZE, "gpu": THESIS_SIZE}


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """The medians; `values.csv`, `quartiles.csv`, the figures and `study.json` are in the folder.

    Raises:
        UsageError: A setting is unknown.
        AnatomyGuidedError: matplotlib is not installed, or the cohort cannot be read.
        Cancelled: The user stopped the work.
    """
    require_matplotlib()
    parameters = with_settings(TIERS[options.tier], options.settings)
    console.progress(0.0, "Making the patients")
    cases = cohort_cases(options.cohort) if options.cohort else generated_cases(parameters.generated, parameters.seed)
    progress = part_of(console.progress, 0.0, 0.95)
    done = simulate(cases, parameters, progress=progress, cancelled=console.cancelled)
    for name, reason in done.failed.items():
        console.note(f"{name}: {reason}")
    if not done.rows:
        raise AnatomyGuidedError("No case of the cohort has a lesion, so there is nothing to degrade.")
    summary = quartiles(done.rows, parameters.most)
    write_csv(folder / "values.csv", done.rows, VALUE_COLUMNS)
    write_csv(folder / "quartiles.csv", summary, QUARTILE_COLUMNS)
    console.progress(0.95, "Drawing the figures")
    files = ["values.csv", "quartiles.csv", "study.json", *draw_simulation(summary, parameters, folder)]
    result = write_study(
        folder,
        "cc-simulation",
        tier=options.tier,
        parameters=asdict(parameters),
        cohort=options.cohort is not None,
        lesions={str(row["case"]): row["lesions"] for row in done.rows},
        failed=done.failed,
        quartiles=summary,
        files=files,
    )
    for line in _lines(summary):
        console.line(line)
    console.progress(1.0, "Done")
    return result


def _lines(summary: Sequence[Mapping[str, object]]) -> list[str]:
    """For people: Dice and CC-Dice, medians of the fixed group (or of what there is) at the last n."""
    group = "fixed" if any(row["group"] == "fixed" for row in summary) else "at_least_n"
    lines = []
    for degradation, order in product(DEGRADATIONS, ORDERS):
        key = {"group": group, "degradation": degradation, "order": order}
        chosen = [row for row in summary if row.items() >= key.items()]
        last = {row["score"]: row for row in chosen if row["n"] == chosen[-1]["n"]}
        if last:
            dice, cc_dice = last["dice"], last["cc_dice"]
            what = f"{degradation} the {dice['n']} {order} of {dice['patients']} patients"
            lines.append(f"{what:45}  Dice {dice['median']:.3f}   CC-Dice {cc_dice['median']:.3f}")
    return lines
