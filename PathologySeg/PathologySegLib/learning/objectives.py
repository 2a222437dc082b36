"""What an arm learns by: lesions alone, lesions among organs in one label map, or both in two (thesis, 4.2.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.losses import dice_cross_entropy
from torch import Tensor
from torch.nn import functional

from PathologySegLib.petct.anatomy_channels import group_names

Loss = Callable[[Tensor, Tensor], Tensor]

MULTI_CLASS = ("multi-class-standard", "multi-class-tumour", "multi-class-patch")
MULTI_TASK = "multi-task"
OBJECTIVES = ("lesions", *MULTI_CLASS, MULTI_TASK)

_SMOOTH = 1e-5
_ABSENT, _ORGAN, _TUMOUR = 0.1, 1.0, 5.0  # the thesis gives the order of the weights, not their values


def classes_of(objective: str) -> int:
    """How many classes the network has: two, or the groups and the tumour as the last.

    Raises:
        UsageError: The objective is unknown.
    """
    if objective not in OBJECTIVES:
        raise UsageError(f"The objective is {objective!r}, but one of {', '.join(OBJECTIVES)} was expected.")
    return len(group_names()) + 2 if objective in MULTI_CLASS else 2


def loss_of(objective: str, *, even: bool) -> Callable[[Any, Tensor], Tensor]:
    """The loss of a network's logits (or list of them) and the target of `patches.LesionPatches`.

    `even` weighs all voxels alike, as the thesis's DiceCE does; otherwise each class by the root of its voxels, which
    learns small lesions in fewer steps.
    """
    if objective in MULTI_CLASS:
        weigh = {MULTI_CLASS[0]: _standard, MULTI_CLASS[1]: _tumour_focused, MULTI_CLASS[2]: patch_aware}[objective]
        return at_each_resolution(lambda logits, target: _among_organs(logits, target, weigh))
    return at_each_resolution(lesion_loss(even=even))


def lesion_loss(*, even: bool) -> Loss:
    """The loss of two classes, from the target's lesions."""
    if not even:
        return lambda logits, target: _of_each_image(logits, target % 2)
    return lambda logits, target: weighted_dice_ce(logits, target % 2, logits.new_ones(logits.shape[:2]))


def organ_loss(logits: Tensor, target: Tensor) -> Tensor:
    """The loss of the anatomical groups, from the target's; many classes, so each counts as in `dice_cross_entropy`."""
    return _of_each_image(logits, target // 2)


def at_each_resolution(loss: Loss) -> Callable[[Tensor | Sequence[Tensor], Tensor], Tensor]:
    """The loss at full resolution plus half of the next coarser one, and so on: weights that sum to 1."""

    def over_all(found: Tensor | Sequence[Tensor], target: Tensor) -> Tensor:
        logits = [found] if isinstance(found, Tensor) else list(found)
        weights = [0.5**stage for stage in range(len(logits))]
        losses = [weight * loss(one, _coarser(target, one)) for weight, one in zip(weights, logits, strict=True)]
        return torch.stack(losses).sum() / sum(weights)

    return over_all


def weighted_dice_ce(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy plus one minus the soft Dice, in each image means over voxels or classes weighted by class.

    `weights` are (images, classes). A class that does not occur counts in Dice as the others do. A batch's loss is the
    mean of its images', whatever else is in it: so it is the same on however many processes they are.

    >>> logits = torch.tensor([[[20.0, -20.0], [-20.0, 20.0]]])  # one image, two classes, two voxels
    >>> weighted_dice_ce(logits, torch.tensor([[0, 1]]), torch.ones(1, 2)).item() < 1e-6
    True
    """
    log_chances = functional.log_softmax(logits.flatten(2).float(), 1)
    labels, weights = target.flatten(1), weights.float()
    images = zip(log_chances, labels, weights, strict=True)
    each = [functional.nll_loss(chances[None], own[None], weight) for chances, own, weight in images]
    cross_entropy = torch.stack(each).mean()
    of_own = log_chances.gather(1, labels[:, None])[:, 0].exp()
    none = log_chances.new_zeros(logits.shape[:2])
    voxels, shared = none.scatter_add(1, labels, torch.ones_like(of_own)), none.scatter_add(1, labels, of_own)
    dice = (2 * shared + _SMOOTH) / (log_chances.exp().sum(2) + voxels + _SMOOTH)
    return cross_entropy + 1.0 - ((dice * weights).sum(1) / weights.sum(1)).mean()


def patch_aware(target: Tensor, classes: int) -> Tensor:
    """Each patch's weights by what it holds: absent classes count little, organs 1, the tumour (the last class) most.

    >>> patch_aware(torch.tensor([[0, 2], [1, 1]]), 4).tolist()
    [[1.0, 0.10000000149011612, 1.0, 5.0], [0.10000000149011612, 1.0, 0.10000000149011612, 5.0]]
    """
    weights = torch.full((len(target), classes), _ABSENT, device=target.device)
    weights.scatter_(1, target.flatten(1), _ORGAN)
    weights[:, -1] = _TUMOUR
    return weights


def _of_each_image(logits: Tensor, target: Tensor) -> Tensor:
    """The mean of the images' `dice_cross_entropy`: the same on however many processes they are."""
    each = [dice_cross_entropy(found[None], own[None]) for found, own in zip(logits, target, strict=True)]
    return torch.stack(each).mean()


def _standard(target: Tensor, classes: int) -> Tensor:
    return torch.full((len(target), classes), _ORGAN, device=target.device)


def _tumour_focused(target: Tensor, classes: int) -> Tensor:
    weights = _standard(target, classes)
    weights[:, -1] = _TUMOUR
    return weights


def _among_organs(logits: Tensor, target: Tensor, weigh: Callable[[Tensor, int], Tensor]) -> Tensor:
    classes = logits.shape[1]
    joined = torch.where(target % 2 == 1, classes - 1, target // 2)
    return weighted_dice_ce(logits, joined, weigh(joined, classes))


def _coarser(target: Tensor, logits: Tensor) -> Tensor:
    if target.shape[1:] == logits.shape[2:]:
        return target
    size = logits.shape[2:]
    return functional.interpolate(target[:, None].float(), size=size, mode="nearest-exact")[:, 0].long()
