"""The benchmark's networks: CT, PET and an empty channel in, background and lesion out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.build import build_network
from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint
from torch import Tensor, nn

from PathologySegLib.benchmark.plan import Arm, Shape
from PathologySegLib.learning.objectives import loss_of

CHANNELS, CLASSES = 3, 2

_SWIN = "swinViT."
_LEAST_SHARE = 0.5


def entry_of(arm: Arm, patch: Shape) -> dict[str, Any]:
    """The network for `networks.build`."""
    arguments = {"in_channels": CHANNELS, "out_channels": CLASSES, "spatial_dims": 3, **arm.arguments}
    if arm.architecture == "UNETR":
        arguments["img_size"] = list(patch)
    return {"architecture": arm.architecture, "arguments": arguments}


def network_of(arm: Arm, patch: Shape, *, seed: int) -> nn.Module:
    """The network with random weights of this seed, or started from the arm's file.

    Raises:
        AnatomyGuidedError: The arguments do not fit, MONAI is missing, or the file is of another network.
    """
    torch.manual_seed(seed)
    network = build_network(entry_of(arm, patch))
    if arm.weights:
        start_from(network, Path(arm.weights))
    return network


def start_from(network: nn.Module, path: Path) -> int:
    """How many tensors were taken from the file; those of another shape (a first layer for one channel) stay random.

    SwinUNETR's published weights are of its encoder alone, by names of their own.

    Raises:
        AnatomyGuidedError: Less than half of the file fits the network.
    """
    found = read_checkpoint(path)
    given = plain_names(found.get("state_dict", found))
    own = network.state_dict()
    fitting = {
        name: value
        for key, value in given.items()
        if (name := _name_in(own, key)) is not None and own[name].shape == value.shape
    }
    if len(fitting) < _LEAST_SHARE * len(given) or not fitting:
        raise AnatomyGuidedError(
            f"{path.name} holds {len(given)} tensors, of which {len(fitting)} fit the network; it belongs to another."
        )
    network.load_state_dict({**own, **fitting})
    return len(fitting)


def arm_loss(arm: Arm) -> Any:
    """The loss of logits, of a list of them by resolution, or of DynUNet's stack of all resolutions."""
    loss = loss_of("lesions", even=arm.even)

    def of_any(found: Any, target: Tensor) -> Tensor:
        stacked = isinstance(found, Tensor) and found.ndim == target.ndim + 2
        return loss(list(found.unbind(1)) if stacked else found, target)

    return of_any


def _name_in(own: Mapping[str, Tensor], key: str) -> str | None:
    key = key.replace("mlp.fc1", "mlp.linear1").replace("mlp.fc2", "mlp.linear2")
    return next((name for name in (key, f"{_SWIN}{key}") if name in own), None)
