"""What nnU-Net's `plans.json` and `dataset.json` say of a configuration, in our words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.unet import UNetShape
from AnatomyGuidedLib.predictors.normalisation import CT, NONE, RGB, UNIT, Z_SCORE, Normalisation
from AnatomyGuidedLib.predictors.predictor import Labels
from AnatomyGuidedLib.predictors.preparation import Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling

_SCHEMES = {
    "CTNormalization": CT,
    "ZScoreNormalization": Z_SCORE,
    "NoNormalization": NONE,
    "RescaleTo01Normalization": UNIT,
    "RGBTo01Normalization": RGB,
}
_STORED = ("SimpleITKIO", "NibabelIO")  # readers that leave the axes as they are stored
_REORIENTING = {"NibabelIOWithReorient": "RAS", "SimpleITKIOWithReorient": "LPS"}
_UNETS = {"PlainConvUNet": False, "ResidualEncoderUNet": True}
_RESAMPLER = "resample_data_or_seg_to_shape"

Json = Mapping[str, Any]


def read_json(folder: Path, name: str) -> Json:
    """A file of an nnU-Net folder.

    Raises:
        AnatomyGuidedError: It is missing or damaged.
    """
    try:
        return cast(Json, json.loads((folder / name).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise AnatomyGuidedError(
            f"{name} of {folder.name} is missing or damaged; an nnU-Net folder has plans.json, dataset.json and fold_*."
        ) from error


def configuration_of(plans: Json, name: str) -> dict[str, Any]:
    """A configuration with all that it inherits.

    Raises:
        AnatomyGuidedError: There is none of that name, or it inherits from itself.
    """
    chain: list[Json] = []
    wanted: str | None = name
    seen: set[str] = set()
    while wanted is not None:
        if wanted not in plans["configurations"] or wanted in seen:
            known = ", ".join(plans["configurations"])
            raise AnatomyGuidedError(f"The plans have no usable configuration {wanted!r}; there are {known}.")
        seen.add(wanted)
        chain.append(plans["configurations"][wanted])
        wanted = chain[-1].get("inherits_from")
    merged: dict[str, Any] = {}
    for configuration in reversed(chain):
        merged |= configuration
    return merged


def network_shape(configuration: Json, channels: int, classes: int) -> UNetShape:
    """The U-Net of a configuration; plans of older releases describe it without an architecture of its own.

    Raises:
        AnatomyGuidedError: It is another network, or has layers that this U-Net has not.
    """
    kind, arguments = _architecture(configuration)
    if kind not in _UNETS:
        raise AnatomyGuidedError(
            f"The network is a {kind}, but {' and '.join(_UNETS)} can be read; predict with nnU-Net itself and give "
            "its label map as file:LABELMAP."
        )
    _require_usual_layers(arguments)
    stages = int(arguments["n_stages"])
    kernels = _by_stage(arguments["kernel_sizes"], stages, configuration)
    blocks = arguments.get("n_blocks_per_stage" if _UNETS[kind] else "n_conv_per_stage")
    return UNetShape(
        channels=channels,
        classes=classes,
        features=tuple(int(n) for n in arguments["features_per_stage"]),
        kernels=kernels,
        strides=_by_stage(arguments["strides"], stages, configuration),
        encoder_blocks=_numbers(blocks, stages),
        decoder_blocks=_numbers(arguments["n_conv_per_stage_decoder"], stages - 1),
        residual=_UNETS[kind],
        bias=bool(arguments.get("conv_bias", False)),
        norm="batch" if "BatchNorm" in str(arguments["norm_op"]) else "instance",
        deep_supervision=False,
    )


def preparation_of(plans: Json, configuration: Json, dataset: Json, orientation: str | None) -> Preparation:
    """How images are prepared; `orientation` tells what the reader does not."""
    spacing = [float(value) for value in configuration["spacing"]]
    i, j, k = spacing if len(spacing) == 3 else (0.0, *spacing)
    forward = [int(axis) for axis in plans.get("transpose_forward", (0, 1, 2))]
    first, second, third = (2 - axis for axis in forward)  # nnU-Net's arrays are [k, j, i]
    return Preparation(
        normalisations=_normalisations(plans, configuration),
        spacing_mm=(i, j, k),
        orientation=_reader_orientation(plans, dataset) or orientation,
        axes=(first, second, third),
        resampling=_resampling(configuration, "data"),
        resampling_back=_resampling(configuration, "probabilities"),
    )


def labels_of(dataset: Json, scheme: str) -> Labels:
    """The labels of `dataset.json`; those with several values are regions."""
    given: Mapping[str, Any] = dataset["labels"]
    named = {name: value for name, value in given.items() if name != "ignore"}
    if any(isinstance(value, list | tuple) and len(value) > 1 for value in named.values()):
        order = [int(value) for value in dataset["regions_class_order"]]
        regions = [name for name, value in named.items() if _flat(value) != (0,)]
        return Labels(tuple(order), dict(zip(order, regions, strict=True)), scheme, regions=True)
    values = {_flat(value)[0]: name for name, value in named.items()}
    consecutive = tuple(sorted(values))
    if consecutive != tuple(range(len(consecutive))):
        raise AnatomyGuidedError(f"nnU-Net's labels are consecutive from 0, but these are {consecutive[:5]}...")

    return Labels(consecutive, {value: name for value, name in values.items() if value}, scheme)


def channels_of(dataset: Json) -> tuple[str, ...]:
    """The names of the images that the model takes."""
    names = dataset.get("channel_names") or dataset["modality"]
    return tuple(str(names[key]) for key in sorted(names, key=int))


def _architecture(configuration: Json) -> tuple[str, Json]:
    if "architecture" in configuration:
        entry = configuration["architecture"]
        return str(entry["network_class_name"]).rsplit(".", 1)[-1], entry["arch_kwargs"]
    kind = str(configuration.get("UNet_class_name", "network without a name"))
    if kind not in _UNETS:
        return kind, {}
    encoder = configuration["n_conv_per_stage_encoder"]
    base, most = int(configuration["UNet_base_num_features"]), int(configuration["unet_max_num_features"])
    return kind, {
        "n_stages": len(encoder),
        "features_per_stage": [min(base * 2**stage, most) for stage in range(len(encoder))],
        "kernel_sizes": configuration["conv_kernel_sizes"],
        "strides": configuration["pool_op_kernel_sizes"],
        "n_blocks_per_stage" if _UNETS[kind] else "n_conv_per_stage": encoder,
        "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": "InstanceNorm",
    }


def _require_usual_layers(arguments: Json) -> None:
    norm, bend = str(arguments["norm_op"]), str(arguments.get("nonlin", "LeakyReLU"))
    usual = ("InstanceNorm" in norm or "BatchNorm" in norm) and bend.endswith("LeakyReLU")
    slope = float((arguments.get("nonlin_kwargs") or {}).get("negative_slope", 0.01))
    details = arguments.get("norm_op_kwargs") or {"affine": True}
    usual_norm = bool(details.get("affine", False)) and float(details.get("eps", 1e-5)) == 1e-5
    if not usual or slope != 0.01 or not usual_norm or arguments.get("nonlin_first"):
        raise AnatomyGuidedError(
            f"The network has layers ({norm}, {bend}) that nnU-Net's own plans do not make; "
            "predict with nnU-Net itself."
        )


def _normalisations(plans: Json, configuration: Json) -> tuple[Normalisation, ...]:
    properties = plans.get("foreground_intensity_properties_per_channel", {})
    found = []
    for channel, name in enumerate(configuration["normalization_schemes"]):
        if name not in _SCHEMES:
            raise AnatomyGuidedError(
                f"The normalisation {name} is unknown; there are {', '.join(_SCHEMES)}. Predict with nnU-Net itself."
            )
        scheme, known = _SCHEMES[name], properties.get(str(channel), {})
        masked = bool(configuration["use_mask_for_norm"][channel])
        if scheme == CT:
            low, high, mean, deviation = (
                float(known[key]) for key in ("percentile_00_5", "percentile_99_5", "mean", "std")
            )
            found.append(Normalisation(scheme, low, high, mean, deviation))
        else:
            found.append(Normalisation(scheme, masked=masked))
    return tuple(found)


def _resampling(configuration: Json, what: str) -> Resampling:
    name = configuration.get(f"resampling_fn_{what}", _RESAMPLER)
    options = configuration.get(f"resampling_fn_{what}_kwargs", {})
    if name != _RESAMPLER:
        raise AnatomyGuidedError(f"The plans resample with {name}, but {_RESAMPLER} can be followed.")
    return Resampling(
        order=int(options.get("order", 3)),
        apart=options.get("force_separate_z", False),
        order_across=int(options.get("order_z", 0)),
    )


def _reader_orientation(plans: Json, dataset: Json) -> str | None:
    reader = dataset.get("overwrite_image_reader_writer") or plans.get("image_reader_writer", _STORED[0])
    if reader in _STORED or reader in ("None", None):
        return None
    if reader in _REORIENTING:
        return _REORIENTING[reader]
    raise AnatomyGuidedError(f"The model's images are read by {reader}, but it takes no volumes of CT, MR or PET.")


def _by_stage(given: Any, stages: int, configuration: Json) -> tuple[tuple[int, ...], ...]:
    dimensions = len(configuration["patch_size"])
    entries = given if isinstance(given, Sequence) else [given] * stages
    return tuple(
        tuple(int(n) for n in entry) if isinstance(entry, Sequence) else (int(entry),) * dimensions for entry in entries
    )


def _numbers(given: Any, stages: int) -> tuple[int, ...]:
    return tuple(int(n) for n in given) if isinstance(given, Sequence) else (int(given),) * stages


def _flat(value: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in value) if isinstance(value, list | tuple) else (int(value),)
