"""Where a voxel lies in the body, as two more channels: convolutions cannot tell left of the middle from right."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

_AIR, _SHARPNESS = -0.4, 30.0  # in units of 1000 HU, as our own models see a CT
_VOXELS = 32.0


class Positioned(nn.Module):
    """A network that also sees how far each voxel is from the middle of the body, along the first two axes.

    The middle is that of what is denser than air in the window at hand, so it needs no knowledge of the whole image.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        return cast("Tensor | list[Tensor]", self.network(self.with_places(image)))

    def with_places(self, image: Tensor) -> Tensor:
        """The image with its two more channels."""
        body = torch.sigmoid((image[:, :1] - _AIR) * _SHARPNESS)
        places = [_from_middle(body, dimension) for dimension in (2, 3)]
        return torch.cat((image, *places), 1)


def _from_middle(body: Tensor, dimension: int) -> Tensor:
    size = body.shape[dimension]
    along = torch.arange(size, dtype=body.dtype, device=body.device) - (size - 1) / 2
    places = along.reshape([-1 if place == dimension else 1 for place in range(5)])
    middle = (body * places).sum((2, 3, 4), keepdim=True) / (body.sum((2, 3, 4), keepdim=True) + 1.0)
    return ((places - middle) / _VOXELS).expand_as(body)
