"""An arm ready to learn: its network, what its answers cost, and what they say of lesions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from PathologySegLib.apex.decoding import Decoded, Queries
from PathologySegLib.apex.ladder import Arm
from PathologySegLib.apex.loss_weights import LossWeights
from PathologySegLib.apex.network import QueryNetwork
from PathologySegLib.apex.set_loss import set_loss
from PathologySegLib.apex.shape import Shape
from PathologySegLib.apex.targets import Segments, pasted, segments_of


@dataclass(frozen=True)
class Classes:
    """How many classes and how many layers of a target (the first ones anatomy's) each task has."""

    anatomy: int
    pathology: int = 1
    anatomy_layers: int = 1


@dataclass(frozen=True, eq=False)
class Segmenter:
    """The network; the loss of its answer beside a target; by image the chance of each pathology at each pixel."""

    network: nn.Module
    loss: Callable[[Any, Tensor], Tensor]
    chances: Callable[[Any, tuple[int, int]], Tensor]


def query_segmenter(arm: Arm, shape: Shape, classes: Classes, weights: LossWeights) -> Segmenter:
    """Mask2Former or APEx as the arm has it."""
    first = classes.anatomy_layers
    if arm.learned == "both":
        network = QueryNetwork(shape, (classes.anatomy, classes.pathology), arm.exchange)
        tasks: list[Callable[[Tensor], Segments]] = [lambda t: segments_of(t[:first]), lambda t: segments_of(t[first:])]
    elif arm.learned == "pasted":
        network = QueryNetwork(shape, (classes.anatomy + classes.pathology,))
        tasks = [lambda t: segments_of(pasted(t[:first], t[first:], classes.anatomy))]
    else:
        network = QueryNetwork(shape, (classes.pathology,))
        tasks = [lambda t: segments_of(t[first:])]

    def loss(found: Decoded, target: Tensor) -> Tensor:
        losses = [
            set_loss(said, [task(image) for image in target], weights, _importance(arm, classes, target))
            for said, task in zip(found.said, tasks, strict=True)
        ]
        return torch.stack(losses).sum()

    def chances(found: Decoded, size: tuple[int, int]) -> Tensor:
        return semantic_chances(found.said[-1][-1], size)[:, -classes.pathology :]

    return Segmenter(network, loss, chances)


def anatomy_segmenter(shape: Shape, classes: Classes, weights: LossWeights) -> Segmenter:
    """Mask2Former that learns anatomy alone, as the pretraining of Table 10."""

    def loss(found: Decoded, target: Tensor) -> Tensor:
        return set_loss(found.said[0], [segments_of(image[: classes.anatomy_layers]) for image in target], weights)

    network = QueryNetwork(shape, (classes.anatomy,))
    return Segmenter(network, loss, lambda found, size: semantic_chances(found.said[0][-1], size))


def semantic_chances(said: Queries, size: tuple[int, int]) -> Tensor:
    """By class the chance of each pixel (batch, classes, *size): what its queries say, by how sure they are of it."""
    kinds = said.classes.softmax(-1)[..., :-1]
    masks = functional.interpolate(said.masks, size=size, mode="bilinear").sigmoid()
    return torch.einsum("bqc,bqhw->bchw", kinds, masks).clamp(max=1.0)


def _importance(arm: Arm, classes: Classes, target: Tensor) -> Tensor | None:
    if arm.learned != "pasted" or arm.gamma == 1.0:
        return None
    counts = torch.ones(classes.anatomy + classes.pathology, device=target.device)
    counts[classes.anatomy :] = arm.gamma
    return counts
