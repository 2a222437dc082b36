"""Going on from an atlas network's weights (thesis, 4.2.1.1): the CT's stay, the PET's are new."""

from __future__ import annotations

import torch
from AnatomyGuidedLib.errors import UsageError
from torch import Tensor, nn

_ALIKE = 0.9  # heads and the PET's part of the first convolution are far less than the rest of any network


def start_from(network: nn.Module, atlas: nn.Module) -> list[str]:
    """The names of the weights that were taken from an atlas network of the same architecture.

    The first convolution takes the weights of the CT and of what comes last (a network's own places); the channels
    between, such as the PET's, keep their random ones. Heads for other classes stay random too.

    Raises:
        UsageError: The atlas network is of another architecture: hardly any of its weights fit.
    """
    require_alike(network, atlas)
    found = _found(network, atlas)
    network.load_state_dict({**network.state_dict(), **found})
    return sorted(found)


def require_alike(network: nn.Module, atlas: nn.Module) -> None:
    """Nothing, if the network can go on from the atlas network's weights; both may be without values ("meta").

    Raises:
        UsageError: It cannot.
    """
    found, own = _found(network, atlas), network.state_dict()
    share = sum(value.numel() for value in found.values()) / sum(value.numel() for value in own.values())
    if share < _ALIKE:
        raise UsageError(
            f"An arm that starts from the atlas model needs a backbone of its architecture and size, but of this "
            f"one {share:.0%} of the weights fit; give the backbone that the atlas model's model.json has as `network`."
        )


def _found(network: nn.Module, atlas: nn.Module) -> dict[str, Tensor]:
    known = atlas.state_dict()
    taken = {name: _taken(value, known[name]) for name, value in network.state_dict().items() if name in known}
    return {name: value for name, value in taken.items() if value is not None}


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
