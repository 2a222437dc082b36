"""A first guess that lesions are rare, so that a short training need not learn that (doi 10.1109/ICCV.2017.324)."""

from __future__ import annotations

from math import log

import torch
from torch import nn


@torch.no_grad()
def start_with_prior(network: nn.Module, classes: int, share: float) -> None:
    """Nothing; where its heads' weights say nothing, the network calls so large a share the last class.

    >>> head = nn.Conv3d(4, 2, 1)
    >>> start_with_prior(head, 2, 0.02)
    >>> round(head.bias.softmax(0)[1].item(), 3)
    0.02
    """
    for part in network.modules():
        if isinstance(part, nn.Conv3d | nn.ConvTranspose3d) and part.out_channels == classes and part.bias is not None:
            part.bias.fill_(log((1 - share) / (classes - 1)))
            part.bias[-1] = log(share)
