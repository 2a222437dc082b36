"""The fusion block: a lesion network's features look at a frozen anatomy network's (thesis, 4.2.2, Figure 25)."""

from __future__ import annotations

from typing import cast

import torch
from AnatomyGuidedLib.errors import UsageError
from torch import Tensor, nn
from torch.nn import functional

from PathologySegLib.grasp.attention import ChannelAttention, SpatialAttention
from PathologySegLib.grasp.heads import attended

BLOCKS = ("add-norm", "plain")


class Align(nn.Module):
    """Anatomy's features with the lesion network's channels and shape: a pointwise convolution, then pooling."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(entering, leaving, 1)

    def forward(self, features: Tensor, shape: torch.Size) -> Tensor:
        depth, height, width = shape
        return functional.adaptive_avg_pool3d(self.convolution(features), (depth, height, width))


class TransformerBlock(nn.Module):
    """Lesion tokens (batch, tokens, channels) after attention among themselves, then to anatomy's tokens.

    "plain" is attention alone, as the text's formula; "add-norm" adds what entered and normalises after each, as the
    Transformer that the text cites does (arXiv 1706.03762).

    Raises:
        UsageError: The heads do not divide the channels, or the kind of block is unknown.
    """

    def __init__(self, channels: int, heads: int, block: str = "add-norm") -> None:
        super().__init__()
        if channels % heads:
            raise UsageError(f"The fusion has {heads} heads, which must divide the level's {channels} channels.")
        if block not in BLOCKS:
            raise UsageError(f"The fusion's block is {block!r}, but one of {', '.join(BLOCKS)} was expected.")
        self.among = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.across = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2)) if block == "add-norm" else None

    def forward(self, lesions: Tensor, anatomy: Tensor) -> Tensor:
        lesions = self._joined(0, lesions, attended(self.among, lesions, lesions))
        return self._joined(1, lesions, attended(self.across, lesions, anatomy))

    def _joined(self, place: int, entered: Tensor, found: Tensor) -> Tensor:
        return found if self.norms is None else cast(Tensor, self.norms[place](entered + found))


class AnatomyFusion(nn.Module):
    """Lesion features, of which a learned share (a half at first) is replaced by what they find in anatomy's features.

    >>> fusion = AnatomyFusion(8, 4)
    >>> fusion(torch.zeros(1, 8, 2, 2, 2), torch.zeros(1, 4, 4, 4, 4)).shape, fusion.gate.item()
    (torch.Size([1, 8, 2, 2, 2]), 0.5)
    """

    def __init__(self, channels: int, anatomy_channels: int, *, heads: int = 8, block: str = "add-norm") -> None:
        super().__init__()
        self.align = Align(anatomy_channels, channels)
        self.of_lesions = nn.Sequential(SpatialAttention(), ChannelAttention(channels))
        self.of_anatomy = nn.Sequential(SpatialAttention(), ChannelAttention(channels))
        self.transformer = TransformerBlock(channels, heads, block)
        self.weight = nn.Parameter(torch.zeros(()))

    @property
    def gate(self) -> Tensor:
        """The share that is replaced, 0 to 1."""
        return torch.sigmoid(self.weight)

    def forward(self, lesions: Tensor, anatomy: Tensor) -> Tensor:
        aligned = self.align(anatomy, lesions.shape[2:])
        found: Tensor = self.transformer(_tokens(self.of_lesions(lesions)), _tokens(self.of_anatomy(aligned)))
        return self.gate * found.transpose(1, 2).reshape(lesions.shape) + (1 - self.gate) * lesions


def _tokens(features: Tensor) -> Tensor:
    return features.flatten(2).transpose(1, 2)
