"""What the small finder's network is taught: middles by a focal loss, edges by the generalised overlap of boxes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from LIMISLib.finding.network import STRIDE

_EDGE_WEIGHT, _DISTANCE_WEIGHT = 1.0, 0.5
_SPREAD = 0.15  # of the box's sides: how far from its middle a place still counts, as a deviation
_NARROWEST = 0.6  # places
_COUNTS_FROM = 0.3


def box_loss(found: Tensor, boxes: Tensor) -> Tensor:
    """The loss of the network's output for boxes (batch, classes, 4) in pixels; a class that is absent has zeros.

    Middles: the penalty-reduced focal loss of CornerNet and CenterNet (doi 10.1007/s11263-019-01204-1); edges: one
    minus the generalised IoU (arXiv 1902.09630), and their distances.
    """
    rows, columns = found.shape[-2:]
    is_there = boxes[..., 2] > boxes[..., 0]
    places = places_of(rows, columns, found.device)
    nearness = _nearness(boxes.float(), places) * is_there[..., None, None]
    weights = nearness * (nearness > _COUNTS_FROM)
    total = weights.sum().clamp(min=1.0)
    wanted = boxes.float()[..., None, None].expand(*boxes.shape, rows, columns)
    edges = edges_at(found[:, :, 1:], places)
    overlap = generalised_iou(edges.movedim(2, -1), wanted.movedim(2, -1))
    apart = functional.smooth_l1_loss(edges / STRIDE, wanted / STRIDE, reduction="none", beta=0.3).mean(2)
    of_edges = ((_EDGE_WEIGHT * (1 - overlap) + _DISTANCE_WEIGHT * apart) * weights).sum() / total
    return _focal(found[:, :, 0], nearness, is_there.sum()) + of_edges


def edges_at(distances: Tensor, places: Tensor) -> Tensor:
    """Boxes in pixels (batch, classes, 4, rows, columns) from outward distances at places (2: x, y; rows, columns)."""
    x, y = places
    left, top, right, bottom = (distances[:, :, number] * STRIDE for number in range(4))
    return torch.stack((x - left, y - top, x + right, y + bottom), 2)


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """IoU minus the share of the common hull that neither box fills; boxes lie on the last axis.

    >>> apart = torch.tensor([2.0, 0.0, 3.0, 1.0])
    >>> round(generalised_iou(torch.tensor([0.0, 0.0, 1.0, 1.0]), apart).item(), 4)
    -0.3333
    """
    low, high = torch.maximum(one[..., :2], other[..., :2]), torch.minimum(one[..., 2:], other[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).clamp(min=1e-3).prod(-1) for box in (one, other)]
    union = areas[0] + areas[1] - shared
    hull = (torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])).prod(-1)
    hull = torch.maximum(hull, union)
    return shared / union - (hull - union) / hull


def places_of(rows: int, columns: int, device: torch.device) -> Tensor:
    """Middles of the output's places, in pixels of the input: x and y (2, rows, columns)."""
    y, x = ((torch.arange(count, device=device, dtype=torch.float32) + 0.5) * STRIDE for count in (rows, columns))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def _nearness(boxes: Tensor, places: Tensor) -> Tensor:
    """1 at the place that holds the box's middle, falling off around it (batch, classes, rows, columns)."""
    x, y = places / STRIDE
    middles = (boxes[..., :2] + boxes[..., 2:]) / (2 * STRIDE)
    middles = middles.floor() + 0.5
    spread = ((boxes[..., 2:] - boxes[..., :2]) * (_SPREAD / STRIDE)).clamp(min=_NARROWEST)
    across = ((x - middles[..., 0, None, None]) / spread[..., 0, None, None]) ** 2
    down = ((y - middles[..., 1, None, None]) / spread[..., 1, None, None]) ** 2
    return torch.exp(-(across + down) / 2)


def _focal(logits: Tensor, nearness: Tensor, count: Tensor) -> Tensor:
    chance = logits.sigmoid()
    is_middle = nearness > 0.999
    at_middles = -functional.logsigmoid(logits) * (1 - chance) ** 2
    elsewhere = -functional.logsigmoid(-logits) * chance**2 * (1 - nearness) ** 4
    return torch.where(is_middle, at_middles, elsewhere).sum() / count.clamp(min=1)
