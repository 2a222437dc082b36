"""Weights of a ResNet-50 from a file: LVM-MED's, ImageNet's, or any whose layers have torchvision's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

if TYPE_CHECKING:
    from torch import Tensor, nn

_WRAPPINGS = ("state_dict", "model", "model_state_dict")
_PREFIXES = ("module.", "model.", "encoder.", "backbone.", "resnet.", "_feature_blocks.", "trunk.")
_LAYER = re.compile(r"layer(\d)\.(\d+)\.(conv|bn)(\d)\.(\w+)")
_SHORTCUT = re.compile(r"layer(\d)\.(\d+)\.downsample\.([01])\.(\w+)")
_PARTS = {"conv": "convolution", "bn": "normalization", "0": "convolution", "1": "normalization"}


def load_backbone(resnet: nn.Module, source: Path) -> None:
    """Nothing; the ResNet of transformers has the weights of a file or of a folder with model.safetensors.

    LVM-MED's release is a ResNet-50's state with torchvision's names, with or without its classifier; a folder of
    transformers' microsoft/resnet-50 (ImageNet) has transformers' own.

    Raises:
        AnatomyGuidedError: There is no such file, it holds more than tensors, or its layers are not this ResNet's.
    """
    given = {in_our_names(name): value for name, value in _tensors(source).items()}
    own = resnet.state_dict()
    lacking = [name for name in own if name not in given and not name.endswith("num_batches_tracked")]
    unlike = [name for name in own if name in given and given[name].shape != own[name].shape]
    if lacking or unlike:
        what = f"lacks {lacking[0]}" if lacking else f"has {unlike[0]} in another shape"
        raise AnatomyGuidedError(
            f"{source.name} {what}, but the weights of a ResNet like the recipe's (features, depths, block) were "
            "expected; the thesis's backbone is a ResNet-50 with bottlenecks."
        )
    resnet.load_state_dict({**own, **{name: given[name] for name in own if name in given}})


def in_our_names(name: str) -> str:
    """A layer's name in torchvision's ResNet as transformers calls it; a name of transformers stays.

    >>> in_our_names("module.layer2.0.conv3.weight")
    'encoder.stages.1.layers.0.layer.2.convolution.weight'
    >>> in_our_names("layer1.0.downsample.1.running_mean"), in_our_names("bn1.bias")
    ('encoder.stages.0.layers.0.shortcut.normalization.running_mean', 'embedder.embedder.normalization.bias')
    """
    plain = _without_prefix(name)
    if found := _LAYER.fullmatch(plain):
        stage, block, kind, place, what = found.groups()
        return f"encoder.stages.{int(stage) - 1}.layers.{block}.layer.{int(place) - 1}.{_PARTS[kind]}.{what}"
    if found := _SHORTCUT.fullmatch(plain):
        stage, block, place, what = found.groups()
        return f"encoder.stages.{int(stage) - 1}.layers.{block}.shortcut.{_PARTS[place]}.{what}"
    if found := re.fullmatch(r"(conv|bn)1\.(\w+)", plain):
        return f"embedder.embedder.{_PARTS[found[1]]}.{found[2]}"
    return plain


def _without_prefix(name: str) -> str:
    """The name from where its ResNet begins; `encoder.stages` is transformers' own."""
    while not name.startswith("encoder.stages") and (prefix := next((p for p in _PREFIXES if name.startswith(p)), "")):
        name = name[len(prefix) :]
    return name


def _tensors(source: Path) -> Mapping[str, Tensor]:
    file = source / "model.safetensors" if source.is_dir() else source
    if not file.is_file():
        raise AnatomyGuidedError(
            f"There are no weights {source.name}: a file, or a folder with model.safetensors, was expected as backbone."
        )
    try:
        found = _read(file)
    except Exception as error:
        raise AnatomyGuidedError(
            f"{file.name} cannot be read as weights ({type(error).__name__}); a state of tensors alone was expected."
        ) from error
    for wrapping in _WRAPPINGS:
        if isinstance(found.get(wrapping), Mapping):
            found = found[wrapping]
    return {str(name): value for name, value in found.items() if hasattr(value, "shape")}


def _read(file: Path) -> Mapping[str, Any]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(str(file))
    import torch

    found: Mapping[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(found, Mapping):
        raise TypeError("no state")
    return found
