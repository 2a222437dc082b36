"""`anatomyguided evaluate-atlas`: how well a model names what references name, without the rules and with them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, CasesFailed
from AnatomyGuidedLib.files import Outputs, write_csv
from AnatomyGuidedLib.grid import Labelmap, require_same_grid
from AnatomyGuidedLib.io import read_ct
from AnatomyGuidedLib.labels import Scheme, label_by_id, scheme, scheme_names, to_dap
from AnatomyGuidedLib.progress import part_of, stop_if

from DAPAtlasLib.build import build_atlas
from DAPAtlasLib.experts import default_experts, make_expert
from DAPAtlasLib.labelled_cases import LabelledCase, labelled_cases
from DAPAtlasLib.parameters import NO_RULES, SEXES, AtlasParameters
from DAPAtlasLib.rules.catalogue import chosen_rules, repair
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.structure_scores import StructureScore, structure_ious, structure_scores

FORMAT, VERSION = "anatomyguided-atlas-evaluation", 1
COLUMNS = ("case", "rules", "id", "structure", "reference_ml", "prediction_ml", "dice", "mean_surface_distance_mm")
_IOU_COLUMNS, _AGREEING = ("id", "structure", "iou"), 0.9
_LARGE_ML = 20.0
_STAGES = ("without rules", "with rules")

_EXAMPLES = """examples:
  anatomyguided evaluate-atlas btcv --scheme btcv -o scores
  anatomyguided evaluate-atlas phantoms --scheme dap --model my-model -o scores
  anatomyguided evaluate-atlas btcv --scheme btcv --model v2 --against v1 -o scores

The folder has images and labels with files of the same name, or a folder a case (ct.nii.gz, labels.nii.gz).
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="CTs with reference labels")
    parser.add_argument("--scheme", required=True, metavar="S", help=f"whose labels: {', '.join(scheme_names())}")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="gets scores.csv and table3.md")
    parser.add_argument("--model", metavar="NAME|DIR", help="a model by name or folder (default: the bundled one)")
    parser.add_argument("--experts", default="", metavar="A,B,..", help="in place of a model, as for atlas")
    parser.add_argument(
        "--against",
        metavar="NAME|DIR",
        help="another model: how far its repaired labels agree with the raw ones of --model",
    )
    parser.add_argument("--sex", choices=SEXES, help="the patients' sex, if all have one")
    parser.add_argument("--device", default="auto", help="where models compute: auto, cpu, cuda or cuda:N")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The mean scores by structure, without rules and with them.

    Raises:
        CasesFailed: Some cases failed; the tables have the others.
        AnatomyGuidedError: There is no case, or all failed.
        UsageError: The scheme or an expert is unknown.
    """
    reference = scheme(arguments.scheme)
    words = tuple(word.strip() for word in (arguments.model or arguments.experts).split(",") if word.strip())
    parameters = AtlasParameters(words or default_experts(), arguments.sex, NO_RULES, device=arguments.device)
    other = replace(parameters, experts=(arguments.against,)) if arguments.against else None
    for expert in (*parameters.experts, *(other.experts if other else ())):
        make_expert(expert)
    cases = labelled_cases(arguments.folder)
    names = ("scores.csv", "table3.md", *(("agreement.csv",) if other else ()))
    staged = {name: outputs.stage(arguments.output / name) for name in names}
    agreements: dict[int, list[float]] = {}
    rows, failed = _scored(cases, reference, _Asked(parameters, other, agreements), console)
    if not rows:
        raise AnatomyGuidedError(f"All {len(cases)} cases failed; the first because: {next(iter(failed.values()))}")
    write_csv(staged["scores.csv"], rows, COLUMNS)
    table = _table(rows)
    staged["table3.md"].write_text(table, encoding="utf-8")
    console.line(table.rstrip())
    large = _of_large(rows)
    console.line(
        f"mean Dice of structures above {_LARGE_ML:g} ml: " + ", ".join(f"{v:.3f} {k}" for k, v in large.items())
    )
    result = _result(rows, reference, parameters, failed)
    result["dice_above_20_ml"] = large
    if other:
        result["agreement"] = _told_agreement(agreements, staged["agreement.csv"], console)
    if failed:
        raise CasesFailed(f"{len(failed)} of {len(cases)} cases failed; the tables have the others.", result)
    return result


@dataclass(frozen=True)
class _Asked:
    """Who predicts, and who else, whose repaired labels are compared with the raw ones; IoUs by label are added."""

    parameters: AtlasParameters
    other: AtlasParameters | None
    agreements: dict[int, list[float]]


def _scored(
    cases: Sequence[LabelledCase], reference: Scheme, asked: _Asked, console: Console
) -> tuple[list[dict[str, object]], dict[str, str]]:
    rows: list[dict[str, object]] = []
    failed: dict[str, str] = {}
    for number, case in enumerate(cases):
        stop_if(console.cancelled)
        told = part_of(console.progress, number / len(cases), (number + 1) / len(cases))
        told(0.0, f"Case {number + 1} of {len(cases)}")
        try:
            scores = _scores_of(case, reference, asked, console)
        except AnatomyGuidedError as error:
            failed[case.name] = str(error)
            console.note(f"{case.name}: {error}")
            continue
        rows += [_row(case.name, stage, score) for stage, found in scores.items() for score in found]
    return rows, failed


def _scores_of(
    case: LabelledCase, reference: Scheme, asked: _Asked, console: Console
) -> dict[str, list[StructureScore]]:
    """The scores of the raw label map and of the repaired one."""
    ct, truth = read_ct(case.ct), to_dap(case.labelmap(reference), reference)
    require_same_grid(ct.grid, truth.grid, names=("the CT", "the reference"))
    context = Context(asked.parameters.sex, ct)

    def labelled(parameters: AtlasParameters) -> tuple[Labelmap, Labelmap]:
        raw = build_atlas(ct, parameters, cancelled=console.cancelled).labelmap
        return raw, repair(raw, context, rules=chosen_rules(None), cancelled=console.cancelled).labelmap

    raw, repaired = labelled(asked.parameters)
    if asked.other:
        for label, iou in structure_ious(labelled(asked.other)[1], raw).items():
            asked.agreements.setdefault(label, []).append(iou)
    labels = tuple(dict.fromkeys(label for label in reference.to_dap.values() if label_by_id(label).group))
    return {stage: structure_scores(truth, one, labels) for stage, one in zip(_STAGES, (raw, repaired), strict=True)}


def _row(case: str, stage: str, score: StructureScore) -> dict[str, object]:
    return {
        "case": case,
        "rules": stage,
        "id": score.label,
        "structure": label_by_id(score.label).display_name,
        "reference_ml": score.reference_ml,
        "prediction_ml": score.prediction_ml,
        "dice": score.dice,
        "mean_surface_distance_mm": score.distance_mm,
    }


def _told_agreement(agreements: Mapping[int, Sequence[float]], path: Path, console: Console) -> dict[str, object]:
    """The check of the thesis's C.1.4: the share of structures whose mean IoU is above 90 %."""
    means = {label: float(np.mean(values)) for label, values in sorted(agreements.items())}
    write_csv(
        path, ({"id": i, "structure": label_by_id(i).display_name, "iou": v} for i, v in means.items()), _IOU_COLUMNS
    )
    share = float(np.mean([iou > _AGREEING for iou in means.values()])) if means else 0.0
    console.line(f"{share:.0%} of {len(means)} structures agree with an IoU above {_AGREEING:.0%}")
    return {"share_above_90_percent": share, "iou": {label_by_id(i).name: v for i, v in means.items()}}


def _means(rows: Sequence[Mapping[str, object]], key: str) -> dict[str, dict[str, float | None]]:
    """By stage and structure the mean over the cases that have a value; "Total" is the mean of the structures."""
    found: dict[str, dict[str, float | None]] = {}
    for stage in _STAGES:
        of_stage: dict[str, float | None] = {}
        for name in dict.fromkeys(str(row["structure"]) for row in rows):
            values = [row[key] for row in rows if (row["rules"], row["structure"]) == (stage, name)]
            known = [float(str(value)) for value in values if value is not None]
            of_stage[name] = float(np.mean(known)) if known else None
        of_structures = [value for value in of_stage.values() if value is not None]
        found[stage] = {**of_stage, "Total": float(np.mean(of_structures)) if of_structures else None}
    return found


def _of_large(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """By stage the mean over structures of their mean Dice in the cases where the reference has more than 20 ml."""
    kept = [row for row in rows if float(str(row["reference_ml"])) > _LARGE_ML]
    means = _means(kept, "dice")
    return {stage: value for stage in _STAGES if (value := means[stage]["Total"]) is not None}


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    """Table 3 of the thesis, a structure a row since there may be many."""
    dice, distance = _means(rows, "dice"), _means(rows, "mean_surface_distance_mm")
    lines = [
        "| structure | Dice %, without rules | with rules | mean surface distance mm, without rules | with rules |",
        "|---|---|---|---|---|",
    ]
    for name in dice[_STAGES[0]]:
        shown = [_shown(dice[stage][name], 100.0, 1) for stage in _STAGES]
        shown += [_shown(distance[stage][name], 1.0, 2) for stage in _STAGES]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _shown(value: float | None, factor: float, digits: int) -> str:
    return "–" if value is None else f"{value * factor:.{digits}f}"


def _result(
    rows: Sequence[Mapping[str, object]], reference: Scheme, parameters: AtlasParameters, failed: Mapping[str, str]
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "scheme": reference.name,
        "experts": list(parameters.experts_without_folders()),
        "cases": len({row["case"] for row in rows}),
        "failed": dict(failed),
        "dice": _means(rows, "dice"),
        "mean_surface_distance_mm": _means(rows, "mean_surface_distance_mm"),
    }
