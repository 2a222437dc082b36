"""ScribblePrompt's U-Net in plain torch, with the key names of its published weights (Wong et al., ECCV 2024).

One 3 x 3 convolution and one PReLU a level, max pooling down, bilinear interpolation with aligned corners up. The
published network has four levels of 192 features each; ours may have other levels, and features that differ by level.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

CHANNELS = 5  # image, box, positive clicks, negative clicks, logits of the mask before
PUBLISHED_FEATURES = (192, 192, 192, 192)


class ScribblePromptUNet(nn.Module):
    """One logit (batch, 1, row, column) a pixel of (batch, 5, row, column); sides are multiples of 2 ** levels."""

    def __init__(self, features: tuple[int, ...] = PUBLISHED_FEATURES, channels: int = CHANNELS) -> None:
        super().__init__()
        entering = (channels, *features[:-1])
        below = (*features[1:], features[-1])
        self.pool = nn.MaxPool2d(2)
        self.downs = nn.ModuleList(_Level(one, other) for one, other in zip(entering, features, strict=True))
        self.bottleneck = _Level(features[-1], features[-1])
        self.ups = nn.ModuleList(_interleaved(zip(features[::-1], below[::-1], strict=True)))
        self.final_conv = _Level(features[0], 1, kernel=1, bends=False)

    def forward(self, prompted: Tensor) -> Tensor:
        seen = []
        for down in self.downs:
            prompted = down(prompted)
            seen.append(prompted)
            prompted = self.pool(prompted)
        found = self.bottleneck(prompted)
        for place, level in enumerate(reversed(seen)):
            larger = self.ups[2 * place](found)
            found = self.ups[2 * place + 1](torch.cat((level, larger), 1))
        return cast(Tensor, self.final_conv(found))


class _Level(nn.Module):
    def __init__(self, entering: int, leaving: int, *, kernel: int = 3, bends: bool = True) -> None:
        super().__init__()
        convolution = nn.Conv2d(entering, leaving, kernel, padding=kernel // 2)
        self.conv = nn.Sequential(convolution, nn.PReLU()) if bends else nn.Sequential(convolution)

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.conv(image))


def _interleaved(pairs: Iterable[tuple[int, int]]) -> list[nn.Module]:
    """By level, from the deepest up: what doubles the size, then the convolution over both halves."""
    modules: list[nn.Module] = []
    for features, below in pairs:
        modules += [nn.UpsamplingBilinear2d(scale_factor=2), _Level(features + below, features)]
    return modules
