"""`train lang2box`: the setting `network` says what learns to find boxes."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.train_command import TrainingOrder

_NETWORKS = {
    "small": "LIMISLib.finding.small_training",
    "grounding-dino": "LIMISLib.finding.dino_training",
}


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """What the network's own training says of itself.

    Raises:
        UsageError: There is no such network, or the folder holds a training that is not to be resumed, or one with
            other settings.
        AnatomyGuidedError: torch is missing.
        Cancelled: The user stopped; the state is kept.
    """
    network = order.settings.get("network", "small")
    if not isinstance(network, str) or network not in _NETWORKS:
        raise UsageError(f"The setting network is {network!r}, but one of {', '.join(_NETWORKS)} was expected.")
    if order.version:
        raise UsageError("train lang2box has no --version; the setting configuration chooses a row of Table 8.")
    if not importlib.util.find_spec("torch"):
        raise AnatomyGuidedError(NEEDS_TORCH)
    result: Mapping[str, object] = importlib.import_module(_NETWORKS[network]).run(order, console)
    return result
