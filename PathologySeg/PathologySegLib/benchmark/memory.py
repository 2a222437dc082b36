"""What one step of a training takes, computed without taking it: on torch's meta device nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_COPIES = 4  # weights, gradients, and AdamW's two moments
_GIB = 2**30


@dataclass(frozen=True)
class StepMemory:
    """Parameters, and bytes of weights, gradients and moments, and of what the backward pass needs."""

    parameters: int
    state_bytes: int
    kept_bytes: int

    @property
    def gib(self) -> float:
        """All of it; a library's work space (some per cent, on graphics cards sometimes more) comes on top."""
        return (self.state_bytes + self.kept_bytes) / _GIB


def step_memory(network: nn.Module, image: tuple[int, ...], loss: Callable[[Any, Tensor], Tensor]) -> StepMemory:
    """One step of a batch (patches, channels, i, j, k) in single precision; the network is of no use afterwards.

    >>> found = step_memory(nn.Conv3d(1, 2, 1, bias=False), (1, 1, 4, 4, 4), lambda logits, _: logits.square().sum())
    >>> found.parameters, found.state_bytes, found.kept_bytes  # kept: the image and the logits, not the weights again
    (2, 32, 768)
    """
    network = network.to("meta").train()
    weights = {value.untyped_storage()._cdata for value in network.parameters()}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
            alive.append(value)  # so that no other storage takes its place
        return value

    target = torch.zeros((image[0], *image[2:]), dtype=torch.int64, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        loss(network(torch.zeros(image, device="meta")), target)
    parameters = sum(value.numel() for value in network.parameters())
    state = _COPIES * sum(value.numel() * value.element_size() for value in network.parameters())
    return StepMemory(parameters, state, sum(kept.values()))
