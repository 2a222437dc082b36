"""`anatomyguided evaluate --cohort`: many cases and models scored side by side, on this machine or a cluster."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.cohort import Case, CasesFailed, CohortResult, read_result, run_cohort
from AnatomyGuidedLib.cohort_options import RUNNING, add_running_arguments, refuse_given
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.io import split_scheme
from AnatomyGuidedLib.progress import part_of

from CCMetricsLib import bootstrap, cohort_report
from CCMetricsLib.cohort_case import WORK, cases
from CCMetricsLib.cohort_pairs import PREDICTION, Failure, Pairs, read_pairs
from CCMetricsLib.cohort_report import Asked
from CCMetricsLib.evaluate_options import parameters_from
from CCMetricsLib.ranking import expert_ranks

EXAMPLES = """\
  anatomyguided evaluate --cohort pairs.csv --out scores
  anatomyguided evaluate --cohort pairs.csv --out scores --workers 8 --resume
  anatomyguided evaluate --cohort pairs.csv --out scores --compare unet   (a second column of predictions)
  anatomyguided evaluate --cohort pairs.csv --out scores --scheduler tcp://192.168.0.10:8786
"""
RESULTS = "results"  # the folder of the single results, in the output folder

_COHORT_ONLY = ("out", *RUNNING, "compare", "models", "expert_ranking", "resamples", "seed",
                "patience")  # fmt: skip
_DEFAULTS = {"resamples": bootstrap.RESAMPLES, "seed": bootstrap.SEED, "patience": 10.0}
_CASE_ONLY = ("reference", "prediction", "csv", "html", "case", "anatomy", "weights")
_TOLD_FAILURES = 20


def add_cohort_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows the options that `run_cohort_command` reads, all of them optional."""
    group = parser.add_argument_group("cohorts", "docs/cohorts.md says what the files hold.")
    group.add_argument("--cohort", type=Path, metavar="CSV", help="case,reference,prediction[,anatomy][,other models]")
    group.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables and the result of each case")
    add_running_arguments(group)
    group.add_argument("--compare", metavar="COLUMN", help="compare this model with the one under prediction")
    group.add_argument("--models", metavar="LIST", help="columns to score (default: all but case, reference, anatomy)")
    group.add_argument("--expert-ranking", type=Path, metavar="CSV", help="model,rank: correlate the metrics' rankings")
    group.add_argument("--resamples", type=int, metavar="N", help="of the bootstrap")
    group.add_argument("--seed", type=int, metavar="N", help="of the bootstrap (default: 0)")
    group.add_argument(
        "--patience",
        type=float,
        metavar="MINUTES",
        help=f"how long to wait while the scheduler has no worker (default: {_DEFAULTS['patience']:g})",
    )


def refuse_cohort_arguments(arguments: argparse.Namespace) -> None:
    """Nothing, if the call is about one case.

    Raises:
        UsageError: It lacks a file, or has an option of cohorts.
    """
    if arguments.reference is None or arguments.prediction is None:
        raise UsageError("Name REFERENCE and PREDICTION, or a list of cases with --cohort (see --help).")
    refuse_given(arguments, _COHORT_ONLY, "goes with --cohort only")


def run_cohort_command(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The cohort's JSON, as docs/cohorts.md describes it; the tables lie in the output folder.

    Raises:
        CasesFailed: Cases failed; the tables have all others, and the error carries the JSON.
        Cancelled: The user stopped; finished cases stay, tables are not written.
        AnatomyGuidedError: The list is unusable, or no case can be run.
        UsageError: The call is wrong.
    """
    _require_call(arguments)
    asked, pairs = _asked(arguments)
    _require_no_input_replaced(arguments, pairs, outputs)
    result = _run(arguments, console, cases(pairs.pairs, asked.parameters))
    failures = [
        *pairs.failures,
        *(Failure(failed.case.name, failed.case.group, failed.reason) for failed in result.failed),
    ]
    console.progress(0.95, "Writing the tables")
    told = cohort_report.report([read_result(done.path) for done in result.done], failures, asked)
    cohort_report.write(told, arguments.out)
    _tell(console, told, sum(done.was_kept for done in result.done))
    content = cohort_report.as_json(told)
    if failures:
        what = "cases" if len(asked.models) == 1 else "predictions"
        failed = sum(
            1 if failure.model else len(asked.models) for failure in failures
        )  # a bad row fails for all models
        total = len(result.done) + failed
        raise CasesFailed(f"{failed} of {total} {what} failed; failures.csv lists them.", content)
    console.progress(1.0, "Done")
    return content


def _require_no_input_replaced(arguments: argparse.Namespace, pairs: Pairs, outputs: Outputs) -> None:
    """Nothing, if neither the tables nor another output would take the place of a file that the call reads or names.

    Raises:
        AnatomyGuidedError: One would; the message names it.
    """
    read = [arguments.cohort, arguments.expert_ranking]
    read += [path for path in pairs.named if os.path.isfile(path)]  # noqa: PTH113 - a long remark is no error here
    for pair in pairs.pairs:
        read += [pair.reference, pair.prediction, split_scheme(pair.anatomy)[0] if pair.anatomy else None]
    outputs.protect(*read)
    inputs = {Path(os.path.realpath(path)) for path in read if path}
    for name in cohort_report.FILES:
        table = Path(os.path.realpath(arguments.out / name))
        if table in inputs:
            raise AnatomyGuidedError(
                f"{name} in the folder of --out is an input; choose another folder for the tables."
            )
        if outputs.is_staged(table):
            raise AnatomyGuidedError(
                f"{name} in the folder of --out is named for another output too; give that another name."
            )


def _require_call(arguments: argparse.Namespace) -> None:
    refuse_given(arguments, _CASE_ONLY, "does not go with --cohort", places=_CASE_ONLY[:2])
    for name, default in _DEFAULTS.items():
        setattr(arguments, name, default if getattr(arguments, name) is None else getattr(arguments, name))
    if arguments.out is None:
        raise UsageError("A cohort needs --out DIR, the folder for its tables.")
    if arguments.resamples < 1 or arguments.seed < 0 or not arguments.patience >= 0:
        raise UsageError("The options resamples, seed and patience must be positive numbers.")


def _asked(arguments: argparse.Namespace) -> tuple[Asked, Pairs]:
    wanted = [name.strip() for name in arguments.models.split(",")] if arguments.models else None
    pairs = read_pairs(arguments.cohort, models=wanted)
    if arguments.compare is not None and (arguments.compare not in pairs.models[1:] or pairs.models[0] != PREDICTION):
        raise UsageError(
            f"--compare names a column of predictions beside {PREDICTION}, but {arguments.compare!r} is none that is "
            f"scored; scored are {', '.join(pairs.models)}."
        )
    expert = _expert(arguments.expert_ranking, pairs.models) if arguments.expert_ranking else None
    parameters = parameters_from(arguments)
    return Asked(pairs.models, parameters, arguments.compare, expert, arguments.resamples, arguments.seed), pairs


def _expert(path: Path, models: Sequence[str]) -> Mapping[str, float]:
    """The expert's ranks, checked before hours of work."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            ranks = expert_ranks(list(csv.DictReader(stream)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnatomyGuidedError(f"{path.name} cannot be read as a table with the columns model,rank.") from error
    if set(ranks) != set(models) or len(models) < 2:
        raise AnatomyGuidedError(
            f"{path.name} must rank the scored models, two at least; it ranks {', '.join(ranks)}, scored are "
            f"{', '.join(models)}."
        )
    return ranks


def _run(arguments: argparse.Namespace, console: Console, of_pairs: Sequence[Case]) -> CohortResult:
    console.progress(0.0, "Starting the workers")
    try:
        return run_cohort(
            of_pairs,
            WORK,
            arguments.out / RESULTS,
            workers=arguments.workers,
            scheduler=arguments.scheduler,
            resume=arguments.resume,
            patience_s=arguments.patience * 60,
            progress=part_of(console.progress, 0.02, 0.95),
            note=console.note,
            cancelled=console.cancelled,
        )
    except (Cancelled, KeyboardInterrupt) as stop:
        raise Cancelled(f"Stopped; finished cases stay in {arguments.out.name}, --resume goes on from there.") from stop


def _tell(console: Console, told: cohort_report.CohortReport, kept: int) -> None:
    for line in cohort_report.lines(told):
        console.line(line)
    if kept:
        console.note(f"{kept} results of an earlier run were kept.")
    for note in cohort_report.notes(told):
        console.note(note)
    for failure in told.failures[:_TOLD_FAILURES]:
        console.note(f"{failure.case or '(no name)'}{f' ({failure.model})' if failure.model else ''}: {failure.reason}")
    if len(told.failures) > _TOLD_FAILURES:
        console.note(f"and {len(told.failures) - _TOLD_FAILURES} more failures")
