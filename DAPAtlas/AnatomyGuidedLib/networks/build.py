"""A network from a model card's entry: an architecture's name and its arguments, from a closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.position import Positioned
from AnatomyGuidedLib.networks.unet import UNet, UNetShape

UNET, POSITIONED_UNET = "unet", "positioned-unet"
MONAI = ("SegResNet", "DynUNet", "MedNeXt", "UNet", "UNETR", "SwinUNETR")

Entry = Mapping[str, Any]


def build_network(entry: Entry) -> nn.Module:
    """The network with random weights.

    Raises:
        AnatomyGuidedError: The architecture is unknown, its arguments do not fit, or it needs MONAI, which is missing.
    """
    name, arguments = str(entry["architecture"]), {key: _tupled(value) for key, value in entry["arguments"].items()}
    try:
        return _maker(name)(arguments)
    except (TypeError, ValueError, KeyError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(f"The arguments of the network {name} do not fit it: {error}.") from error


def divisors_of(entry: Entry) -> tuple[int, int, int]:
    """By axis, what a window's side must be a multiple of."""
    name, arguments = str(entry["architecture"]), entry["arguments"]
    if name in (UNET, POSITIONED_UNET):
        found = UNetShape(**{key: _tupled(value) for key, value in arguments.items()}).divisors
        i, j, k = found if len(found) == 3 else (1, *found)
        return i, j, k
    if name == "UNETR":  # its positions are learned for windows of one shape
        given = arguments["img_size"]
        i, j, k = given if isinstance(given, list | tuple) else (given,) * 3
        return int(i), int(j), int(k)
    halvings = {
        "SegResNet": len(arguments.get("blocks_down", (1, 2, 2, 4))) - 1,
        "UNet": len(arguments.get("strides", ())),
        "DynUNet": len(arguments.get("strides", ())) - 1,
        "MedNeXt": 4,
        "SwinUNETR": 5,
    }[name]
    side = 2**halvings
    return side, side, side


def _maker(name: str) -> Callable[[dict[str, Any]], nn.Module]:
    if name == UNET:
        return lambda arguments: UNet(UNetShape(**arguments))
    if name == POSITIONED_UNET:
        return lambda arguments: Positioned(UNet(UNetShape(**arguments)))
    if name not in MONAI:
        known = ", ".join((UNET, POSITIONED_UNET, *MONAI))
        raise AnatomyGuidedError(f"There is no network {name!r}; known are {known}.")
    try:
        from monai.networks import nets
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(
            f"The network {name} needs MONAI, which is not installed: pip install 'slicer-anatomy-guided[networks]'."
        ) from error
    kind: Callable[..., nn.Module] = getattr(nets, name)
    return lambda arguments: kind(**arguments)


def _tupled(value: Any) -> Any:
    return tuple(_tupled(entry) for entry in value) if isinstance(value, list) else value
