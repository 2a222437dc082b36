"""The encoder of a trained network as a source of features that never changes, for networks that learn beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.position import Positioned
from AnatomyGuidedLib.networks.unet import UNet


class FrozenEncoder(nn.Module):
    """Feature maps (batch, channels, *space) of an image, the finest first; the weights have no gradients.

    It stays as in prediction when a network that it is part of is set to training.

    Raises:
        AnatomyGuidedError: The network's kind has no encoder that is known here.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        features_of(network)
        self.network = network.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        return super().train(False)

    @torch.no_grad()
    def forward(self, image: Tensor) -> list[Tensor]:
        return features_of(self.network)(self.network, image)

    def channels(self, entering: int, side: int) -> tuple[int, ...]:
        """By resolution the number of channels, for images of `entering` channels; `side` is one the network takes."""
        image = torch.zeros(1, entering, side, side, side, device=next(self.network.parameters()).device)
        return tuple(features.shape[1] for features in self(image))


def _unet(network: Any, image: Tensor) -> list[Tensor]:
    found: list[Tensor] = network.encoder(image)
    return found


def _positioned(network: Any, image: Tensor) -> list[Tensor]:
    return features_of(network.network)(network.network, network.with_places(image))


def _segresnet(network: Any, image: Tensor) -> list[Tensor]:
    found: list[Tensor] = network.encode(image)[1]
    return found


def _dynunet(network: Any, image: Tensor) -> list[Tensor]:
    return _in_a_row((network.input_block, *network.downsamples, network.bottleneck), image)


def _mednext(network: Any, image: Tensor) -> list[Tensor]:
    found, image = [], network.stem(image)
    for stage, down in zip(network.enc_stages, network.down_blocks, strict=True):
        found.append(stage(image))
        image = down(found[-1])
    return [*found, network.bottleneck(image)]


def _monai_unet(network: Any, image: Tensor) -> list[Tensor]:
    found: list[Tensor] = []
    level = network.model
    while isinstance(level, nn.Sequential) and len(level) == 3:  # down, what lies below it, up
        found.append(level[0](found[-1] if found else image))
        level = level[1].submodule
    return [*found, level(found[-1])]


def _in_a_row(stages: tuple[nn.Module, ...], image: Tensor) -> list[Tensor]:
    found = []
    for stage in stages:
        image = stage(image)
        found.append(image)
    return found


Features = Callable[[Any, Tensor], list[Tensor]]

_OURS: Mapping[type[nn.Module], Features] = {UNet: _unet, Positioned: _positioned}
_MONAIS: Mapping[str, Features] = {
    "SegResNet": _segresnet, "DynUNet": _dynunet, "MedNeXt": _mednext, "UNet": _monai_unet,
}  # fmt: skip


def features_of(network: nn.Module) -> Features:
    """How this kind of network comes from an image to its encoder's feature maps, the finest first.

    Raises:
        AnatomyGuidedError: The kind has no encoder that is known here.
    """
    found = _OURS.get(type(network)) or _MONAIS.get(type(network).__name__)
    if found is None:
        known = ", ".join((*(kind.__name__ for kind in _OURS), *_MONAIS))
        raise AnatomyGuidedError(f"A network {type(network).__name__} cannot be a frozen encoder; known are {known}.")
    return found
