"""Attention that weighs places and channels of a feature map before two maps are fused (thesis, 4.2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_KERNEL, _REDUCTION = 7, 16


class SpatialAttention(nn.Module):
    """Each place times a weight from 0 to 1, from its mean and maximum over channels (CBAM, doi
    10.1007/978-3-030-01234-2_1)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(2, 1, _KERNEL, padding=_KERNEL // 2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        told = torch.cat((features.mean(1, keepdim=True), features.amax(1, keepdim=True)), 1)
        return features * torch.sigmoid(self.convolution(told))


class ChannelAttention(nn.Module):
    """Each channel times a weight from 0 to 1, from the means of all (squeeze and excitation, arXiv 1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // _REDUCTION)
        self.weights = nn.Sequential(nn.Linear(channels, narrow), nn.ReLU(), nn.Linear(narrow, channels), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        weights: Tensor = self.weights(features.mean((2, 3, 4)))
        return features * weights[:, :, None, None, None]
