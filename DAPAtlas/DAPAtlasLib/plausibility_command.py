"""`anatomyguided plausibility`: how far to trust each structure of any tool's label map, and what speaks against it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs, write_csv, write_json
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import names_scheme, read_anatomy, read_ct, split_scheme
from AnatomyGuidedLib.labels import label_by_id, scheme
from AnatomyGuidedLib.output_names import output_file
from AnatomyGuidedLib.progress import part_of

from DAPAtlasLib.parameters import SEXES, AtlasParameters
from DAPAtlasLib.plausibility.assess import COLUMNS, Assessment, assess, counts, to_look_at
from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.page import NOTE, plausibility_page
from DAPAtlasLib.rules.pieces import in_pieces
from DAPAtlasLib.statistics import structure_statistics

FORMAT, FORMAT_VERSION = "anatomyguided-plausibility-report", 1

_EXAMPLES = """examples:
  anatomyguided plausibility organs.nii.gz@totalsegmentator --ct ct.nii.gz --sex F --age 61 --html plausibility.html
  anatomyguided plausibility atlas.seg.nrrd --csv plausibility.csv --report plausibility.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("labelmap", metavar="LABELMAP[@SCHEME]", help="DAP ids, or another tool's with its scheme")
    parser.add_argument("--ct", metavar="CT", help="adds HU to the evidence, and pictures to the page")
    parser.add_argument("--sex", choices=SEXES, help="the patient's sex; without it ranges are those of both")
    parser.add_argument("--age", type=float, metavar="YEARS", help="volumes are judged from 18 years on")
    parser.add_argument("--html", metavar="P.html", type=Path, help="a page: what to look at first, with pictures")
    parser.add_argument(
        "--csv", metavar="T.csv", type=output_file(".csv"), help="a row a structure: verdict, evidence, position"
    )
    parser.add_argument("--report", metavar="R.json", type=Path, help="every check of every structure")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The report.

    Raises:
        AnatomyGuidedError: The label map or the CT cannot be used; the message says why.
        UsageError: The scheme is unknown, or the age is none.
    """
    AtlasParameters(sex=arguments.sex, age=arguments.age)
    path, scheme_name = split_scheme(arguments.labelmap)
    outputs.protect(path, arguments.ct)
    files = {"html": arguments.html, "csv": arguments.csv, "report": arguments.report}
    staged = {name: outputs.stage(file) for name, file in files.items() if file}
    console.progress(0.0, "Reading the label map")
    labelmap = read_anatomy(arguments.labelmap)
    if not names_scheme(arguments.labelmap):
        console.note(f"{path.name} names no @SCHEME: its values are taken for DAP ids.")
    ct = _ct(arguments.ct, labelmap, path.name)
    console.progress(0.1, "Finding the pieces of the label map")
    known = None if scheme_name == "dap" else frozenset(scheme(scheme_name).to_dap.values())
    hu = {row.label: row.mean_hu for row in structure_statistics(labelmap, ct)} if ct else {}
    case = Case(in_pieces(labelmap), arguments.sex, arguments.age, known, hu)
    rows = assess(case, progress=part_of(console.progress, 0.4, 0.7), cancelled=console.cancelled)
    report = _report(rows, arguments)
    if "report" in staged:
        write_json(staged["report"], report)
    if "csv" in staged:
        write_csv(staged["csv"], [row.row() for row in rows], COLUMNS)
    if "html" in staged:
        page = plausibility_page(rows, labelmap, ct, progress=part_of(console.progress, 0.7, 1.0))
        staged["html"].write_text(page, encoding="utf-8")
    _print(rows, console)
    console.progress(1.0, "Done")
    return report


def _ct(text: str | None, labelmap: Labelmap, name: str) -> Volume | None:
    if not text:
        return None
    ct = read_ct(text)
    require_same_grid(labelmap.grid, ct.grid, names=(name, "the CT"))
    return ct


def _report(rows: Sequence[Assessment], arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "sex": arguments.sex,
        "age": arguments.age,
        "verdicts": counts(rows),
        "structures": [row.details() for row in rows],
        "notes": [NOTE],
    }


def _print(rows: Sequence[Assessment], console: Console) -> None:
    for row in to_look_at(rows):
        place = "" if row.place_ras_mm is None else f" at {', '.join(f'{mm:g}' for mm in row.place_ras_mm)} mm RAS"
        console.line(f"{row.verdict}: {label_by_id(row.label).display_name}{place}: {row.sentence}")
    console.line(", ".join(f"{number} {verdict}" for verdict, number in counts(rows).items()))
