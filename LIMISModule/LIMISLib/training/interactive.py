"""Learning to be corrected: a first pass without clicks, clicks where it was wrong, and a second pass that sees both.

As ScribblePrompt was trained (Wong et al., ECCV 2024), but with one round of clicks. Importing this imports torch.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LIMISLib.segmenters.prompted import BEFORE, NEGATIVE, POSITIVE
from LIMISLib.training.slice_examples import MOST_CLICKS

_SHOWN = 5
_SMOOTH = 1.0
_PRELU = 0.25  # what its slope begins with


class Interactive(nn.Module):
    """The network as it is trained, on examples of `SliceExamples` (batch, 7, row, column)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, examples: Tensor) -> Tensor:
        shown = examples[:, :_SHOWN].clone()
        clicked = torch.nonzero(examples[:, _SHOWN + 1].amax((1, 2)) > 0).flatten()
        if len(clicked):
            shown[clicked] = self._corrected(examples[clicked])
        return cast(Tensor, self.network(shown.contiguous(memory_format=torch.channels_last)))

    @torch.no_grad()
    def _corrected(self, examples: Tensor) -> Tensor:
        """What the network is shown after its first pass: the logits, and clicks where they were wrong."""
        shown = examples[:, :_SHOWN].clone()
        logits = self.network(shown)
        shown[:, BEFORE] = logits[:, 0]
        for one, structure, noise in zip(shown, examples[:, _SHOWN] > 0.5, examples[:, _SHOWN + 1], strict=True):
            put_clicks(one, structure, noise)
        return shown


def initialised(network: nn.Module) -> None:
    """Nothing; convolutions begin with weights that keep the signal's size through PReLUs (doi 10.1109/ICCV.2015.123).

    Without norms, torch's own beginning left the network at blobs in the middle of the box for 600 steps; with this one
    it left them after 120.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=_PRELU)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def put_clicks(shown: Tensor, structure: Tensor, noise: Tensor) -> None:
    """Nothing; `shown` (5, row, column) has clicks in the places of highest noise among those where it is wrong."""
    wrong = (shown[BEFORE] > 0) != structure
    count = min(int(torch.ceil(noise.max() * MOST_CLICKS - 1e-3)), int(wrong.sum()))
    for place in torch.where(wrong, noise, torch.zeros_like(noise)).flatten().topk(count).indices.tolist():
        row, column = divmod(place, structure.shape[1])
        shown[POSITIVE if structure[row, column] else NEGATIVE, row, column] = 1.0


def binary_dice_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean soft Dice of the examples, for one logit a pixel.

    >>> logits = torch.tensor([[[[20.0, -20.0]]]])
    >>> binary_dice_cross_entropy(logits, torch.tensor([[[1, 0]]])).item() < 1e-6
    True
    """
    wanted = target[:, None].float()
    chances = torch.sigmoid(logits)
    shared = (chances * wanted).sum((1, 2, 3))
    total = chances.sum((1, 2, 3)) + wanted.sum((1, 2, 3))
    dice = (2 * shared + _SMOOTH) / (total + _SMOOTH)
    return functional.binary_cross_entropy_with_logits(logits, wanted) + 1.0 - dice.mean()
