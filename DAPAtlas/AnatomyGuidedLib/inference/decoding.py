"""From logits to labels: the largest one, or nnU-Net's regions; and which classes can be largest at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Decoder(Protocol):
    """How labels are read from logits (classes, *space), whose classes may be fewer than the network's."""

    @property
    def values(self) -> Sequence[int]:
        """The labels that there can be."""
        ...

    def candidates(self, logits: Tensor) -> Tensor:
        """The classes (numbers) that interpolation between these logits can make the label."""
        ...

    def labels(self, logits: Tensor, classes: Tensor) -> Tensor:
        """The label (*space) of logits of these classes, in the values that the user wants."""
        ...

    def chances(self, logits: Tensor) -> Tensor:
        """The probabilities of all classes from all logits."""
        ...


@dataclass(frozen=True)
class Largest:
    """One label a voxel: that of the largest logit; `values` holds each class's label."""

    values: tuple[int, ...]

    def candidates(self, logits: Tensor) -> Tensor:
        """A class is out where, around every point, another one's smallest logit is above its largest.

        An interpolated logit lies between those of the voxels around it, so such a class is never the largest.
        """
        highest = _around(logits)
        lowest = -_around(-logits)
        possible = (highest >= lowest.amax(0)).flatten(1).any(1)
        return possible.nonzero()[:, 0]

    def labels(self, logits: Tensor, classes: Tensor) -> Tensor:
        return torch.tensor(self.values, device=logits.device)[classes][logits.argmax(0)]

    def chances(self, logits: Tensor) -> Tensor:
        return logits.float().softmax(0)


@dataclass(frozen=True)
class Regions:
    """nnU-Net's regions, each with a logit of its own: where one is above 0 its value is written, later ones over it.

    `values` are in the order of the network's channels (dataset.json's `regions_class_order`).
    """

    values: Sequence[int]

    def candidates(self, logits: Tensor) -> Tensor:
        return torch.arange(len(self.values), device=logits.device)

    def labels(self, logits: Tensor, classes: Tensor) -> Tensor:  # noqa: ARG002
        found = torch.zeros(logits.shape[1:], dtype=torch.long, device=logits.device)
        for value, region in zip(self.values, logits, strict=True):
            found[region > 0] = value
        return found

    def chances(self, logits: Tensor) -> Tensor:
        return logits.float().sigmoid()


def _around(logits: Tensor) -> Tensor:
    """The largest value of each 2 x 2 x 2 voxels (fewer along an axis of one voxel)."""
    size = tuple(min(2, n) for n in logits.shape[1:])
    return functional.max_pool3d(logits.float()[None], size, stride=1)[0]
