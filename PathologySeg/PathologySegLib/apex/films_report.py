"""What the study `apex-films` says of an arm: in its JSON, its table (as Table 12), and a line for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES

from PathologySegLib.apex.drawn_precision import interval_of, mean_of_categories
from PathologySegLib.apex.ladder import NOT_RUN
from PathologySegLib.apex.recipe import ApexRecipe

if TYPE_CHECKING:
    from PathologySegLib.apex.learning import Learned

TABLE = "films.csv"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FilmScores:
    """mAP, and AP by category: of all held-out films first, then of bodies drawn anew, the same ones for each arm."""

    map: Floats
    by_category: Mapping[int, Floats]

    @classmethod
    def of(cls, folds: Sequence[Mapping[int, Floats]]) -> FilmScores:
        """The means over the folds' networks."""
        means = {category: np.mean([fold[category] for fold in folds], axis=0) for category in folds[0]}
        return cls(mean_of_categories(means), means)


def arm_result(
    recipe: ApexRecipe,
    trained: Sequence[tuple[int, Learned]],
    scores: FilmScores,
    baseline: FilmScores,
    folds: Sequence[float],
) -> dict[str, Any]:
    """Scores on the held-out films, their differences from the baseline's, and mAP by fold; each with its spread."""
    gain = interval_of(scores.map - baseline.map)
    network = trained[0][1].segmenter.network
    return {
        "title": recipe.chosen_arm.title,
        "map": interval_of(scores.map),
        "vs_baseline": {"map": gain},
        "beats_baseline": gain["low"] > 0,
        "by_category": {CATEGORIES[number]: interval_of(drawn) for number, drawn in scores.by_category.items()},
        "folds": {"map": {"mean": round(float(np.mean(folds)), 4), "deviation": round(float(np.std(folds)), 4)}},
        "weights": sum(value.numel() for value in network.parameters()),
        "steps": trained[0][1].steps,
        "seconds": round(sum(learned.seconds for _, learned in trained), 1),
    }


def table_rows(arms: Mapping[str, Mapping[str, Any]]) -> list[dict[str, object]]:
    """A row an arm, and one for each of Table 12's methods that do not run here, with the reason."""
    rows: list[dict[str, object]] = []
    for name, arm in arms.items():
        own, gain = arm["map"], arm["vs_baseline"]["map"]
        rows.append(
            {
                "arm": name, "title": arm["title"],
                "map": own["mean"], "map_low": own["low"], "map_high": own["high"],
                "gain": gain["mean"], "gain_low": gain["low"], "gain_high": gain["high"],
                **{category: arm["by_category"].get(category, {}).get("mean") for category in CATEGORIES},
                "not_run": "",
            }
        )  # fmt: skip
    empty: dict[str, object] = dict.fromkeys(rows[0])
    rows += [{**empty, "arm": name, "title": name, "not_run": f"it {reason}"} for name, reason in NOT_RUN.items()]
    return rows


def arm_line(name: str, arm: Mapping[str, Any]) -> str:
    """The arm's mAP, and how much more than the baseline's it is."""
    own, gain = arm["map"], arm["vs_baseline"]["map"]
    against = "" if name == "baseline" else f", {gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
    return f"{name:26} mAP {own['mean']:.3f} [{own['low']:.3f}, {own['high']:.3f}]{against}"
