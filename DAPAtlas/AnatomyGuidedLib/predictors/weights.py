"""A network's weights in safetensors: written plain or in half precision, read back in single."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from AnatomyGuidedLib.errors import AnatomyGuidedError


def save_weights(weights: Mapping[str, Tensor], file: Path, *, half: bool) -> None:
    """Nothing; the file holds them; with `half` those that are no whole numbers have half precision."""
    save_file({name: _stored(value, half) for name, value in weights.items()}, str(file))


def load_weights(network: nn.Module, file: Path) -> None:
    """Nothing; the network has the weights of the file.

    Raises:
        AnatomyGuidedError: They are damaged or another network's.
    """
    try:
        weights = load_file(str(file))
        network.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    except (RuntimeError, ValueError, OSError, SafetensorError) as error:
        raise AnatomyGuidedError(
            f"The weights of {file.parent.name} do not fit its card or are damaged; install the model again."
        ) from error


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.is_floating_point() else value
