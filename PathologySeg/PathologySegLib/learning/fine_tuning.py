"""Going on from an atlas network's weights (thesis, 4.2.1.1): the CT's stay, the PET's are new."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def start_from(network: nn.Module, atlas: nn.Module) -> list[str]:
    """The names of the weights that were taken from an atlas network of the same architecture.

    The first convolution takes the weights of the CT and of what comes last (a network's own places); the channels
    between, such as the PET's, keep their random ones. Heads for other classes stay random too.
    """
    own, known = network.state_dict(), atlas.state_dict()
    taken = {name: _taken(value, known[name]) for name, value in own.items() if name in known}
    found = {name: value for name, value in taken.items() if value is not None}
    network.load_state_dict({**own, **found})
    return sorted(found)


def _taken(own: Tensor, known: Tensor) -> Tensor | None:
    """The known weights in the shape of the own ones; None where they do not fit."""
    if own.shape == known.shape:
        return known.clone()
    same_but_entering = (
        own.dim() == known.dim() > 1 and own.shape[0] == known.shape[0] and own.shape[2:] == known.shape[2:]
    )
    if not same_but_entering or own.shape[1] < known.shape[1]:
        return None
    last = known.shape[1] - 1
    between = own[:, 1 : own.shape[1] - last]
    return torch.cat((known[:, :1], between, known[:, 1:]), 1)
