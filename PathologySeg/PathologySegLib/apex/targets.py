"""Layers of a target picture as the masks and classes that queries are matched with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Segments(NamedTuple):
    """An image's masks (segments, height, width) and their classes (segments), counted from 0."""

    classes: Tensor
    masks: Tensor


def segments_of(layers: Tensor) -> Segments:
    """The masks of an image's layers (layers, height, width): each value above 0 of a layer is class value - 1.

    A label map is one layer; instances that may overlap or have the same class have a layer each.

    >>> found = segments_of(torch.tensor([[[0, 2], [1, 2]], [[0, 1], [0, 0]]]))
    >>> found.classes.tolist(), found.masks.int().tolist()
    ([0, 1, 0], [[[0, 0], [1, 0]], [[0, 1], [0, 1]], [[0, 1], [0, 0]]])
    """
    classes, masks = [], []
    for layer in layers:
        for value in torch.unique(layer).tolist():
            if value > 0:
                classes.append(value - 1)
                masks.append(layer == value)
    if not masks:
        return Segments(layers.new_zeros(0), torch.zeros(0, *layers.shape[1:], dtype=torch.bool, device=layers.device))
    return Segments(torch.tensor(classes, device=layers.device), torch.stack(masks))


def pasted(anatomy: Tensor, pathology: Tensor, anatomy_classes: int) -> Tensor:
    """Label maps with pathology on top of anatomy, as further classes (thesis, 4.1.1.2, multitask prediction).

    >>> pasted(torch.tensor([[3, 2, 0]]), torch.tensor([[0, 1, 0]]), 5).tolist()
    [[3, 6, 0]]
    """
    return torch.where(pathology > 0, pathology + anatomy_classes, anatomy)


def batch_of_segments(target: Tensor, layers: Sequence[int]) -> list[Segments]:
    """By image of a target (batch, layers, height, width) the masks of the chosen layers."""
    return [segments_of(image[list(layers)]) for image in target]
