"""Losses for label maps of many classes, without a one-hot copy of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_SMOOTH = 1e-5


def dice_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean soft Dice of the classes that occur in the target.

    A class weighs as the square root of its voxels in the cross-entropy, so that small structures are learned early.
    Probabilities are gathered at each voxel's own class: nothing of the size classes x volume is made but the softmax.
    Dice is taken over the whole batch.

    >>> logits = torch.tensor([[[20.0, -20.0], [-20.0, 20.0]]])  # one image, two classes, two voxels
    >>> dice_cross_entropy(logits, torch.tensor([[0, 1]])).item() < 1e-6
    True
    """
    log_chances = functional.log_softmax(logits.flatten(2).float(), 1)
    labels = target.flatten(1)
    of_own = log_chances.gather(1, labels[:, None])[:, 0]
    voxels = torch.bincount(labels.flatten(), minlength=logits.shape[1]).to(of_own.dtype)
    surprise = _by_class(-of_own, labels, voxels)
    weights = voxels.sqrt()
    cross_entropy = (surprise * weights).sum() / weights.sum()
    shared = _by_class(of_own.exp(), labels, voxels) * voxels
    dice = (2 * shared + _SMOOTH) / (log_chances.exp().sum((0, 2)) + voxels + _SMOOTH)
    return cross_entropy + 1.0 - dice[voxels > 0].mean()


def deeply_supervised(found: Tensor | Sequence[Tensor], target: Tensor) -> Tensor:
    """The loss at full resolution plus half of the next coarser one, a quarter of the next: weights that sum to 1.

    Targets of coarser stages are every n-th voxel, as nnU-Net takes them.
    """
    if isinstance(found, Tensor):
        return dice_cross_entropy(found, target)
    weights = [0.5**stage for stage in range(len(found))]
    losses = [dice_cross_entropy(logits, _coarser(target, logits)) for logits in found]
    weighed = torch.stack([weight * loss for weight, loss in zip(weights, losses, strict=True)])
    return weighed.sum() / sum(weights)


def _by_class(values: Tensor, labels: Tensor, voxels: Tensor) -> Tensor:
    """The mean value of each class's own voxels; 0 where it has none."""
    totals = torch.zeros_like(voxels).index_add(0, labels.flatten(), values.flatten())
    return totals / voxels.clamp(min=1)


def _coarser(target: Tensor, logits: Tensor) -> Tensor:
    size = logits.shape[2:]
    return functional.interpolate(target[:, None].float(), size=size, mode="nearest-exact")[:, 0].long()
