"""`anatomyguided atlas`: a CT in, a label map of the DAP Atlas out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import Outputs, write_csv, write_json
from AnatomyGuidedLib.io import (
    LABELMAP_FORMATS,
    VOLUME_FORMATS,
    dap_segments,
    names_scheme,
    read_ct,
    write_labelmap,
    write_volume,
)
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import part_of, stop_if

from DAPAtlasLib.aggregate import AGGREGATIONS, UNION
from DAPAtlasLib.atlas_cohort import add_cohort_arguments, refuse_cohort_arguments, run_cohort_command
from DAPAtlasLib.build import AtlasResult, build_atlas
from DAPAtlasLib.experts import default_experts, make_expert
from DAPAtlasLib.model_expert import BUNDLED
from DAPAtlasLib.parameters import ALL_RULES, FILE_PREFIX, SEXES, AtlasParameters
from DAPAtlasLib.plausibility.assess import counts, to_look_at
from DAPAtlasLib.plausibility.page import plausibility_page
from DAPAtlasLib.rules.catalogue import RULES
from DAPAtlasLib.statistics import COLUMNS

_EXAMPLES = """examples:
  anatomyguided atlas ct.nii.gz -o atlas.seg.nrrd
  anatomyguided atlas ct.nii.gz --experts rules,file:organs.nii.gz@totalsegmentator -o atlas.seg.nrrd --statistics s.csv
  anatomyguided atlas ct.nii.gz --model my-model -o atlas.seg.nrrd
  anatomyguided atlas --cohort list.csv --out labelled --resume
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("ct", metavar="CT", nargs="?", help="NIfTI, NRRD, or a folder with one DICOM series")
    parser.add_argument(
        "-o", "--output", metavar="SEG", type=Path, help="label map: .seg.nrrd (Slicer), .nii.gz, .nrrd"
    )
    parser.add_argument(
        "--experts",
        default="",
        metavar="A,B,..",
        help="rules, file:LABELMAP[@SCHEME], totalsegmentator[-fast], models by name; merged coarse to fine",
    )
    parser.add_argument("--model", metavar="NAME|DIR", help="a model by name or folder, as the only expert")
    parser.add_argument("--device", default="auto", help="where models compute: auto, cpu, cuda or cuda:N")
    parser.add_argument("--sex", choices=SEXES, help="the patient's sex, if known")
    parser.add_argument("--age", type=float, metavar="YEARS", help="the patient's age, if known")
    parser.add_argument(
        "--rules",
        default=ALL_RULES,
        metavar="on|off|LIST",
        help=f"anatomical post-processing (default: on, all of {', '.join(RULES)})",
    )
    parser.add_argument(
        "--aggregation",
        choices=AGGREGATIONS,
        default=UNION,
        help="what stands where experts differ: the union coarse to fine (default), most votes, or STAPLE",
    )
    parser.add_argument(
        "--disagreement",
        metavar="D.nii.gz",
        type=Path,
        help="doubt from 0 to 1: how much the experts contradict the map",
    )
    parser.add_argument("--report", metavar="R.json", type=Path, help="what each expert gave and what covers it")
    parser.add_argument(
        "--plausibility", metavar="P.html", type=Path, help="how far to trust each structure, with pictures of doubts"
    )
    parser.add_argument("--statistics", metavar="S.csv", type=Path, help="volume in ml and mean HU of each structure")
    parser.add_argument("--force", action="store_true", help="use the image although it does not look like a CT")
    add_cohort_arguments(parser)


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The report of the label map that was written."""
    parameters = _parameters(arguments)
    for expert in parameters.experts:
        make_expert(expert)
    if arguments.cohort:
        _note_assumptions(parameters, arguments, console)
        return run_cohort_command(arguments, parameters, console, outputs)
    refuse_cohort_arguments(arguments)
    outputs.protect(arguments.ct, *parameters.label_map_files())
    staged = _staged(arguments, outputs)
    console.progress(0.0, "Reading the CT")
    ct = read_ct(arguments.ct, force=arguments.force)
    stop_if(console.cancelled)
    result = build_atlas(ct, parameters, progress=part_of(console.progress, 0.1, 0.9), cancelled=console.cancelled)
    _note_assumptions(parameters, arguments, console)
    console.progress(0.9, "Writing the label map")
    write_labelmap(result.labelmap, staged["output"], dap_segments([row.label for row in result.statistics]))
    if "disagreement" in staged:
        write_volume(result.disagreement.volume(), staged["disagreement"])
    report = result.report()
    if "report" in staged:
        write_json(staged["report"], report)
    if "statistics" in staged:
        write_csv(staged["statistics"], [row.row() for row in result.statistics], COLUMNS)
    if "plausibility" in staged:
        page = plausibility_page(result.assessments, result.labelmap, ct, progress=part_of(console.progress, 0.93, 1.0))
        staged["plausibility"].write_text(page, encoding="utf-8")
    _print(result, console)
    console.progress(1.0, "Done")
    return report


def _parameters(arguments: argparse.Namespace) -> AtlasParameters:
    if arguments.model and arguments.experts:
        raise UsageError("Give --model or --experts, not both; a model's name may be among the experts.")
    words = tuple(word.strip() for word in (arguments.model or arguments.experts).split(",") if word.strip())
    return AtlasParameters(
        words or default_experts(),
        arguments.sex,
        arguments.rules,
        arguments.aggregation,
        arguments.age,
        arguments.device,
    )


def _staged(arguments: argparse.Namespace, outputs: Outputs) -> dict[str, Path]:
    staged = {"output": outputs.stage(arguments.output, formats=LABELMAP_FORMATS)}
    if arguments.disagreement:
        staged["disagreement"] = outputs.stage(arguments.disagreement, formats=VOLUME_FORMATS)
    tables = {name: getattr(arguments, name) for name in ("report", "statistics", "plausibility")}
    return staged | {name: outputs.stage(path) for name, path in tables.items() if path}


def _note_assumptions(parameters: AtlasParameters, arguments: argparse.Namespace, console: Console) -> None:
    if parameters.experts == (BUNDLED,):
        console.note(f"{BUNDLED} is a demonstration model, trained on made patients alone; not for clinical use.")
    elif not arguments.experts and not arguments.model:
        console.note("No expert was named: using rules (skin, fat, muscle); give --experts for organs.")
    for expert in parameters.experts:
        if expert.startswith(FILE_PREFIX) and not names_scheme(expert):
            console.note(
                f"{Path(expert.removeprefix(FILE_PREFIX)).name} names no @SCHEME: its values are taken for DAP ids."
            )


def _print(result: AtlasResult, console: Console) -> None:
    console.line(f"{'structure':32} {'volume ml':>12} {'mean HU':>9}")
    for statistics in result.statistics:
        row = statistics.row()
        console.line(f"{row['display_name']!s:32} {statistics.volume_ml:12.1f} {statistics.mean_hu:9.1f}")
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts(result.assessments).items())
    console.line(f"plausibility: {verdicts}")
    for doubt in to_look_at(result.assessments):
        console.line(f"  {doubt.verdict}: {label_by_id(doubt.label).display_name}: {doubt.sentence}")
    console.line(f"named (other than Unknown Tissue): {result.share_named:.1%} of the body")
