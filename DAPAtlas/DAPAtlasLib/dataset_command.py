"""`anatomyguided dataset build`: a cohort of CTs in, a data set of label maps out, described and ready for review."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.cohort_options import add_running_arguments
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, CasesFailed
from AnatomyGuidedLib.files import Outputs, write_csv, write_json
from AnatomyGuidedLib.plots import require_matplotlib
from AnatomyGuidedLib.progress import part_of

from DAPAtlasLib.dataset import places, population, review, tables
from DAPAtlasLib.dataset.build import Dataset, Resources, build_dataset
from DAPAtlasLib.dataset.patients import Study, read_studies
from DAPAtlasLib.dataset.settings import DatasetSettings, read_dataset_settings

FORMAT, VERSION = "anatomyguided-dataset", 1
CASES, LEFT_OUT, POPULATION, REVIEW, PAGE, FIGURE, SUMMARY = (
    *("cases.csv", "left_out.csv", "population.csv", "review.csv", "review.html", "figure35_population.png"),
    "dataset.json",
)
_TOLD_REASONS = 20

_EXAMPLE = """example:
  anatomyguided dataset build --config dataset.toml

dataset.toml:
  cohort = "studies.csv"        # columns subject,study_uid,ct[,sex,age,diagnosis,lesions and any others]
  output = "atlas"
  experts = ["rules", "file:{organs}@totalsegmentator"]     # {organs} is a column of studies.csv

docs/datasets.md describes all settings and the files of a data set.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("action", choices=("build",), help="build: select, label, filter, describe")
    parser.add_argument("--config", type=Path, metavar="FILE", required=True, help="settings (.toml or .json)")
    add_running_arguments(parser)


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """What is in the data set, as docs/datasets.md describes it.

    Raises:
        CasesFailed: Cases failed, or none was taken; the tables tell why.
        AnatomyGuidedError: The cohort's table is unusable.
        UsageError: A setting is unknown or bad.
    """
    settings = read_dataset_settings(arguments.config)
    here = arguments.config.absolute().parent
    cohort, folder = here / settings.cohort, (here / settings.output).resolve()
    studies = read_studies(cohort, settings.prefix, settings.experts)
    outputs.protect(arguments.config, cohort, *(path for study in studies for path in study.inputs()))
    resources = Resources(arguments.workers, arguments.scheduler, arguments.resume)
    dataset = _built(studies, settings, folder, resources, console)
    summary = _described(dataset, studies, settings, folder, console, outputs)
    _tell(dataset, folder, console)
    failed = sum(one.has_failed for one in dataset.left_out)
    if failed or not dataset.taken:
        what = f"{failed} of {len(studies)} studies failed" if failed else f"None of {len(studies)} studies was taken"
        raise CasesFailed(f"{what}; {LEFT_OUT} says why.", summary)
    console.progress(1.0, "Done")
    return summary


def _built(
    studies: list[Study], settings: DatasetSettings, folder: Path, resources: Resources, console: Console
) -> Dataset:
    try:
        return build_dataset(
            studies,
            settings,
            folder,
            resources,
            progress=part_of(console.progress, 0.0, 0.85),
            note=console.note,
            cancelled=console.cancelled,
        )
    except (Cancelled, KeyboardInterrupt) as stop:
        raise Cancelled(f"Stopped; finished cases stay in {folder.name}, --resume goes on from there.") from stop


def _described(
    dataset: Dataset, studies: list[Study], settings: DatasetSettings, folder: Path, console: Console, outputs: Outputs
) -> dict[str, object]:
    """The summary; tables, figure and review sheet are staged."""
    taken = [one.study for one in dataset.taken]
    write_csv(
        outputs.stage(folder / CASES), tables.case_rows(dataset.taken, folder, settings.prefix), tables.CASE_COLUMNS
    )
    write_csv(outputs.stage(folder / LEFT_OUT), tables.left_out_rows(dataset.left_out), tables.LEFT_OUT_COLUMNS)
    rows = population.population_rows(studies, set(taken), settings.healthy)
    write_csv(outputs.stage(folder / POPULATION), rows, population.COLUMNS)
    not_done = _draw_population(taken, settings, folder, outputs)
    reviewed = review.chosen_for_review([study.name for study in taken], settings.review_cases, settings.seed)
    write_csv(outputs.stage(folder / REVIEW), review.review_rows(reviewed), review.COLUMNS)
    by_name = {study.name: study for study in taken}
    doubts = {one.study.name: list(map(str, one.told["doubts"])) for one in dataset.taken}  # type: ignore[call-overload]
    page = review.review_page(
        [(name, by_name[name].ct, places.label_map(folder, name)) for name in reviewed],
        doubts,
        progress=part_of(console.progress, 0.86, 1.0),
        cancelled=console.cancelled,
    )
    outputs.stage(folder / PAGE).write_text(page, encoding="utf-8")
    summary = _summary(dataset, studies, settings, reviewed)
    write_json(outputs.stage(folder / SUMMARY), summary)
    for sentence in not_done:
        console.note(sentence)
    return summary


def _draw_population(taken: list[Study], settings: DatasetSettings, folder: Path, outputs: Outputs) -> list[str]:
    """Why there is no figure, where there is none."""
    if not taken:
        return []
    try:
        require_matplotlib()
    except AnatomyGuidedError as error:
        return [str(error)]
    population.draw_population(outputs.stage(folder / FIGURE), taken, settings.healthy)
    return []


def _summary(
    dataset: Dataset, studies: list[Study], settings: DatasetSettings, reviewed: list[str]
) -> dict[str, object]:
    told = json.loads(json.dumps(asdict(settings)))
    for name in ("cohort", "output"):
        told[name] = Path(told[name]).name
    return {
        "format": FORMAT,
        "version": VERSION,
        "software": {
            "slicer-anatomy-guided": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "settings": told,
        "slice_thickness_mm": dataset.thickness_mm,
        "studies": len(studies),
        "cases": [one.study.name for one in dataset.taken],
        "left_out": tables.left_out_rows(dataset.left_out),
        "review": reviewed,
        "notes": ["Labels are computed; none was checked by a person."],
    }


def _tell(dataset: Dataset, folder: Path, console: Console) -> None:
    console.line(f"taken: {len(dataset.taken)} ({sum(one.was_kept for one in dataset.taken)} kept from an earlier run)")
    console.line(f"left out: {sum(not one.has_failed for one in dataset.left_out)}")
    console.line(f"failed: {sum(one.has_failed for one in dataset.left_out)}")
    for one in dataset.left_out[:_TOLD_REASONS]:
        console.note(f"{one.study.name}: {one.reason}")
    if len(dataset.left_out) > _TOLD_REASONS:
        console.note(f"and {len(dataset.left_out) - _TOLD_REASONS} more; {LEFT_OUT} lists all.")
    strange = _strange(dataset, folder)
    if strange:
        console.note(f"{folder.name}/{places.LABELS} also holds {strange} files that are not of this data set.")


def _strange(dataset: Dataset, folder: Path) -> int:
    ours = {places.label_map(folder, one.study.name) for one in dataset.taken}
    found = (folder / places.LABELS).glob("*") if (folder / places.LABELS).is_dir() else ()
    return sum(path not in ours for path in found)
