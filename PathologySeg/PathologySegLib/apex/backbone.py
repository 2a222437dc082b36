"""The ResNet that sees the image, from transformers: at the strides of the network's shape."""

from __future__ import annotations

from typing import Any, Self

from AnatomyGuidedLib.errors import AnatomyGuidedError
from torch import Tensor, nn

from PathologySegLib.apex.shape import Shape

STAGES = ("stage1", "stage2", "stage3", "stage4")
NEEDS_TRANSFORMERS = (
    "APEx needs transformers, which is not installed: pip install 'slicer-anatomy-guided[networks,transformers]'."
)


def resnet_config(shape: Shape) -> Any:
    """The configuration that transformers builds the backbone of.

    Raises:
        AnatomyGuidedError: transformers is missing.
    """
    try:
        from transformers import ResNetConfig
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TRANSFORMERS) from error
    settings: dict[str, Any] = {
        "num_channels": shape.channels,
        "embedding_size": shape.embedding,
        "hidden_sizes": list(shape.features),
        "depths": list(shape.depths),
        "layer_type": shape.block,
        "out_features": list(STAGES),
    }
    return ResNetConfig(**settings)


def at_strides(resnet: Any, shape: Shape) -> Any:
    """The same backbone, its first stage at the shape's stride: without pooling at 2, and without a step at 1."""
    if shape.stem < 4:
        resnet.embedder.pooler = nn.Identity()
    if shape.stem < 2:
        resnet.embedder.embedder.convolution.stride = (1, 1)
    return resnet


class Backbone(nn.Module):
    """Feature maps (batch, features, height, width) of an image, the finest first."""

    def __init__(self, resnet: Any, shape: Shape) -> None:
        super().__init__()
        self.resnet = at_strides(resnet, shape)
        self._still = shape.still_norms

    def forward(self, image: Tensor) -> list[Tensor]:
        return list(self.resnet(image).feature_maps)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self._still:
            for norm in self.modules():
                if isinstance(norm, nn.BatchNorm2d):
                    norm.eval()
        return self
