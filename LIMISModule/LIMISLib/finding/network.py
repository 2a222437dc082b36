"""The small finder's network: for each organ a map of where its middle is, and from each place the box's four edges."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
_GROUP = 8  # channels a norm takes together


class SmallNetwork(nn.Module):
    """Residual stages at a half to a sixteenth of the resolution, joined at an eighth.

    `features` are the channels at a half, a quarter, an eighth and a sixteenth. The output is (batch, classes, 5, rows,
    columns): the logit that the class's middle is there, and left, top, right and bottom of its box, as distances from
    the place, outwards, in units of `STRIDE` pixels.
    """

    def __init__(
        self, channels: int = 6, classes: int = 11, features: tuple[int, ...] = (24, 48, 96, 128), blocks: int = 2
    ) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = features
        self.classes = classes
        self.stem = _ConvNorm(channels, half, stride=2)
        self.to_quarter = nn.Sequential(_Residual(half, half), _Residual(half, quarter, stride=2))
        self.to_eighth = nn.Sequential(
            _Residual(quarter, eighth, stride=2), *(_Residual(eighth, eighth) for _ in range(blocks))
        )
        self.to_sixteenth = nn.Sequential(
            _Residual(eighth, sixteenth, stride=2),
            *(_Residual(sixteenth, sixteenth, dilation=1 + number % 2) for number in range(blocks + 1)),
        )
        self.context = nn.Linear(sixteenth, sixteenth)
        self.down = nn.Conv2d(sixteenth, eighth, 1)
        self.joined = _ConvNorm(eighth, eighth)
        self.heat = nn.Sequential(_ConvNorm(eighth, eighth), nn.Conv2d(eighth, classes, 1))
        self.edges = nn.Sequential(_ConvNorm(eighth, eighth), nn.Conv2d(eighth, 4 * classes, 1))
        nn.init.constant_(_bias(self.heat), -4.0)  # middles are rare: begin by seeing none
        nn.init.constant_(_bias(self.edges), 1.5)

    def forward(self, image: Tensor) -> Tensor:
        image = image.contiguous(memory_format=torch.channels_last)  # a third faster on processors
        eighth = self.to_eighth(self.to_quarter(self.stem(image)))
        deep = self.to_sixteenth(eighth)
        deep = deep + self.context(deep.mean((2, 3)))[:, :, None, None]
        deep = functional.interpolate(self.down(deep), size=eighth.shape[2:], mode="bilinear", align_corners=False)
        joined = self.joined(eighth + deep)
        heat = self.heat(joined)[:, :, None]
        edges = self.edges(joined).unflatten(1, (self.classes, 4))
        return torch.cat((heat, edges), 2)


def _bias(head: nn.Sequential) -> Tensor:
    return cast(Tensor, head[-1].bias)


class _ConvNorm(nn.Module):
    def __init__(self, entering: int, leaving: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(entering, leaving, 3, stride, dilation, dilation, bias=False)
        self.norm = nn.GroupNorm(leaving // _GROUP, leaving)

    def forward(self, image: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(image)))


class _Residual(nn.Module):
    def __init__(self, entering: int, leaving: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.first = _ConvNorm(entering, leaving, stride=stride, dilation=dilation)
        self.conv = nn.Conv2d(leaving, leaving, 3, 1, dilation, dilation, bias=False)
        self.norm = nn.GroupNorm(leaving // _GROUP, leaving)
        is_same = entering == leaving and stride == 1
        self.around = nn.Identity() if is_same else nn.Conv2d(entering, leaving, 1, stride, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(self.first(image))) + self.around(image))
