"""How an evaluation is told: the JSON and CSV of docs/evaluation.md, and the short table for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from AnatomyGuidedLib import __version__

from CCMetricsLib.evaluate import ComponentScore, Evaluation
from CCMetricsLib.metrics import Score

FORMAT, VERSION = "anatomyguided-evaluation", 1
FOREGROUND = "foreground"
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
    "fp_volume_ml",
)


def as_json(evaluation: Evaluation) -> dict[str, object]:
    """The machine-readable result; undefined scores are null and stand in `reasons`."""
    parameters = asdict(evaluation.parameters)
    policy = parameters.pop("policy")
    return {
        "format": FORMAT,
        "version": VERSION,
        "software_version": __version__,
        "case": evaluation.case,
        "parameters": parameters,
        "policies": policy,
        "summary": summary(evaluation),
        "reasons": {name: score.reason for name, score in _scores(evaluation).items() if score.value is None},
        "components": component_rows(evaluation),
    }


def summary(evaluation: Evaluation) -> dict[str, object]:
    """The scores of the whole case, by name."""
    return {
        **{name: score.value for name, score in _scores(evaluation).items()},
        "components": len(evaluation.components),
        "missed_components": evaluation.missed,
        "reference_volume_ml": evaluation.reference_volume_ml,
        "prediction_volume_ml": evaluation.prediction_volume_ml,
        "fp_volume_ml": evaluation.fp_volume_ml,
        "fn_volume_ml": evaluation.fn_volume_ml,
    }


def component_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """One row a lesion of the reference, with the keys of `COLUMNS`."""
    return [_row(evaluation.case, score) for score in evaluation.components]


def summary_lines(evaluation: Evaluation) -> list[str]:
    """The table that a person reads first: aligned, and with the reason where there is no score."""
    told = {
        "Dice (global)": _told(evaluation.dice),
        "IoU (global)": _told(evaluation.iou),
        "CC-Dice (mean over lesions)": _told(evaluation.cc_dice),
        "CC-IoU (mean over lesions)": _told(evaluation.cc_iou),
        "Missed lesions": f"{evaluation.missed} of {len(evaluation.components)}",
        "False-positive volume": f"{evaluation.fp_volume_ml:.2f} ml",
        "False-negative volume": f"{evaluation.fn_volume_ml:.2f} ml",
    }
    width = max(len(name) for name in told)
    return [f"{name:{width}}  {value}" for name, value in told.items()]


def _scores(evaluation: Evaluation) -> Mapping[str, Score]:
    return {name: getattr(evaluation, name) for name in ("dice", "iou", "cc_dice", "cc_iou")}


def _told(score: Score) -> str:
    return f"not evaluable: {score.reason}" if score.value is None else f"{score.value:.4f}"


def _row(case: str, score: ComponentScore) -> dict[str, object]:
    r_mm, a_mm, s_mm = score.centroid_ras_mm
    return {
        "case": case,
        "class": FOREGROUND,
        "component": score.component,
        "volume_ml": score.volume_ml,
        "centroid_r_mm": r_mm,
        "centroid_a_mm": a_mm,
        "centroid_s_mm": s_mm,
        "missed": int(score.missed),
        "dice": score.dice.value,
        "iou": score.iou.value,
        "fp_volume_ml": score.fp_volume_ml,
    }
