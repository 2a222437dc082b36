"""How an evaluation is told: the JSON and CSV of docs/evaluation.md, and the short table for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType

from AnatomyGuidedLib import __version__

from CCMetricsLib.evaluate import FOREGROUND, ClassEvaluation, ComponentScore, Evaluation
from CCMetricsLib.metrics import METRICS, TABLE, Score

__all__ = ["COLUMNS", "FOREGROUND", "FORMAT", "VERSION", "as_json", "component_rows", "summary", "summary_lines"]

FORMAT, VERSION = "anatomyguided-evaluation", 2
RIVAL_TITLES = MappingProxyType(
    {
        "pq": "Panoptic quality",
        "sq": "Segmentation quality",
        "rq": "Recognition quality",
        "lesion_dice": "Lesion Dice",
        "cc_dice_topological": "ccDice (topological)",
        "lesion_f1": "Lesion F1",
        "lesion_sensitivity": "Lesion sensitivity",
        "lesion_precision": "Lesion precision",
        "fpv_ml": "FPV (AutoPET), ml",
        "fnv_ml": "FNV (AutoPET), ml",
    }
)
COLUMNS = (
    "case",
    "class",
    "component",
    "volume_ml",
    "centroid_r_mm",
    "centroid_a_mm",
    "centroid_s_mm",
    "missed",
    "dice",
    "iou",
    "hd_mm",
    "hd95_mm",
    "assd_mm",
    "nsd",
    "fp_volume_ml",
    "structure",
    "structure_distance_mm",
    "volume_difference_ml",
    "boundary_iou",
    "hd_from_fp",
)


def as_json(evaluation: Evaluation) -> dict[str, object]:
    """The machine-readable result; undefined scores are null and stand in `reasons`."""
    parameters = asdict(evaluation.parameters)
    policies = parameters.pop("policy")
    return {
        "format": FORMAT,
        "version": VERSION,
        "software_version": __version__,
        "case": evaluation.case,
        "parameters": {**parameters, "anatomy": evaluation.has_anatomy},
        "policies": {**policies, "worst_mm": evaluation.worst_mm},
        "summary": summary(evaluation),
        "reasons": _reasons(evaluation.scores),
        "classes": [
            {"class": of_one.name, "summary": summary(of_one), "reasons": _reasons(of_one.scores)}
            for of_one in evaluation.classes
        ],
        "components": component_rows(evaluation),
    }


def summary(evaluation: Evaluation | ClassEvaluation) -> dict[str, object]:
    """The scores of the whole case or of one class, by name."""
    return {
        **{name: score.value for name, score in evaluation.scores.items()},
        "components": len(evaluation.components),
        "missed_components": evaluation.missed,
        "reference_volume_ml": evaluation.reference_volume_ml,
        "prediction_volume_ml": evaluation.prediction_volume_ml,
        "fp_volume_ml": evaluation.fp_volume_ml,
        "fn_volume_ml": evaluation.fn_volume_ml,
    }


def component_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """One row a lesion of the reference, with the keys of `COLUMNS`; a metric that was not asked for is `None`."""
    return [_row(evaluation.case, component) for component in evaluation.components]


def summary_lines(evaluation: Evaluation) -> list[str]:
    """The table that a person reads first: each metric of the whole image, and beside it its mean over the lesions."""
    scores = evaluation.scores
    rows = [
        (TABLE[name].title, _told(scores[name]), f"CC-{TABLE[name].title}", _told(scores[f"cc_{name}"]))
        for name in evaluation.parameters.lesion_metrics
    ]
    counted = {
        "Missed lesions": f"{evaluation.missed} of {len(evaluation.components)}",
        "False-positive volume": f"{evaluation.fp_volume_ml:.2f} ml",
        "False-negative volume": f"{evaluation.fn_volume_ml:.2f} ml",
    }
    counted |= {RIVAL_TITLES[name]: _told(scores[name]) for name in evaluation.parameters.rival_metrics}
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    first = max(widths[0], *map(len, counted))
    return [
        *(f"{name:{first}}  {value:{widths[1]}}  {cc_name:{widths[2]}}  {mean}" for name, value, cc_name, mean in rows),
        *(f"{name:{first}}  {text}" for name, text in counted.items()),
        *(f"Not evaluable: {reason} ({', '.join(names)})" for reason, names in _by_reason(scores).items()),
    ]


def _by_reason(scores: Mapping[str, Score]) -> dict[str, list[str]]:
    """Which scores are undefined for each reason."""
    told: dict[str, list[str]] = {}
    for name, reason in _reasons(scores).items():
        told.setdefault(reason, []).append(name)
    return told


def _reasons(scores: Mapping[str, Score]) -> dict[str, str]:
    return {name: score.reason for name, score in scores.items() if score.value is None}


def _told(score: Score) -> str:
    return "not evaluable" if score.value is None else f"{score.value:.4f}"


def _row(case: str, component: ComponentScore) -> dict[str, object]:
    r_mm, a_mm, s_mm = component.centroid_ras_mm
    cells = {
        "case": case,
        "class": component.class_name,
        "component": component.component,
        "volume_ml": component.volume_ml,
        "centroid_r_mm": r_mm,
        "centroid_a_mm": a_mm,
        "centroid_s_mm": s_mm,
        "missed": int(component.missed),
        "fp_volume_ml": component.fp_volume_ml,
        "structure": component.structure_name or None,
        "structure_distance_mm": component.structure_distance_mm,
        "hd_from_fp": None if component.hd_from_fp is None else int(component.hd_from_fp),
        **{name: component.scores[name].value if name in component.scores else None for name in METRICS},
    }
    return {column: cells[column] for column in COLUMNS}
