"""What the study `apex-ladder` says of an arm: in its JSON, its table, and a line for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from PathologySegLib.apex.intervals import SCORES, differences, score_intervals
from PathologySegLib.apex.ladder import LADDER
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmentation_scores import Counts

if TYPE_CHECKING:
    from PathologySegLib.apex.learning import Learned

COLUMNS = ("arm", "title", "oracle", *(f"{s}{end}" for s in SCORES for end in ("", "_low", "_high", "_gain",
            "_gain_low", "_gain_high")), "steps", "seconds", "weights")  # fmt: skip


def arm_row(name: str, arm: Mapping[str, Any]) -> dict[str, object]:
    """The arm's row of ladder.csv."""
    row: dict[str, object] = {
        "arm": name,
        **{key: arm[key] for key in ("title", "oracle", "steps", "seconds", "weights")},
    }
    for score in SCORES:
        own, gain = arm[score], arm["vs_baseline"][score]
        row |= {score: own["mean"], f"{score}_low": own["low"], f"{score}_high": own["high"]}
        row |= {f"{score}_gain": gain["mean"], f"{score}_gain_low": gain["low"], f"{score}_gain_high": gain["high"]}
    return row


def arm_line(name: str, arm: Mapping[str, Any]) -> str:
    """The arm's scores, and how much more IoU than the baseline's it has."""
    words = [f"{score.replace('_', ' ')} {arm[score]['mean']:.3f}" for score in SCORES]
    gain = arm["vs_baseline"]["iou"]
    against = "" if name == "baseline" else f", {gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}] IoU"
    return f"{name:26} {', '.join(words)}{against}{' (true anatomy)' if arm['oracle'] else ''}"


def arm_result(
    recipe: ApexRecipe,
    trained: Sequence[tuple[int, Learned]],
    counts: Sequence[Counts],
    baseline: Sequence[Counts],
    folds: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Scores on the held-out patients, their differences from the baseline's, and by fold; each with its spread."""
    arm, network = recipe.chosen_arm, trained[0][1].segmenter.network
    gain = differences(counts, baseline)
    return {
        "title": arm.title,
        "oracle": arm.anatomy_input,
        "in_table_10": recipe.arm in LADDER,
        **score_intervals(counts),
        "vs_baseline": gain,
        "beats_baseline": gain["iou"]["low"] > 0,
        "folds": {
            name: {"mean": round(float(np.mean(values)), 4), "deviation": round(float(np.std(values)), 4)}
            for name, values in ((name, [fold[name] for fold in folds]) for name in SCORES)
        },
        "thresholds": [fold["threshold"] for fold in folds],
        "weights": sum(value.numel() for value in network.parameters()),
        "steps": trained[0][1].steps,
        "seconds": round(sum(learned.seconds for _, learned in trained), 1),
    }
