"""nnU-Net v1's trained folders (plans.pkl, fold_*/*.model), which nnU-Net v2 cannot read, predicted as they are.

Its U-Net is v2's with the decoder's kernels taken one stage deeper, and without biases in the upward convolutions and
the heads; it resamples before it normalises, and averages probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.build import UNET
from AnatomyGuidedLib.networks.unet import UNet, UNetShape
from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint
from AnatomyGuidedLib.predictors.nnunet_folds import checkpoints_of, nnunet_window, notes_on_axes
from AnatomyGuidedLib.predictors.normalisation import CT, Z_SCORE, Normalisation
from AnatomyGuidedLib.predictors.plain_pickle import read_plain_pickle
from AnatomyGuidedLib.predictors.predictor import Labels, Predictor
from AnatomyGuidedLib.predictors.preparation import Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling

CHECKPOINT = "model_final_checkpoint.model"

_MOST_FEATURES = {2: 480, 3: 320}


def is_nnunet_v1(folder: Path) -> bool:
    """Whether a folder looks like a trained model of nnU-Net v1."""
    return (folder / "plans.pkl").is_file()


def read_nnunet_v1(
    folder: Path,
    *,
    folds: Sequence[str] = (),
    checkpoint: str = CHECKPOINT,
    mirror: bool = False,
    orientation: str | None = None,
    scheme: str = "",
    trust: bool = False,
) -> Predictor:
    """The model of a folder, as an ensemble of all its folds or of those named.

    Only networks of its usual planner (nnUNetPlansv2.1 and its trainers nnUNetTrainerV2*) are known.

    Raises:
        AnatomyGuidedError: Files are missing, would execute something, or the model is one that cannot be read.
    """
    plans = read_plain_pickle(folder / "plans.pkl")
    files = checkpoints_of(folder, folds, checkpoint)
    weights = _weights(files[0], trust)
    try:
        stage = _stage(plans, weights)
        shape = _shape(plans, stage, weights)
        preparation = _preparation(plans, stage, orientation)
        labels = _labels(plans, scheme)
        channels = tuple(str(plans["modalities"][number]) for number in sorted(plans["modalities"]))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise AnatomyGuidedError(f"The plans of {folder.name} lack {error}; they are of an unknown release.") from error
    axes = tuple(range(shape.dimensions)) if mirror else ()
    return Predictor(
        name=folder.name,
        channels=channels,
        preparation=preparation,
        window=nnunet_window(stage["patch_size"], axes),
        network={"architecture": UNET, "arguments": asdict(shape)},
        labels=labels,
        load=partial(_networks, files, shape, trust),
        averages_chances=True,
        notes=notes_on_axes(folder, orientation),
    )


def network_v1(shape: UNetShape, weights: Mapping[str, Tensor]) -> nn.Module:
    """Our U-Net with the weights of v1's Generic_UNet.

    Raises:
        AnatomyGuidedError: They belong to another network.
    """
    network = UNet(shape)
    try:
        network.load_state_dict({name: weights[_name_v1(name, shape)] for name in network.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise AnatomyGuidedError(
            "The weights do not fit the plans: they are not those of nnU-Net v1's usual U-Net."
        ) from error
    return network


def _name_v1(name: str, shape: UNetShape) -> str:
    """What v1 calls a weight of ours."""
    part, kind, *rest = name.split(".")
    if kind == "stages" and part == "encoder":
        stage, _, _, block, layer, what = rest
        place = _block(int(stage) == len(shape.features) - 1, int(block), shape.encoder_blocks[int(stage)])
        return f"conv_blocks_context.{stage}.{place}.{_LAYERS[layer]}.{what}"
    if kind == "stages":
        stage, _, block, layer, what = rest
        place = _block(True, int(block), shape.decoder_blocks[int(stage)])
        return f"conv_blocks_localization.{stage}.{place}.{_LAYERS[layer]}.{what}"
    stage, what = rest
    return f"{'tu' if kind == 'transpconvs' else 'seg_outputs'}.{stage}.{what}"


_LAYERS = {"conv": "conv", "norm": "instnorm"}


def _block(in_two_parts: bool, block: int, blocks: int) -> str:
    """v1 keeps the last convolution of the bottleneck and of the decoder's stages apart."""
    if not in_two_parts:
        return f"blocks.{block}"
    return f"0.blocks.{block}" if block < blocks - 1 else "1.blocks.0"


def _stage(plans: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Mapping[str, Any]:
    """The stage whose network has these weights: the finest that has as many resolutions as they have."""
    stages = plans["plans_per_stage"]
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("conv_blocks_context"))
    dimensions = weights["conv_blocks_context.0.blocks.0.conv.weight"].dim() - 2
    for number in sorted(stages, reverse=True):
        stage: Mapping[str, Any] = stages[number]
        if len(stage["conv_kernel_sizes"]) == depth and len(stage["patch_size"]) == dimensions:
            return stage
    raise AnatomyGuidedError("The weights do not fit any stage of the plans; they belong to another model.")


def _shape(plans: Mapping[str, Any], stage: Mapping[str, Any], weights: Mapping[str, Tensor]) -> UNetShape:
    kernels = tuple(tuple(int(n) for n in kernel) for kernel in stage["conv_kernel_sizes"])
    pools = tuple(tuple(int(n) for n in pool) for pool in stage["pool_op_kernel_sizes"])
    dimensions, stages = len(kernels[0]), len(kernels)
    base, blocks = int(plans["base_num_features"]), int(plans.get("conv_per_stage", 2))
    first = weights["conv_blocks_context.0.blocks.0.conv.weight"]
    return UNetShape(
        channels=int(first.shape[1]),
        classes=int(plans["num_classes"]) + 1,
        features=tuple(min(base * 2**number, _MOST_FEATURES[dimensions]) for number in range(stages)),
        kernels=kernels,
        strides=((1,) * dimensions, *pools),
        encoder_blocks=(blocks,) * stages,
        decoder_blocks=(blocks,) * (stages - 1),
        deep_supervision=False,
        decoder_kernels=tuple(kernels[-1 - step] for step in range(stages - 1)),
        decoder_bias=False,
    )


def _preparation(plans: Mapping[str, Any], stage: Mapping[str, Any], orientation: str | None) -> Preparation:
    spacing = [float(value) for value in np.asarray(stage["current_spacing"]).ravel()]
    is_flat = len(stage["patch_size"]) == 2
    i, j, k = (0.0, *spacing[-2:]) if is_flat else spacing
    first, second, third = (2 - int(axis) for axis in plans["transpose_forward"])
    return Preparation(
        normalisations=tuple(_normalisation(plans, number) for number in sorted(plans["normalization_schemes"])),
        spacing_mm=(i, j, k),
        orientation=orientation,
        axes=(first, second, third),
        resampling=Resampling(order=3, apart=None),
        resampling_back=Resampling(order=1, apart=None),
        normalise_first=False,
    )


def _normalisation(plans: Mapping[str, Any], number: int) -> Normalisation:
    scheme, masked = str(plans["normalization_schemes"][number]), bool(plans["use_mask_for_norm"][number])
    if scheme == "CT" and not masked:
        known = plans["dataset_properties"]["intensityproperties"][number]
        low, high, mean, deviation = (float(known[key]) for key in ("percentile_00_5", "percentile_99_5", "mean", "sd"))
        return Normalisation(CT, low, high, mean, deviation)
    if scheme == "nonCT":
        return Normalisation(Z_SCORE, masked=masked)
    raise AnatomyGuidedError(
        f"The model normalises by {scheme}{' within a mask' if masked else ''}, which is not known here; "
        "predict with nnU-Net v1 itself and give its label map as file:LABELMAP."
    )


def _labels(plans: Mapping[str, Any], scheme: str) -> Labels:
    classes = int(plans["num_classes"]) + 1
    return Labels(tuple(range(classes)), {value: f"class {value}" for value in range(1, classes)}, scheme)


def _weights(file: Path, trust: bool) -> dict[str, Tensor]:
    checkpoint = read_checkpoint(file, trust=trust)
    if "state_dict" not in checkpoint:
        raise AnatomyGuidedError(f"{file.name} holds no weights of nnU-Net v1 (no state_dict).")
    return plain_names(checkpoint["state_dict"])


def _networks(files: Sequence[Path], shape: UNetShape, trust: bool) -> Sequence[nn.Module]:
    return [network_v1(shape, _weights(file, trust)) for file in files]
