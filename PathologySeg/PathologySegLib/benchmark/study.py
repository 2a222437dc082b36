"""The study `lesion-benchmark`: five networks on PET/CT, scored as a whole and lesion by lesion (thesis, Table 16)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import StudyOptions
from AnatomyGuidedLib.study_result import write_study
from CCMetricsLib.cohort_tables import case_rows, columns

from PathologySegLib.benchmark.cohort import by_data_set
from PathologySegLib.benchmark.made_patients import made_cohort
from PathologySegLib.benchmark.plan import Plan, read_plan
from PathologySegLib.benchmark.report import PAIRS, as_markdown, data_set_report

STUDY, STATE_FOLDER = "lesion-benchmark", "state"
_MAKING_SHARE = 0.1  # of the progress


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """What was found; tables and `study.json` are in the folder, and `state` below it keeps finished folds.

    Raises:
        UsageError: A setting is unknown, or the tier needs a cohort and none was given.
        AnatomyGuidedError: torch is missing, or a case cannot be read.
        Cancelled: The user stopped; the same call goes on from there.
    """
    plan = read_plan(options.tier, options.settings)
    if not (options.cohort or plan.settings.makes_patients):
        raise UsageError(
            f"The tier {options.tier} trains networks of the thesis's size on your data; "
            "give --cohort CSV (docs/lesion-benchmark.md says what it holds), or choose --tier ci."
        )
    try:
        from PathologySegLib.benchmark.benchmark import Benchmark
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    state = (options.target or folder) / STATE_FOLDER
    try:
        table = options.cohort or _made(plan, state / "patients", console)
        cases = by_data_set(table, plan.settings, force=options.cohort is None)
        benchmark = Benchmark(plan, cases, state)
        found, not_run = benchmark.run(part_of(console.progress, _MAKING_SHARE, 1.0), console.cancelled)
    except (Cancelled, KeyboardInterrupt) as stop:
        raise Cancelled("Stopped; the same call goes on from the last finished step.") from stop
    again = {"seed": plan.settings.seed, "resamples": plan.settings.resamples}
    reports = [data_set_report(name, results, not_run[name], **again) for name, results in found.items()]
    scores = [{"data_set": name, **row} for name, results in found.items() for row in case_rows(results)]
    write_csv(folder / "scores.csv", scores, columns(scores, first=("data_set", "model", "case")))
    write_csv(folder / "pairs.csv", [row for report in reports for row in report["pairs"]], PAIRS)
    text = "\n".join(f"### {report['data_set']}\n{as_markdown(report)}" for report in reports)
    (folder / "table16.md").write_text(text, encoding="utf-8")
    for line in text.splitlines():
        console.line(line)
    result = write_study(
        folder,
        STUDY,
        tier=options.tier,
        patients="made" if options.cohort is None else "cohort",
        parameters=plan.told(),
        networks=benchmark.networks(),
        data_sets=reports,
        files=["scores.csv", "pairs.csv", "table16.md", "study.json"],
    )
    console.progress(1.0, "Done")
    return result


def _made(plan: Plan, folder: Path, console: Console) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    told = part_of(console.progress, 0.0, _MAKING_SHARE)
    return made_cohort(plan.settings.data_sets, folder, told, console.cancelled)
