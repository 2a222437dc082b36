"""`anatomyguided atlas --cohort`: many CTs labelled side by side, on this machine or a cluster, and resumed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.cohort import Case, CasesFailed, read_result, run_cohort
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.cohort_options import RUNNING, add_running_arguments, refuse_given
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import Outputs, write_csv, write_json
from AnatomyGuidedLib.io import dap_segments, write_labelmap
from AnatomyGuidedLib.progress import CancelCheck
from AnatomyGuidedLib.tables import read_rows

from DAPAtlasLib.build import build_atlas
from DAPAtlasLib.ct_case import ct_case, ct_of, folder_of, parameters_of
from DAPAtlasLib.dataset.patients import age_in_years
from DAPAtlasLib.parameters import AtlasParameters
from DAPAtlasLib.plausibility.assess import counts
from DAPAtlasLib.plausibility.evidence import VERDICTS
from DAPAtlasLib.statistics import COLUMNS
from DAPAtlasLib.table_experts import expert_of_row, require_columns

WORK = "DAPAtlasLib.atlas_cohort:label_case"
CASES, FAILURES, RESULTS = "cases.csv", "failures.csv", "results"
CASE_COLUMNS = ("case", "structures", "share_named", *VERDICTS)

_NEEDED = ("case", "ct")
_COHORT_ONLY = ("out", *RUNNING)
_CASE_ONLY = ("output", "disagreement", "report", "plausibility", "statistics")


@dataclass(frozen=True)
class _Row:
    """A CT of the list, with its own sex and age where the list has them."""

    name: str
    ct: Path
    parameters: AtlasParameters


def add_cohort_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows the options of cohorts, all of them optional."""
    group = parser.add_argument_group("cohorts", "Experts may name columns: file:{organs}@totalsegmentator.")
    group.add_argument("--cohort", type=Path, metavar="CSV", help="case,ct[,sex,age and any others]")
    group.add_argument("--out", type=Path, metavar="DIR", help="gets each case's label map, report and statistics")
    add_running_arguments(group)


def refuse_cohort_arguments(arguments: argparse.Namespace) -> None:
    """Nothing, if the call is about one CT.

    Raises:
        UsageError: It lacks the CT or the output, or has an option of cohorts.
    """
    if arguments.ct is None or arguments.output is None:
        raise UsageError("Name a CT and an output with -o, or a list with --cohort and --out (see --help).")
    refuse_given(arguments, _COHORT_ONLY, "goes with --cohort only")


def run_cohort_command(
    arguments: argparse.Namespace, parameters: AtlasParameters, console: Console, outputs: Outputs
) -> Mapping[str, object]:
    """How the cases ended; label maps, reports and tables lie in the folder of --out.

    Raises:
        CasesFailed: Cases failed; failures.csv says why.
        Cancelled: The user stopped; finished cases stay.
        AnatomyGuidedError: The list is unusable.
        UsageError: The call is wrong.
    """
    if arguments.ct is not None or arguments.out is None:
        raise UsageError("With --cohort the CTs stand in the list; name the folder for the results with --out.")
    refuse_given(arguments, _CASE_ONLY, "is for one CT; with --cohort each case gets its own files in --out")
    rows = _read(arguments.cohort, parameters)
    folder = arguments.out.resolve()
    outputs.protect(arguments.cohort, *(row.ct for row in rows))
    try:
        run = run_cohort(
            [ct_case(row.name, row.ct, row.parameters, folder, {}) for row in rows],
            WORK,
            folder / RESULTS,
            workers=arguments.workers,
            scheduler=arguments.scheduler,
            resume=arguments.resume,
            progress=console.progress,
            note=console.note,
            cancelled=console.cancelled,
        )
    except (Cancelled, KeyboardInterrupt) as stop:
        raise Cancelled(f"Stopped; finished cases stay in {folder.name}, --resume goes on from there.") from stop
    told = [{"case": done.case.name, **read_result(done.path)} for done in run.done]
    failures = [{"case": failed.case.name, "reason": failed.reason} for failed in run.failed]
    write_csv(outputs.stage(folder / CASES), told, CASE_COLUMNS)
    write_csv(outputs.stage(folder / FAILURES), failures, ("case", "reason"))
    kept = sum(done.was_kept for done in run.done)
    console.line(f"{len(run.done)} of {len(rows)} cases labelled in {folder.name}" + (f", {kept} kept" if kept else ""))
    result = {"cases": told, "failed": failures}
    if failures:
        for failure in failures:
            console.note(f"{failure['case']}: {failure['reason']}")
        raise CasesFailed(f"{len(failures)} of {len(rows)} cases failed; {FAILURES} lists them.", result)
    return result


def label_case(case: Case, cancelled: CancelCheck) -> Mapping[str, object]:
    """What the cases' table says of one; its label map, report and statistics are in the cohort's folder."""
    result = build_atlas(ct_of(case), parameters_of(case), cancelled=cancelled)
    folder, name = folder_of(case), file_name(case.name)
    with Outputs() as outputs:
        segments = dap_segments([row.label for row in result.statistics])
        write_labelmap(result.labelmap, outputs.stage(folder / f"{name}.seg.nrrd"), segments)
        write_csv(outputs.stage(folder / f"{name}.csv"), [row.row() for row in result.statistics], COLUMNS)
        write_json(outputs.stage(folder / f"{name}.json"), result.report())
    verdicts = counts(result.assessments)
    return {
        "structures": len(result.statistics),
        "share_named": round(result.share_named, 4),
        **{verdict: verdicts.get(verdict, 0) for verdict in VERDICTS},
    }


def _read(path: Path, parameters: AtlasParameters) -> list[_Row]:
    rows = read_rows(path, _NEEDED, "case")
    require_columns(parameters.experts, list(rows[0][1]), path.name)
    return [_row(row, path, line, parameters) for line, row in rows]


def _row(row: Mapping[str, str], path: Path, line: int, parameters: AtlasParameters) -> _Row:
    where, folder = f"{path.name}, line {line}", path.absolute().parent
    for name in _NEEDED:
        if not row[name]:
            raise AnatomyGuidedError(f"{where}: the column {name} is empty.")
    try:
        age = age_in_years(row.get("age", ""))
        own = AtlasParameters(sex=row.get("sex", "").upper() or None, age=age)
    except ValueError as error:
        raise AnatomyGuidedError(f"{where}: {error}") from error
    experts = tuple(expert_of_row(expert, row, folder, where) for expert in parameters.experts)
    told = replace(parameters, experts=experts, sex=own.sex or parameters.sex, age=own.age or parameters.age)
    return _Row(row["case"], folder / row["ct"], told)
