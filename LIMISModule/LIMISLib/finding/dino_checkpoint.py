"""Grounding DINO's original checkpoints (IDEA-Research): their names of weights, and ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint
from torch import Tensor, nn

_SWIN = "model.backbone.conv_encoder.model.swin"
_ENCODER, _DECODER = r"model.encoder.layers.\1", r"model.decoder.layers.\1"

# What a name begins with, in the original and here; the rest of the name follows a table below.
_BEGINNINGS = (
    (r"backbone\.0\.patch_embed\.proj\.", f"{_SWIN}.embeddings.patch_embeddings.projection."),
    (r"backbone\.0\.patch_embed\.norm\.", f"{_SWIN}.embeddings.norm."),
    (r"backbone\.0\.layers\.(\d+)\.downsample\.", rf"{_SWIN}.encoder.layers.\1.downsample."),
    (r"backbone\.0\.layers\.(\d+)\.blocks\.(\d+)\.", rf"{_SWIN}.encoder.layers.\1.blocks.\2."),
    (r"transformer\.encoder\.layers\.(\d+)\.", f"{_ENCODER}.deformable_layer."),
    (r"transformer\.encoder\.text_layers\.(\d+)\.", f"{_ENCODER}.text_enhancer_layer."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.", f"{_ENCODER}.fusion_layer."),
    (r"transformer\.decoder\.layers\.(\d+)\.", f"{_DECODER}."),
    (r"transformer\.decoder\.norm\.", "model.decoder.layer_norm."),
    (r"transformer\.decoder\.ref_point_head\.", "model.decoder.reference_points_head."),
    (r"transformer\.decoder\.bbox_embed\.", "model.decoder.bbox_embed."),
    (r"transformer\.enc_out_bbox_embed\.", "model.encoder_output_bbox_embed."),
    (r"transformer\.(enc_output(?:_norm)?)\.", r"model.\1."),
    (r"transformer\.level_embed$", "model.level_embed"),
    (r"transformer\.tgt_embed\.", "model.query_position_embeddings."),
    (r"bert\.", "model.text_backbone."),
    (r"input_proj\.", "model.input_proj_vision."),
    (r"feat_map\.", "model.text_projection."),
    (r"bbox_embed\.", "bbox_embed."),
)
_SWIN_BLOCK = {
    "norm1.": "layernorm_before.",
    "norm2.": "layernorm_after.",
    "attn.proj.": "attention.o_proj.",
    "attn.relative_position_bias_table": "attention.relative_position_bias.relative_position_bias_table",
}
_DEFORMABLE = {
    "norm1.": "self_attn_layer_norm.",
    "norm2.": "final_layer_norm.",
    "linear1.": "fc1.",
    "linear2.": "fc2.",
}
_TEXT_LAYER = {
    "norm1.": "layer_norm_before.",
    "norm2.": "layer_norm_after.",
    "linear1.": "fc1.",
    "linear2.": "fc2.",
}
_FUSION = {
    "gamma_v": "vision_param",
    "gamma_l": "text_param",
    "layer_norm_v.": "layer_norm_vision.",
    "layer_norm_l.": "layer_norm_text.",
    "attn.v_proj.": "attn.vision_proj.",
    "attn.l_proj.": "attn.text_proj.",
    "attn.values_v_proj.": "attn.values_vision_proj.",
    "attn.values_l_proj.": "attn.values_text_proj.",
    "attn.out_v_proj.": "attn.out_vision_proj.",
    "attn.out_l_proj.": "attn.out_text_proj.",
}
_DECODER_LAYER = {
    "cross_attn.": "encoder_attn.",
    "norm1.": "encoder_attn_layer_norm.",
    "ca_text.": "encoder_attn_text.",
    "catext_norm.": "encoder_attn_text_layer_norm.",
    "norm2.": "self_attn_layer_norm.",
    "linear1.": "fc1.",
    "linear2.": "fc2.",
    "norm3.": "final_layer_norm.",
}
_REST: Mapping[str, Mapping[str, str]] = {
    r"backbone\.0\.layers\.(\d+)\.blocks\.(\d+)\.": _SWIN_BLOCK,
    r"transformer\.encoder\.layers\.(\d+)\.": _DEFORMABLE,
    r"transformer\.encoder\.text_layers\.(\d+)\.": _TEXT_LAYER,
    r"transformer\.encoder\.fusion_layers\.(\d+)\.": _FUSION,
    r"transformer\.decoder\.layers\.(\d+)\.": _DECODER_LAYER,
}
_NOT_NEEDED = re.compile(
    r"bert\.pooler\.|bert\.embeddings\.position_ids|label_enc\.|.*relative_position_index$|.*attn_mask$"
)


def original_checkpoint(folder: Path) -> Path | None:
    """The folder's .pth or .pt file, where it has no weights in transformers' form."""
    if any(folder.glob("*.safetensors")):
        return None
    return next(iter(sorted((*folder.glob("*.pth"), *folder.glob("*.pt")))), None)


def read_original(path: Path, network: nn.Module) -> None:
    """Nothing; the network has the checkpoint's weights. Nothing in the file is executed.

    Raises:
        AnatomyGuidedError: It is damaged, would execute something, or is of another network.
    """
    found = read_checkpoint(path)
    weights = dict(renamed(plain_names(found.get("model", found))))
    wanted = network.state_dict()
    try:
        missing, unexpected = network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise AnatomyGuidedError(
            f"{path.name} is of another size than config.json says; take the config of the same model."
        ) from error
    missing = [name for name in missing if not _is_repeated(name, wanted, weights)]
    if missing or unexpected:
        shown = (missing or unexpected)[0]
        what = "lacks" if missing else "has beside it"
        raise AnatomyGuidedError(f"{path.name} is no Grounding DINO of this config: it {what} the weight {shown}.")


def renamed(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The weights by transformers' names; what was one matrix for queries, keys and values becomes three.

    What only the original's training needs is left out. A name that is none of the original's stays as it is.
    """
    for name, value in weights.items():
        if _NOT_NEEDED.match(name):
            continue
        yield from _parts(_renamed(name), value)


def _renamed(name: str) -> str:
    level = re.match(r"backbone\.0\.norm(\d)\.(.*)", name)
    if level:  # the original counts stages from 0, transformers from the stem
        norms = "model.backbone.conv_encoder.model.hidden_states_norms"
        return f"{norms}.stage{int(level[1]) + 1}.{level[2]}"
    for old, new in _BEGINNINGS:
        found = re.match(old, name)
        if found:
            return found.expand(new) + _rest(name[found.end() :], _REST.get(old, {}))
    return name


def _rest(name: str, table: Mapping[str, str]) -> str:
    for old, new in table.items():
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def _parts(name: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    for mark, thirds in (("attn.qkv.", ("attention.q_proj.", "attention.k_proj.", "attention.v_proj.")),
                         ("in_proj_", ("query.", "key.", "value."))):  # fmt: skip
        if mark in name:
            for third, part in zip(thirds, value.chunk(3), strict=True):
                yield name.replace(mark, third), part
            return
    yield name, value


def _is_repeated(name: str, wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> bool:
    """Whether a missing weight is the same tensor as one that is there, or one that this network does not use."""
    if ".swin.layernorm." in name:
        return True
    return any(wanted[name].data_ptr() == wanted[other].data_ptr() for other in weights if other in wanted)
