"""`anatomyguided evaluate`: a segmentation scored lesion by lesion."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import Outputs, full_suffix, write_csv
from AnatomyGuidedLib.io import read_anatomy, read_labelmap, split_scheme
from AnatomyGuidedLib.output_names import output_file
from AnatomyGuidedLib.progress import part_of

from CCMetricsLib.cohort_command import EXAMPLES as COHORT_EXAMPLES
from CCMetricsLib.cohort_command import add_cohort_arguments, refuse_cohort_arguments, run_cohort_command
from CCMetricsLib.evaluate import evaluate
from CCMetricsLib.evaluate_options import add_metric_options, parameters_from
from CCMetricsLib.html_report import case_page
from CCMetricsLib.report import COLUMNS, as_json, component_rows, summary_lines
from CCMetricsLib.weighted_report import read_weights, weighted_summary

_EXAMPLES = """\
examples:
  anatomyguided evaluate reference.nii.gz prediction.seg.nrrd
  anatomyguided evaluate reference.nii.gz prediction.nii.gz --csv lesions.csv --json result.json --html page.html
  anatomyguided evaluate lesions.nii.gz prediction.nii.gz --instances reference
  anatomyguided evaluate reference.nii.gz prediction.nii.gz --anatomy atlas.nii.gz --tolerance 3 --csv lesions.csv
  anatomyguided evaluate reference.nii.gz prediction.nii.gz --surface deepmind --worst clamped --metrics hd95_mm,nsd
  anatomyguided evaluate reference.nii.gz prediction.nii.gz --classes 1,2 --distance voxels   (regions as in the thesis)
{cohorts}
docs/evaluation.md defines each metric and the formats of the CSV and JSON files.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES.format(cohorts=COHORT_EXAMPLES)
    parser.add_argument(
        "reference", nargs="?", type=Path, metavar="REFERENCE", help="label map; every value above 0 is lesion"
    )
    parser.add_argument("prediction", nargs="?", type=Path, metavar="PREDICTION", help="label map on the same grid")
    parser.add_argument(
        "--csv", type=output_file(".csv"), metavar="FILE", help="write one row a lesion of the reference here"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with scores, plot and the worst lesions"
    )
    parser.add_argument("--case", metavar="NAME", help="the case's name in the tables (default: the reference's name)")
    parser.add_argument(
        "--anatomy", metavar="LABELMAP[@SCHEME]", help="atlas of the same patient, on any grid: where each lesion lies"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="CSV", help="structure,weight[,pathway]: weighted means too (needs --anatomy)"
    )
    add_metric_options(parser)
    add_cohort_arguments(parser)


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The scores, as docs/evaluation.md (one case) or docs/cohorts.md (many) describes them."""
    if arguments.cohort:
        return run_cohort_command(arguments, console, outputs)
    refuse_cohort_arguments(arguments)
    return _run_case(arguments, console, outputs)


def _run_case(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    parameters = parameters_from(arguments)
    if arguments.weights and not arguments.anatomy:
        raise UsageError("--weights needs --anatomy, which says where each lesion lies.")
    weights = read_weights(arguments.weights) if arguments.weights else None
    anatomy_path = split_scheme(arguments.anatomy)[0] if arguments.anatomy else None
    outputs.protect(arguments.reference, arguments.prediction, anatomy_path, arguments.weights)
    csv_path = outputs.stage(arguments.csv) if arguments.csv else None
    page_path = outputs.stage(arguments.html, formats=(".html", ".htm")) if arguments.html else None
    console.progress(0.0, "Reading the label maps")
    reference, prediction = read_labelmap(arguments.reference), read_labelmap(arguments.prediction)
    evaluation = evaluate(
        reference,
        prediction,
        parameters,
        case=_name(arguments.reference) if arguments.case is None else arguments.case,
        anatomy=read_anatomy(arguments.anatomy) if arguments.anatomy else None,
        progress=part_of(console.progress, 0.3, 0.8),
        cancelled=console.cancelled,
    )
    if csv_path:
        write_csv(csv_path, component_rows(evaluation), COLUMNS)
    if page_path:
        page = case_page(evaluation, reference, prediction, progress=part_of(console.progress, 0.8, 1.0))
        page_path.write_text(page, encoding="utf-8")
    for line in summary_lines(evaluation):
        console.line(line)
    if weights is None:
        return as_json(evaluation)
    weighted = weighted_summary(evaluation, weights)
    for name, mean in weighted.items():
        console.line(f"Weighted by anatomy, {name}: {_told(mean['value'])}")
    return {**as_json(evaluation), "weighted": weighted}


def _name(path: Path) -> str:
    return path.name[: len(path.name) - len(full_suffix(path))]


def _told(value: float | None) -> str:
    return "not evaluable" if value is None else f"{value:.4f}"
