"""The 2D networks that APEx is compared with: U-Net, DeepLabV3+ and MaskFormer (thesis, Tables 11 and 12)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from PathologySegLib.apex.backbone import Backbone, at_strides, resnet_config
from PathologySegLib.apex.decoding import Decoded, Queries
from PathologySegLib.apex.quiet import quiet
from PathologySegLib.apex.shape import Shape

_ATROUS = (1, 2, 3)  # the usual 6, 12, 18 are for features of 65 pixels; slices' have 4 to 16
_LOW_LEVEL = 48


def unet(shape: Shape, classes: int) -> nn.Module:
    """A 2D U-Net: logits of background and the classes at every pixel, and coarser ones, as our 3D one has them."""
    from AnatomyGuidedLib.networks.unet import UNet, UNetShape

    features = (shape.embedding, *shape.features)
    stages = len(features)
    return UNet(
        UNetShape(
            channels=shape.channels,
            classes=classes + 1,
            features=features,
            kernels=((3, 3),) * stages,
            strides=((1, 1), *((2, 2),) * (stages - 1)),
            encoder_blocks=(2,) * stages,
            decoder_blocks=(2,) * (stages - 1),
            deep_supervision=True,
        )
    )


class DeepLab(nn.Module):
    """DeepLabV3+ (Chen et al. 2018, doi 10.1007/978-3-030-01234-2_49) on the ResNet that the query networks have.

    Atrous pyramid pooling on the third stage's features, joined with the first stage's; logits of background and the
    classes at the image's size.
    """

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        from transformers import ResNetBackbone

        self.backbone = Backbone(ResNetBackbone(resnet_config(shape)), shape)
        deep, wide = shape.features[3], shape.hidden
        self.branches = nn.ModuleList(
            [_convolved(deep, wide, 1), *(_convolved(deep, wide, 3, dilation=rate) for rate in _ATROUS)]
        )
        self.whole = nn.Sequential(nn.Conv2d(deep, wide, 1), nn.ReLU())
        self.joined = _convolved(wide * (len(_ATROUS) + 2), wide, 1)
        self.low = _convolved(shape.features[0], _LOW_LEVEL, 1)
        self.decoder = nn.Sequential(_convolved(wide + _LOW_LEVEL, wide, 3), _convolved(wide, wide, 3))
        self.classifier = nn.Conv2d(wide, classes + 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        low, *_, deep = self.backbone(image)
        whole = self.whole(deep.mean((2, 3), keepdim=True)).expand(-1, -1, *deep.shape[2:])
        context = self.joined(torch.cat([*(branch(deep) for branch in self.branches), whole], 1))
        finer = functional.interpolate(context, size=low.shape[2:], mode="bilinear")
        decoded = self.classifier(self.decoder(torch.cat([finer, self.low(low)], 1)))
        return functional.interpolate(decoded, size=image.shape[2:], mode="bilinear")


class MaskFormer(nn.Module):
    """transformers' MaskFormer (Cheng et al. 2021, arXiv 2107.06278): queries that look at the coarsest features."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        from transformers import DetrConfig, MaskFormerConfig, MaskFormerModel

        resnet = resnet_config(shape)
        decoder = DetrConfig(
            backbone_config=resnet_config(shape),
            d_model=shape.hidden,
            decoder_layers=shape.layers,
            decoder_attention_heads=shape.heads,
            decoder_ffn_dim=shape.feedforward,
            num_queries=shape.queries,
            dropout=0.0,
            attention_dropout=0.0,
            activation_dropout=0.0,
        )
        with quiet("transformers"):
            config = MaskFormerConfig(
                backbone_config=resnet,
                decoder_config=decoder,
                fpn_feature_size=shape.hidden,
                mask_feature_size=shape.hidden,
            )
            model: Any = MaskFormerModel(config)
        at_strides(model.pixel_level_module.encoder, shape)
        self.model, self._shape = model, shape
        self.classifier = nn.Linear(shape.hidden, classes + 1)
        self.masks = nn.Sequential(
            nn.Linear(shape.hidden, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, shape.hidden), nn.ReLU(),
            nn.Linear(shape.hidden, shape.hidden),
        )  # fmt: skip

    @property
    def backbone(self) -> Backbone:
        """The ResNet, for weights that it begins with; transformers keeps it within the model."""
        return Backbone(self.model.pixel_level_module.encoder, self._shape)

    def forward(self, image: Tensor) -> Decoded:
        found = self.model(pixel_values=image, output_hidden_states=True)
        layers = found.transformer_decoder_hidden_states[1:]  # the first one is what the decoder was given
        said = [
            Queries(
                self.classifier(state),
                torch.einsum("bqc,bchw->bqhw", self.masks(state), found.pixel_decoder_last_hidden_state),
            )
            for state in layers
        ]
        return Decoded((tuple(said),))


def _convolved(entering: int, leaving: int, kernel: int, *, dilation: int = 1) -> nn.Module:
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(entering, leaving, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(leaving), nn.ReLU())
