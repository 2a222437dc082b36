"""SAM's weights from a folder that transformers wrote, or from a checkpoint in the original form (.pth)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

NEEDS_TRANSFORMERS = (
    "SAM needs transformers, which is not installed: pip install 'slicer-anatomy-guided[networks,transformers]'; "
    "random_walk needs nothing."
)
_VISION, _DECODER, _MASK = "vision_encoder.", "mask_decoder.", "prompt_encoder.mask_embed."
_SHARED = "prompt_encoder.shared_embedding.positional_embedding"
_MLP = r"\.(iou_prediction_head|output_hypernetworks_mlps\.\d+)\.layers"

_RENAMED: tuple[tuple[str, str], ...] = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"^(vision_encoder)\.blocks\.", r"\1.layers."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
    (r"\.norm(\d|_final_attn)\.", r".layer_norm\1."),
    (r"\.pe_layer\.positional_encoding_gaussian_matrix$", ".shared_embedding.positional_embedding"),
    (r"\.point_embeddings\.", ".point_embed."),
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (_MLP + r"\.0\.", r".\1.proj_in."),
    (_MLP + r"\.2\.", r".\1.proj_out."),
    (_MLP + r"\.1\.", r".\1.layers.0."),  # after the two others, whose result it must not meet
)  # names in segment-anything's checkpoints, and what transformers calls the same weights


def sha256_of_place(place: Path) -> str:
    """sha256 of a file; of a folder, that of the names and sha256 of its files.

    Raises:
        AnatomyGuidedError: There is neither.
    """
    if place.is_file():
        return sha256_of(place)
    if not place.is_dir():
        raise AnatomyGuidedError(
            f"There is no folder or file {place.name}; the weights of SAM or MedSAM were expected there."
        )
    files = sorted(file for file in place.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(place).as_posix()} {sha256_of(file)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def load_sam(place: Path) -> Any:
    """transformers' `SamModel` with its weights, ready to predict; nothing is fetched.

    Raises:
        AnatomyGuidedError: transformers is missing, or the place holds no weights of SAM, or damaged ones.
        Untrusted: Reading a checkpoint would execute something.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TRANSFORMERS) from error
    library: Any = transformers  # which annotates some of its classes and not others
    if place.is_file():
        weights = transformers_names(_original(place))
        model = library.SamModel(library.SamConfig(**config_of(weights)))
        _fill(model, weights, place.name)
        return model.eval()
    if not (place / "config.json").is_file():
        raise AnatomyGuidedError(f"{place.name} holds no config.json; a folder that transformers wrote was expected.")
    try:
        return library.SamModel.from_pretrained(str(place), local_files_only=True).eval()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise AnatomyGuidedError(f"{place.name} cannot be read as a SAM of transformers: {error}") from error


def transformers_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An original checkpoint's weights by transformers' names.

    >>> list(transformers_names({"image_encoder.blocks.3.norm1.bias": None}))
    ['vision_encoder.layers.3.layer_norm1.bias']
    """
    renamed = {}
    for name, value in weights.items():
        for pattern, new in _RENAMED:
            name = re.sub(pattern, new, name)
        renamed[name] = value
    if _SHARED in renamed:
        renamed["shared_image_embedding.positional_embedding"] = renamed[_SHARED]
    return renamed


def config_of(weights: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """transformers' configuration of the network that the weights are of, read off their shapes.

    Raises:
        AnatomyGuidedError: They are no weights of SAM.
    """
    try:
        return {
            "vision_config": _vision(weights),
            "prompt_encoder_config": {**_sizes(weights), "mask_input_channels": _size(weights, _MASK + "conv2.weight")},
            "mask_decoder_config": _decoder(weights),
        }
    except KeyError as error:
        raise AnatomyGuidedError(f"These are no weights of SAM: {error.args[0]} is missing.") from error


def _vision(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    layers = _count(weights, _VISION + r"layers\.(\d+)\.")
    reaches = [_size(weights, f"{_VISION}layers.{layer}.attn.rel_pos_h") for layer in range(layers)]
    hidden, head = (
        weights[_VISION + "pos_embed"].shape[-1],
        weights[_VISION + "layers.0.attn.rel_pos_h"].shape[1],
    )
    return {
        "hidden_size": hidden,
        "output_channels": _size(weights, _VISION + "neck.conv2.weight"),
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // head,
        "mlp_dim": _size(weights, _VISION + "layers.0.mlp.lin1.weight"),
        "image_size": _sizes(weights)["image_size"],
        "patch_size": _sizes(weights)["patch_size"],
        "window_size": (min(reaches) + 1) // 2,
        "global_attn_indexes": [layer for layer, reach in enumerate(reaches) if reach > min(reaches)],
        "num_pos_feats": weights[_SHARED].shape[1],
    }


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, int]:
    patch = weights[_VISION + "patch_embed.projection.weight"].shape[-1]
    return {
        "image_size": weights[_VISION + "pos_embed"].shape[1] * patch,
        "patch_size": patch,
        "hidden_size": _size(weights, _MASK + "conv3.weight"),
    }


def _decoder(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    return {
        "hidden_size": weights[_DECODER + "iou_token.weight"].shape[1],
        "mlp_dim": _size(weights, _DECODER + "transformer.layers.0.mlp.lin1.weight"),
        "num_hidden_layers": _count(weights, _DECODER + r"transformer\.layers\.(\d+)\."),
        "num_multimask_outputs": _size(weights, _DECODER + "mask_tokens.weight") - 1,
        "iou_head_hidden_dim": _size(weights, _DECODER + "iou_prediction_head.proj_in.weight"),
    }


def _size(weights: Mapping[str, Tensor], name: str) -> int:
    return int(weights[name].shape[0])


def _count(weights: Mapping[str, Tensor], pattern: str) -> int:
    """How many layers there are: one more than the highest number."""
    found = [int(match.group(1)) for name in weights if (match := re.match(pattern, name))]
    return max(found, default=-1) + 1


def _original(file: Path) -> dict[str, Tensor]:
    from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint

    checkpoint = read_checkpoint(file, trust=None)
    found = checkpoint.get("model", checkpoint)  # training scripts keep the weights under this name
    return {name: value.float() for name, value in plain_names(found).items() if not name.startswith("pixel_")}


def _fill(model: Any, weights: Mapping[str, Tensor], name: str) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise AnatomyGuidedError(f"{name} does not fit SAM: {str(error).splitlines()[-1].strip()}") from error
