"""`anatomyguided rules`: a label map in, the label map that anatomy allows out, and what every rule found."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import Outputs, write_json
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import (
    LABELMAP_FORMATS,
    dap_segments,
    names_scheme,
    read_anatomy,
    read_ct,
    split_scheme,
    write_labelmap,
)
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import part_of, stop_if

from DAPAtlasLib.parameters import SEXES
from DAPAtlasLib.rules.catalogue import RULES, Repaired, chosen_rules, repair
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.statistics import structure_statistics

FORMAT, FORMAT_VERSION = "anatomyguided-rules-report", 1

_EXAMPLES = """examples:
  anatomyguided rules atlas.seg.nrrd -o repaired.seg.nrrd --sex F --report findings.json
  anatomyguided rules organs.nii.gz@totalsegmentator -o repaired.nii.gz --skip single-piece
  anatomyguided rules atlas.seg.nrrd -o repaired.seg.nrrd --undo ribs
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("labelmap", metavar="LABELMAP[@SCHEME]", help="DAP ids, or another tool's with its scheme")
    parser.add_argument(
        "-o", "--output", metavar="SEG", type=Path, required=True, help="label map: .seg.nrrd (Slicer), .nii.gz, .nrrd"
    )
    parser.add_argument("--ct", metavar="CT", help="tells what lies under pieces that lose their label")
    parser.add_argument("--sex", choices=SEXES, help="the patient's sex; without it organs of either sex stay")
    parser.add_argument("--only", metavar="LIST", default="", help=f"these rules alone: {', '.join(RULES)}")
    parser.add_argument("--skip", metavar="LIST", default="", help="all rules but these")
    parser.add_argument(
        "--undo", metavar="LIST", default="", help="take these rules' changes back at the end; the others' stay"
    )
    parser.add_argument(
        "--strict", action="store_true", help="write no label map, and exit with 1, where a rule was refused"
    )
    parser.add_argument("--report", metavar="R.json", type=Path, help="every finding, with what moved and where")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The findings of the rules.

    Raises:
        AnatomyGuidedError: The label map or the CT is bad; with --strict, a rule was refused.
        UsageError: A rule or the scheme is unknown.
    """
    chosen = _chosen(arguments)
    path = split_scheme(arguments.labelmap)[0]
    outputs.protect(path, arguments.ct)
    staged = outputs.stage(arguments.output, formats=LABELMAP_FORMATS)
    report_path = outputs.stage(arguments.report) if arguments.report else None
    console.progress(0.0, "Reading the label map")
    labelmap = read_anatomy(arguments.labelmap)
    if not names_scheme(arguments.labelmap):
        console.note(f"{path.name} names no @SCHEME: its values are taken for DAP ids.")
    ct = _ct(arguments, labelmap, path)
    stop_if(console.cancelled)
    context = Context(arguments.sex, ct)
    told = part_of(console.progress, 0.1, 0.9)
    result = repair(labelmap, context, rules=chosen, progress=told, cancelled=console.cancelled)
    undone = [rule for rule in _words(arguments.undo) if rule in chosen]
    result = result.without(*undone)
    report = {**_report(result, labelmap, ct, arguments.sex), "undone": undone}
    _print(result, console)
    if arguments.strict and result.has_refused:
        raise AnatomyGuidedError(_refusal(result))
    console.progress(0.95, "Writing the label map")
    present = np.flatnonzero(np.bincount(result.labelmap.values.ravel()))
    write_labelmap(result.labelmap, staged, dap_segments([label for label in present.tolist() if label]))
    if report_path:
        write_json(report_path, report)
    console.progress(1.0, "Done")
    return report


def _chosen(arguments: argparse.Namespace) -> tuple[str, ...]:
    only, skipped = _words(arguments.only), _words(arguments.skip)
    chosen_rules((*skipped, *_words(arguments.undo)))
    return tuple(name for name in chosen_rules(only or None) if name not in skipped)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _ct(arguments: argparse.Namespace, labelmap: Labelmap, path: Path) -> Volume | None:
    if not arguments.ct:
        return None
    ct = read_ct(arguments.ct)
    require_same_grid(labelmap.grid, ct.grid, names=(path.name, "the CT"))
    return ct


def _report(result: Repaired, before: Labelmap, ct: Volume | None, sex: str | None) -> dict[str, object]:
    report: dict[str, object] = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "sex": sex,
        "findings": [finding.row() for finding in result.findings],
        "changed_voxels": int(np.count_nonzero(result.labelmap.values != before.values)),
        "volumes_ml": _volumes(before, result.labelmap),
        "notes": ["Rules repair what anatomy forbids; what is plausible and wrong stays."],
    }
    if ct:
        report["structures"] = [row.row() for row in structure_statistics(result.labelmap, ct)]
    return report


def _volumes(before: Labelmap, after: Labelmap) -> list[dict[str, object]]:
    """Structures whose volume changed, before and after."""
    old, new = (np.bincount(labelmap.values.ravel(), minlength=256) for labelmap in (before, after))
    ml = before.grid.voxel_volume_ml
    rows = []
    for label in np.flatnonzero(old != new).tolist():
        sizes = {"before": round(float(old[label] * ml), 3), "after": round(float(new[label] * ml), 3)}
        rows += [{"name": label_by_id(label).name, **sizes}] if label else []
    return rows


def _print(result: Repaired, console: Console) -> None:
    for finding in result.findings:
        console.line(f"{finding.rule:14} {finding.status:14} {finding.voxels:9} voxels  {finding.reason}")
        for fault in finding.faults if finding.status != "applied" else ():
            console.line(f"{'':14} seen: {fault}")


def _refusal(result: Repaired) -> str:
    refused = [finding for finding in result.findings if finding.status == "refused"]
    return f"The rule {refused[0].rule} was refused ({refused[0].why}); with --strict nothing is written."
