"""The anatomy-weighted means of one evaluation, told by metric and by pathway (thesis, section 7.3)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

from CCMetricsLib.evaluation import Evaluation
from CCMetricsLib.weights import AnatomyWeights, WeightedMean, anatomy_weights, means_by_pathway, weighted_mean


def read_weights(path: Path) -> AnatomyWeights:
    """The weights in a CSV with the columns structure, weight and, if there are pathways, pathway.

    Raises:
        AnatomyGuidedError: The file is missing or no such table, or a row of it is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnatomyGuidedError(f"{path.name} cannot be read as a CSV of weights; check the path.") from error
    if not rows or not {"structure", "weight"} <= set(rows[0]):
        raise AnatomyGuidedError(f"{path.name} needs a header with structure and weight, and a row at least.")
    return anatomy_weights(rows)


def weighted_summary(evaluation: Evaluation, weights: AnatomyWeights) -> dict[str, dict[str, Any]]:
    """For each metric the weighted mean over the lesions, with its parts, and one mean a pathway; JSON values."""
    components = evaluation.components
    structures = [component.structure_name if component.structure_distance_mm == 0 else "" for component in components]
    names = list(components[0].scores) if components else []
    told: dict[str, dict[str, Any]] = {}
    for name in names:
        scores = [component.scores[name] for component in components]
        pathways = means_by_pathway(scores, structures, weights)
        told[name] = {
            **_told(weighted_mean(scores, structures, weights)),
            "pathways": {pathway: _told(mean) for pathway, mean in pathways.items() if pathway},
        }
    return told


def _told(mean: WeightedMean) -> dict[str, object]:
    return {
        "value": mean.score.value,
        "reason": mean.score.reason,
        "components": mean.components,
        "undefined": mean.undefined,
        "total_weight": mean.total_weight,
    }
