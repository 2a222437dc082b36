"""`anatomyguided evaluate`: a segmentation scored lesion by lesion."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs, full_suffix, write_csv
from AnatomyGuidedLib.io import read_labelmap
from AnatomyGuidedLib.progress import part_of

from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from CCMetricsLib.report import COLUMNS, as_json, component_rows, summary_lines

_EXAMPLES = """\
examples:
  anatomyguided evaluate reference.nii.gz prediction.seg.nrrd
  anatomyguided evaluate reference.nii.gz prediction.nii.gz --csv lesions.csv --json result.json
  anatomyguided evaluate lesions.nii.gz prediction.nii.gz --instances reference
  anatomyguided evaluate reference.nii.gz prediction.nii.gz --distance voxels --connectivity 26   (as in the thesis)

docs/evaluation.md defines each metric and the formats of the CSV and JSON files.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    defaults = EvaluationParameters()
    parser.epilog = _EXAMPLES
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="label map; every value above 0 is lesion")
    parser.add_argument("prediction", type=Path, metavar="PREDICTION", help="label map on the same grid")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a lesion of the reference here")
    parser.add_argument("--case", metavar="NAME", help="the case's name in the tables (default: the reference's name)")
    parser.add_argument(
        "--distance",
        choices=("mm", "voxels"),
        default=defaults.distance,
        help="what 'nearest lesion' is measured in (default: %(default)s)",
    )
    parser.add_argument(
        "--connectivity",
        type=int,
        choices=(6, 18, 26),
        default=defaults.connectivity,
        help="neighbours that join voxels into one lesion: faces, and edges, and corners (default: %(default)s)",
    )
    parser.add_argument(
        "--instances",
        choices=("none", "reference"),
        default=defaults.instances,
        help="reference: its values are the lesions' numbers; none: lesions are connected components (default)",
    )


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The scores, as docs/evaluation.md describes them."""
    csv_path = outputs.stage(arguments.csv) if arguments.csv else None
    console.progress(0.0, "Reading the label maps")
    evaluation = evaluate(
        read_labelmap(arguments.reference),
        read_labelmap(arguments.prediction),
        EvaluationParameters(arguments.distance, arguments.connectivity, arguments.instances),
        case=_name(arguments.reference) if arguments.case is None else arguments.case,
        progress=part_of(console.progress, 0.3, 1.0),
        cancelled=console.cancelled,
    )
    if csv_path:
        write_csv(csv_path, component_rows(evaluation), COLUMNS)
    for line in summary_lines(evaluation):
        console.line(line)
    return as_json(evaluation)


def _name(path: Path) -> str:
    return path.name[: len(path.name) - len(full_suffix(path))]
