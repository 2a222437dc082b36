"""What a predicted mask is worth: Dice and CC-Dice where there is a lesion, false and missed volume everywhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import Grid, Labelmap
from CCMetricsLib.evaluate import evaluate
from CCMetricsLib.parameters import EvaluationParameters

METRICS = ("dice", "cc_dice", "fpv_ml", "fnv_ml")

_PARAMETERS = EvaluationParameters(metrics=("dice", "fpv_ml", "fnv_ml"))

Mask = npt.NDArray[np.bool_]


def scored(reference: Mask, prediction: Mask, grid: Grid) -> Mapping[str, float | None]:
    """The four metrics of Table 15; all but FPV are None for a patient without a lesion.

    FPV is the volume of predicted components that meet no lesion, FNV that of lesions that no prediction meets, in ml.
    """
    found = evaluate(_map(reference, grid), _map(prediction, grid), _PARAMETERS)
    values = {"dice": found.dice.value, "cc_dice": found.cc_dice.value}
    values |= {name: found.scores[name].value for name in ("fpv_ml", "fnv_ml")}
    return {name: None if value is None else float(value) for name, value in values.items()}


def _map(mask: Mask, grid: Grid) -> Labelmap:
    return Labelmap(mask.astype(np.uint8), grid)
