"""Mask2Former's parts, each with the initial weights that it has in the whole model."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn

from PathologySegLib.apex.backbone import Backbone, resnet_config
from PathologySegLib.apex.quiet import quiet
from PathologySegLib.apex.shape import Shape


class Parts(NamedTuple):
    """A whole Mask2Former taken apart; naked parts would leave embeddings of levels without a value."""

    backbone: Backbone
    pixel_decoder: nn.Module
    transformer: nn.Module


def build_parts(shape: Shape) -> Parts:
    """Parts with random weights; no dropout, since any of it skips whole layers of transformers' decoder."""
    model = mask2former(shape)
    return Parts(Backbone(model.pixel_level_module.encoder, shape), model.pixel_level_module.decoder,
                 model.transformer_module)  # fmt: skip


def mask2former(shape: Shape) -> Any:
    """transformers' whole Mask2FormerModel in this size, but with the ResNet's own strides."""
    from transformers import Mask2FormerConfig, Mask2FormerModel

    with quiet("transformers.models.mask2former.configuration_mask2former"):
        config = Mask2FormerConfig(
            backbone_config=resnet_config(shape),
            feature_size=shape.hidden,
            mask_feature_size=shape.hidden,
            hidden_dim=shape.hidden,
            encoder_layers=shape.pixel_layers,
            encoder_feedforward_dim=shape.pixel_feedforward,
            decoder_layers=shape.layers + 1,  # transformers counts the prediction before the first layer
            dim_feedforward=shape.feedforward,
            num_attention_heads=shape.heads,
            num_queries=shape.queries,
            feature_strides=list(shape.strides),
            common_stride=shape.stem,
            dropout=0.0,
        )
        return Mask2FormerModel(config)
