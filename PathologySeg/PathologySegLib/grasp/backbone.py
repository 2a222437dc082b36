"""One way into every backbone: its encoder's features, and what its decoder makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.frozen import features_of
from AnatomyGuidedLib.networks.position import Positioned
from AnatomyGuidedLib.networks.unet import UNet
from torch import Tensor, nn
from torch.func import functional_call

_SIDE = 64  # of an image that every encoder takes

Features = Sequence[Tensor]
Logits = Tensor | Sequence[Tensor]


def encoded(network: nn.Module, image: Tensor) -> list[Tensor]:
    """The feature maps (batch, channels, *space) of an image, the finest first.

    Raises:
        AnatomyGuidedError: The network's kind is none that is known here.
    """
    return features_of(network)(network, image)


def decoded(network: nn.Module, features: Features) -> Logits:
    """The network's logits from its encoder's features; in training with deep supervision a list, the finest first.

    Raises:
        AnatomyGuidedError: The network's kind is none that is known here.
    """
    return _kind(network)[0](network, features)


def channels_of(network: nn.Module, entering: int) -> tuple[int, ...]:
    """By resolution, the finest first, the number of channels for images of `entering` channels."""
    return tuple(channels for channels, _ in levels_of(network, entering))


def levels_of(network: nn.Module, entering: int) -> tuple[tuple[int, int], ...]:
    """By resolution, the finest first, channels and side of the feature maps of a cube of 64 voxels a side.

    Nothing is computed: weights and image are stood in for by tensors without values.
    """
    own = (*network.named_parameters(), *network.named_buffers())
    without_values = {f"network.{name}": value.to("meta") for name, value in own}
    image = torch.zeros(1, entering, _SIDE, _SIDE, _SIDE, device="meta")
    found = functional_call(_Encoder(network), without_values, (image,))
    return tuple((features.shape[1], features.shape[2]) for features in found)


class _Encoder(nn.Module):
    """The encoder of a backbone as a module of its own."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[Tensor]:
        return encoded(self.network, image)


def decoder_of(network: nn.Module) -> nn.Module:
    """The same network without its encoder: only `decoded` is left."""
    _kind(network)[1](network)
    return network


def _unet(network: Any, features: Features) -> Logits:
    found: Logits = network.decoder(features)
    return found


def _positioned(network: Any, features: Features) -> Logits:
    return decoded(network.network, features)


def _segresnet(network: Any, features: Features) -> Logits:
    found: Logits = network.decode(features[-1], list(features[::-1]))
    return found


def _mednext(network: Any, features: Features) -> Logits:
    below, coarse = features[-1], []
    supervised = network.do_ds and network.training
    for step, (up, stage) in enumerate(zip(network.up_blocks, network.dec_stages, strict=True)):
        if supervised:
            coarse.append(network.out_blocks[step](below))
        below = stage(up(below) + features[-2 - step])
    finest: Tensor = network.out_0(below)
    return (finest, *coarse[::-1]) if supervised else finest


def _monai_unet(network: Any, features: Features) -> Logits:
    below = features[-1]
    for level, skip in zip(_levels(network)[::-1], features[-2::-1], strict=True):
        below = level[2](torch.cat((skip, below), 1))
    return below


def _levels(network: Any) -> list[nn.Sequential]:
    found, level = [], network.model
    while isinstance(level, nn.Sequential) and len(level) == 3:  # down, what lies below it, up
        found.append(level)
        level = level[1].submodule
    return found


def _without(*names: str) -> Callable[[Any], None]:
    def strip(network: Any) -> None:
        for name in names:
            setattr(network, name, nn.Identity())

    return strip


def _strip_positioned(network: Any) -> None:
    decoder_of(network.network)


def _strip_monai_unet(network: Any) -> None:
    levels = _levels(network)
    for level in levels:
        level[0] = nn.Identity()
    levels[-1][1].submodule = nn.Identity()


_Kind = tuple[Callable[[Any, Features], Logits], Callable[[Any], None]]
_OURS: Mapping[type[nn.Module], _Kind] = {
    UNet: (_unet, _without("encoder")),
    Positioned: (_positioned, _strip_positioned),
}
_MONAIS: Mapping[str, _Kind] = {
    "SegResNet": (_segresnet, _without("convInit", "down_layers")),
    "MedNeXt": (_mednext, _without("stem", "enc_stages", "down_blocks", "bottleneck")),
    "UNet": (_monai_unet, _strip_monai_unet),
}


def _kind(network: nn.Module) -> _Kind:
    found = _OURS.get(type(network)) or _MONAIS.get(type(network).__name__)
    if found is None:
        known = ", ".join((*(kind.__name__ for kind in _OURS), *_MONAIS))
        raise AnatomyGuidedError(f"A network {type(network).__name__} cannot be a backbone; known are {known}.")
    return found
