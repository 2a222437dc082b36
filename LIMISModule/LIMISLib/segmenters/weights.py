"""Weights of ScribblePrompt's U-Net: ours in a model folder with a card, or the published checkpoint as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of
from AnatomyGuidedLib.models import find_model

if TYPE_CHECKING:
    from torch import Tensor, nn

ARCHITECTURE = "scribbleprompt-unet"
BUNDLED = "box2mask-demo"
PUBLISHED_SIDE = 128
_LEAST_SIDE = 16
NEEDS_TORCH = (
    "This segmenter needs torch, which is not installed: pip install 'slicer-anatomy-guided[networks]', or in Slicer "
    "the PyTorch extension; random_walk needs none."
)


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, the side of the squares that its network was trained on, and its sha256."""

    path: Path
    side: int
    sha256: str


def find_weights(place: str = BUNDLED) -> WeightsFile:
    """The weights of an installed model, of a model's folder, or of a checkpoint's file.

    Raises:
        AnatomyGuidedError: There are none, they are damaged, or the model is of another kind.
    """
    path = Path(place)
    if path.is_file():
        return WeightsFile(path, PUBLISHED_SIDE, sha256_of(path))
    model = find_model(place)
    card: Mapping[str, Any] = json.loads((model.folder / "model.json").read_text(encoding="utf-8"))
    try:
        kind, side, (name,) = card["network"]["architecture"], int(card["side"]), card["weights"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AnatomyGuidedError(f"The model {model.name} is no model from a box to a mask; choose another.") from error
    if side < _LEAST_SIDE:
        raise AnatomyGuidedError(f"The card of {model.name} is damaged: its squares have {side} pixels a side.")
    if kind != ARCHITECTURE or str(name) not in model.files:
        raise AnatomyGuidedError(f"The model {model.name} is a {kind}, but a {ARCHITECTURE} was expected.")
    return WeightsFile(model.folder / name, side, model.files[name])


def load_network(weights: WeightsFile) -> nn.Module:
    """The network with its weights, ready to predict; its levels and features are read off the weights.

    Raises:
        AnatomyGuidedError: torch is missing, or the file holds other weights than of ScribblePrompt's U-Net.
        Untrusted: Reading it would execute something.
    """
    try:
        from AnatomyGuidedLib.networks.scribbleprompt import ScribblePromptUNet
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    state = read_state(weights.path)
    features = tuple(
        int(state[name].shape[0]) for level in range(len(state)) if (name := f"downs.{level}.conv.0.weight") in state
    )
    if not features:
        raise AnatomyGuidedError(f"{weights.path.name} holds no weights of ScribblePrompt's U-Net (no downs.0...).")
    network = ScribblePromptUNet(features)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise AnatomyGuidedError(
            f"{weights.path.name} does not fit ScribblePrompt's U-Net: {str(error).splitlines()[-1].strip()}"
        ) from error
    return network.eval()


def read_state(path: Path) -> dict[str, Tensor]:
    """Weights by name, as numbers of single precision, from safetensors or a checkpoint of torch.

    Raises:
        AnatomyGuidedError: The file is damaged.
        Untrusted: Reading it would execute something.
    """
    from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        try:
            found = load_file(str(path))
        except (SafetensorError, OSError) as error:
            raise AnatomyGuidedError(f"{path.name} is damaged or no safetensors file; fetch it again.") from error
    else:
        checkpoint = read_checkpoint(path, trust=None)
        found = checkpoint.get("model", checkpoint.get("state_dict", checkpoint))
    return {name: value.float() for name, value in plain_names(found).items()}
