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

Pairs = tuple[Tensor, Tensor]  # query (layers, pairs) and the segment that it answers for (layers, pairs)


def set_loss(
    layers: Sequence[Queries], segments: Sequence[Segments], weights: LossWeights, importance: Tensor | None = None
) -> Tensor:
    """The weighted losses of all layers summed; the masks' are means over the masks of all processes' images.

    `importance` is what each class counts (thesis, 4.1.1.2, gamma): 1 each unless given.
    """
    said = Queries(
        torch.stack([one.classes.float() for one in layers]), torch.stack([one.masks.float() for one in layers])
    )
    counts = _counts(said, weights, importance)
    points = [Points(target, weights.points) for target in segments]
    images = said.masks.unbind(1)
    pairs = [match(Queries(said.classes[:, image], images[image]), target, weights, points[image])
             for image, target in enumerate(segments)]  # fmt: skip
    total = weights.classes * _class_loss(said.classes, segments, pairs, counts)
    masks = _of_all_processes(torch.tensor(float(sum(len(target.classes) for target in segments))), said.classes)
    for image, (target, (rows, columns)) in enumerate(zip(segments, pairs, strict=True)):
        if rows.numel():
            chosen = images[image].gather(1, rows[..., None, None].expand(-1, -1, *said.masks.shape[3:]))
            mask, dice = _mask_losses(chosen.flatten(0, 1), columns.flatten(), points[image])
            own = counts[target.classes[columns.flatten()]]
            total = total + (own * (weights.mask * mask + weights.dice * dice)).sum() / masks.clamp(min=1.0)
    return total


@torch.no_grad()
def match(said: Queries, target: Segments, weights: LossWeights, points: Points) -> Pairs:
    """Who answers for what, in each layer: the cheapest assignment, by class, pixels and overlap.

    `said` is one image's: classes (layers, queries, classes), masks (layers, queries, height, width).
    """
    layers, queries = said.classes.shape[:2]
    if not len(target.classes):
        nobody = target.classes.new_zeros(layers, 0)
        return nobody, nobody
    chances = said.classes.softmax(-1)[..., target.classes]
    logits, wanted = points.common(said.masks.flatten(0, 1))
    inside = logits.sigmoid()
    mask = (functional.softplus(logits).sum(1, keepdim=True) - logits @ wanted.T) / logits.shape[1]
    dice = 1 - (2 * inside @ wanted.T + 1) / (inside.sum(1)[:, None] + wanted.sum(1)[None] + 1)
    cost = (weights.mask * mask + weights.dice * dice).view(layers, queries, -1) - weights.classes * chances
    table = torch.nan_to_num(cost, nan=1e9, posinf=1e9, neginf=1e9).cpu().numpy()
    found = [linear_sum_assignment(layer) for layer in table]
    rows, columns = (torch.stack([torch.as_tensor(pair[side]) for pair in found]) for side in (0, 1))
    return rows.to(cost.device), columns.to(cost.device)


def _counts(said: Queries, weights: LossWeights, importance: Tensor | None) -> Tensor:
    """What each class counts, and nothing at the end."""
    counts = torch.ones(said.classes.shape[-1], device=said.classes.device)
    if importance is not None:
        counts[:-1] = importance
    counts[-1] = weights.nothing
    return counts


def _class_loss(classes: Tensor, segments: Sequence[Segments], pairs: Sequence[Pairs], counts: Tensor) -> Tensor:
    """Cross-entropy of all queries, those without a segment wanting to be nothing; weighed by class, layer by layer."""
    wanted = torch.full(classes.shape[:3], classes.shape[-1] - 1, device=classes.device)
    for image, (target, (rows, columns)) in enumerate(zip(segments, pairs, strict=True)):
        wanted[:, image] = wanted[:, image].scatter(1, rows, target.classes[columns])
    surprise = -classes.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
    weights = counts[wanted]
    return ((weights * surprise).sum((1, 2)) / _of_all_processes(weights.sum((1, 2)), classes)).sum()


def _mask_losses(logits: Tensor, columns: Tensor, points: Points) -> tuple[Tensor, Tensor]:
    """By mask the mean cross-entropy of its places, and one minus its soft Dice (smoothed by 1)."""
    found, wanted = points.own(logits, columns)
    mask = functional.binary_cross_entropy_with_logits(found, wanted, reduction="none").mean(1)
    chances = found.sigmoid()
    dice = 1 - (2 * (chances * wanted).sum(1) + 1) / (chances.sum(1) + wanted.sum(1) + 1)
    return mask, dice


def _of_all_processes(count: Tensor, like: Tensor) -> Tensor:
    """Counts as the means of all processes', so that their averaged gradients are those of one large batch."""
    mean = count.detach().to(like.device, torch.float32).clone()
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(mean)
        mean /= distributed.get_world_size()
    return mean
