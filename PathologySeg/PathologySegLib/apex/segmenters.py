"""From a recipe's arm to a segmenter: a query network of the ladder, or a rival."""

from __future__ import annotations

import torch
from AnatomyGuidedLib.learning.losses import deeply_supervised
from torch import Tensor, nn

from PathologySegLib.apex.decoding import Decoded
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.rivals import DeepLab, MaskFormer, unet
from PathologySegLib.apex.segmenter import Classes, Segmenter, query_segmenter, semantic_chances
from PathologySegLib.apex.set_loss import set_loss
from PathologySegLib.apex.targets import segments_of


def build_segmenter(recipe: ApexRecipe, classes: Classes) -> Segmenter:
    """The recipe's network with random weights."""
    arm = recipe.chosen_arm
    if arm.kind == "unet":
        return _pixelwise(unet(recipe.shape, classes.pathology), classes)
    if arm.kind == "deeplab":
        return _pixelwise(DeepLab(recipe.shape, classes.pathology), classes)
    if arm.kind == "maskformer":
        return _maskformer(recipe, classes)
    return query_segmenter(arm, recipe.shape, classes, recipe.loss)


def _pixelwise(network: nn.Module, classes: Classes) -> Segmenter:
    """Networks that classify pixels: cross-entropy and Dice of the first pathology layer."""

    def loss(found: Tensor | list[Tensor], target: Tensor) -> Tensor:
        return deeply_supervised(found, target[:, classes.anatomy_layers])

    return Segmenter(network, loss, lambda found, size: torch.softmax(_finest(found), 1)[:, 1:])  # noqa: ARG005


def _finest(found: Tensor | list[Tensor]) -> Tensor:
    return found if isinstance(found, Tensor) else found[0]


def _maskformer(recipe: ApexRecipe, classes: Classes) -> Segmenter:
    first = classes.anatomy_layers

    def loss(found: Decoded, target: Tensor) -> Tensor:
        return set_loss(found.said[0], [segments_of(image[first:]) for image in target], recipe.loss)

    network = MaskFormer(recipe.shape, classes.pathology)
    return Segmenter(network, loss, lambda found, size: semantic_chances(found.said[0][-1], size))
