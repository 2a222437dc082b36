"""Our own models: `model.json` says everything, weights lie in safetensors, nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of, write_json
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Labels, Predictor
from AnatomyGuidedLib.predictors.preparation import Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling

if TYPE_CHECKING:
    from torch import Tensor, nn

    from AnatomyGuidedLib.networks.unet import UNetShape

FORMAT, VERSION = "anatomyguided-model", 1
CARD, WEIGHTS = "model.json", "weights.safetensors"


def read_predictor(folder: Path) -> Predictor:
    """The model of a folder with a card of ours.

    Raises:
        AnatomyGuidedError: The card lacks something or is of another format; torch is missing.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if card["format"] != FORMAT or card["version"] > VERSION:
            raise AnatomyGuidedError(f"The model {folder.name} has a card of another format; update this program.")
        return _predictor(folder, card)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(
            f"The model card of {folder.name} cannot be read ({error}); install the model again."
        ) from error


def _predictor(folder: Path, card: Mapping[str, Any]) -> Predictor:
    try:
        from AnatomyGuidedLib.inference.windows import Window
        from AnatomyGuidedLib.networks.unet import UNetShape
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    shape = _from_json(UNetShape, card["network"])
    positioned = bool(card["network"].get("positioned", False))
    i, j, k = (int(divisor) for divisor in shape.divisors)
    return Predictor(
        name=folder.name,
        channels=tuple(str(entry["name"]) for entry in card["inputs"]),
        preparation=Preparation(
            normalisations=tuple(Normalisation(**entry["normalisation"]) for entry in card["inputs"]),
            spacing_mm=_three(card["spacing_mm"]),
            orientation=card["orientation"],
            crop=card["crop"],
            resampling=Resampling(**card["resampling"]),
        ),
        window=Window(**{name: _tupled(value) for name, value in card["window"].items()}),
        divisors=(i, j, k),
        labels=_labels(card["labels"]),
        load=partial(_networks, folder / WEIGHTS, shape, positioned),
        notes=tuple(card.get("notes", ())),
    )


def write_model(folder: Path, weights: Mapping[str, Tensor], card: Mapping[str, object]) -> None:
    """Nothing; the folder holds the weights in half precision, and the card with their checksum."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.detach().cpu().half().contiguous() for name, value in weights.items()}
    save_file(halves, str(folder / WEIGHTS))
    files = {WEIGHTS: sha256_of(folder / WEIGHTS)}
    write_json(folder / CARD, {"format": FORMAT, "version": VERSION, **card, "files": files})


def network_entry(shape: UNetShape, *, positioned: bool = False) -> dict[str, object]:
    """A network's shape as a card holds it, and whether it sees voxels' positions."""
    return {**asdict(shape), "positioned": positioned}


def _networks(weights: Path, shape: UNetShape, positioned: bool) -> Sequence[nn.Module]:
    from safetensors.torch import load_file

    from AnatomyGuidedLib.networks.position import Positioned
    from AnatomyGuidedLib.networks.unet import UNet

    network = Positioned(UNet(shape)) if positioned else UNet(shape)
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(str(weights)).items()})
    except (RuntimeError, ValueError, OSError) as error:
        raise AnatomyGuidedError(
            f"The weights of {weights.parent.name} do not fit its card; install the model again."
        ) from error
    return [network]


def _labels(entry: Mapping[str, Any]) -> Labels:
    values = tuple(int(value) for value in entry["values"])
    names = {value: label_by_id(value).name for value in values if value}
    return Labels(values, names, str(entry["scheme"]), bool(entry.get("regions", False)))


def _from_json(kind: type[UNetShape], entry: Mapping[str, Any]) -> UNetShape:
    known = {field.name for field in fields(kind)}
    return kind(**{name: _tupled(value) for name, value in entry.items() if name in known})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(entry) for entry in value) if isinstance(value, list) else value


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    i, j, k = (float(value) for value in values)
    return i, j, k
