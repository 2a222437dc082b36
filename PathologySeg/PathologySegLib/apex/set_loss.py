"""Queries matched with what is to be found, and how far each is from it (Mask2Former's losses; thesis, 4.1.1.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, distributed
from torch.nn import functional

from PathologySegLib.apex.decoding import Queries
from PathologySegLib.apex.loss_weights import LossWeights
from PathologySegLib.apex.points import Points
from PathologySegLib.apex.targets import Segments


def set_loss(
    layers: Sequence[Queries], segments: Sequence[Segments], weights: LossWeights, importance: Tensor | None = None
) -> Tensor:
    """The weighted losses of all layers summed; the masks' are means over the masks of all processes' images.

    `importance` is what each class counts (thesis, 4.1.1.2, gamma): 1 each unless given.
    """
    classes = layers[0].classes.shape[-1] - 1
    counts = torch.ones(classes + 1, device=layers[0].classes.device)
    if importance is not None:
        counts[:classes] = importance
    counts[classes] = weights.nothing
    points = [Points(image, weights.points) for image in segments]
    masks = _of_all_processes(sum(len(image.classes) for image in segments), layers[0].classes).clamp(min=1.0)
    total = layers[0].classes.sum() * 0.0
    for said in (Queries(one.classes.float(), one.masks.float()) for one in layers):
        pairs = [match(one, image, weights, place) for one, image, place in zip(_images(said), segments, points,
                                                                                strict=True)]  # fmt: skip
        total = total + weights.classes * _class_loss(said.classes, segments, pairs, counts)
        for image, (target, (rows, columns)) in enumerate(zip(segments, pairs, strict=True)):
            if len(rows):
                mask, dice = _mask_losses(said.masks[image, rows], columns, points[image])
                own = counts[target.classes[columns]]
                total = total + (own * (weights.mask * mask + weights.dice * dice)).sum() / masks
    return total


@torch.no_grad()
def match(said: Queries, target: Segments, weights: LossWeights, points: Points) -> tuple[Tensor, Tensor]:
    """Which query (first) answers for which segment (second): the cheapest assignment, by class, pixels and overlap."""
    if not len(target.classes):
        nobody = target.classes.new_zeros(0)
        return nobody, nobody
    chances = said.classes.softmax(-1)[:, target.classes]
    logits, wanted = points.common(said.masks)
    inside, overlap = wanted.T, logits.sigmoid() @ wanted.T
    mask = (functional.softplus(-logits) @ inside + functional.softplus(logits) @ (1 - inside)) / logits.shape[1]
    sizes = logits.sigmoid().sum(1)[:, None] + wanted.sum(1)[None]
    dice = 1 - (2 * overlap + 1) / (sizes + 1)
    cost = weights.mask * mask + weights.dice * dice - weights.classes * chances
    rows, columns = linear_sum_assignment(torch.nan_to_num(cost, nan=1e9, posinf=1e9, neginf=1e9).cpu().numpy())
    return torch.as_tensor(rows, device=cost.device), torch.as_tensor(columns, device=cost.device)


def _class_loss(
    classes: Tensor, segments: Sequence[Segments], pairs: Sequence[tuple[Tensor, Tensor]], counts: Tensor
) -> Tensor:
    """Cross-entropy of all queries, those without a segment wanting to be nothing; weighed by class."""
    wanted = torch.full(classes.shape[:2], classes.shape[-1] - 1, device=classes.device)
    for image, (target, (rows, columns)) in enumerate(zip(segments, pairs, strict=True)):
        wanted[image, rows] = target.classes[columns]
    surprise = functional.cross_entropy(classes.transpose(1, 2), wanted, weight=counts, reduction="sum")
    return surprise / _of_all_processes(counts[wanted].sum(), classes)


def _mask_losses(logits: Tensor, columns: Tensor, points: Points) -> tuple[Tensor, Tensor]:
    """By mask the mean cross-entropy of its places, and one minus its soft Dice (smoothed by 1)."""
    found, wanted = points.own(logits, columns)
    mask = functional.binary_cross_entropy_with_logits(found, wanted, reduction="none").mean(1)
    chances = found.sigmoid()
    dice = 1 - (2 * (chances * wanted).sum(1) + 1) / (chances.sum(1) + wanted.sum(1) + 1)
    return mask, dice


def _of_all_processes(count: Tensor | float, like: Tensor) -> Tensor:
    """A count as the mean of all processes', so that their averaged gradients are those of one large batch."""
    mean = torch.as_tensor(count, dtype=torch.float32, device=like.device).detach().clone()
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(mean)
        mean /= distributed.get_world_size()
    return mean


def _images(said: Queries) -> list[Queries]:
    return [Queries(classes, masks) for classes, masks in zip(said.classes, said.masks, strict=True)]
