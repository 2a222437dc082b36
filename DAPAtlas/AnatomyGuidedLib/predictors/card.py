"""The stored form of every model: `model.json` says everything, weights lie in safetensors, nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of, write_json
from AnatomyGuidedLib.models import ATLAS
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Labels, Predictor
from AnatomyGuidedLib.predictors.preparation import Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT, VERSION = "anatomyguided-model", 1
CARD = "model.json"

Json = Mapping[str, Any]


def read_predictor(folder: Path) -> Predictor:
    """The model of a folder with a card.

    Raises:
        AnatomyGuidedError: The card lacks something or is of another format; torch is missing.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if card.get("used_by", ATLAS) != ATLAS:
            raise AnatomyGuidedError(f"The model {folder.name} is for {card['used_by']}: {card['task']}; take another.")
        if card["format"] != FORMAT or card["version"] > VERSION:
            raise AnatomyGuidedError(f"The model {folder.name} has a card of another format; update this program.")
        if not set(card["weights"]) <= set(card["files"]):
            raise AnatomyGuidedError(f"The model card of {folder.name} has weights without a checksum; do not use it.")
        return _predictor(folder, card)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(
            f"The model card of {folder.name} cannot be read ({error}); install the model again."
        ) from error


def write_predictor(
    folder: Path,
    predictor: Predictor,
    networks: Sequence[nn.Module],
    *,
    half: bool = False,
    beside: Mapping[str, Mapping[str, Tensor]] | None = None,
    **about: object,
) -> None:
    """Nothing; the folder holds the card and the weights of each network, in half precision if asked.

    `beside` are further weights by their file's name; `about` are further entries: task and licence are needed, others
    are for people.
    """
    from AnatomyGuidedLib.predictors.weights import save_weights

    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, network in enumerate(networks):
        name = "weights.safetensors" if len(networks) == 1 else f"weights_{number}.safetensors"
        save_weights(network.state_dict(), folder / name, half=half)
        files[name] = sha256_of(folder / name)
    weights = {"weights": list(files), "files": files}
    for name, further in (beside or {}).items():
        save_weights(further, folder / name, half=half)
        files[name] = sha256_of(folder / name)
    write_json(folder / CARD, {"format": FORMAT, "version": VERSION, **about, **_entries(predictor), **weights})


def _entries(predictor: Predictor) -> dict[str, object]:
    prepared = asdict(predictor.preparation)
    norms = prepared.pop("normalisations")
    return {
        "inputs": [
            {"name": name, "normalisation": _finite(norm)} for name, norm in zip(predictor.channels, norms, strict=True)
        ],
        "preparation": prepared,
        "window": asdict(predictor.window),
        "network": dict(predictor.network),
        "labels": {**asdict(predictor.labels), "names": {str(v): name for v, name in predictor.labels.names.items()}},
        "average": "probabilities" if predictor.averages_chances else "logits",
        "notes": list(predictor.notes),
    }


def _predictor(folder: Path, card: Json) -> Predictor:
    try:
        from AnatomyGuidedLib.inference.windows import Window
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    return Predictor(
        name=folder.name,
        channels=tuple(str(entry["name"]) for entry in card["inputs"]),
        preparation=_preparation(card),
        window=Window(**_tupled(card["window"])),
        network=card["network"],
        labels=_labels(card["labels"]),
        load=partial(_networks, [folder / name for name in card["weights"]], card["network"]),
        averages_chances=card.get("average") == "probabilities",
        notes=tuple(card.get("notes", ())),
    )


def _preparation(card: Json) -> Preparation:
    entry = _tupled(card["preparation"])
    for name in ("resampling", "resampling_back"):
        if name in entry:
            entry[name] = Resampling(**entry[name])
    norms = tuple(Normalisation(**one["normalisation"]) for one in card["inputs"])
    return Preparation(normalisations=norms, **entry)


def _labels(entry: Json) -> Labels:
    values = tuple(int(value) for value in entry["values"])
    names = {int(value): str(name) for value, name in entry["names"].items()}
    return Labels(values, names, str(entry["scheme"]), bool(entry["regions"]))


def _networks(files: Sequence[Path], entry: Json) -> Sequence[nn.Module]:
    return [_network(file, entry) for file in files]


def _network(file: Path, entry: Json) -> nn.Module:
    from AnatomyGuidedLib.networks.build import build_network
    from AnatomyGuidedLib.predictors.weights import load_weights

    network = build_network(entry)
    load_weights(network, file)
    return network


def _finite(norm: dict[str, Any]) -> dict[str, Any]:
    """Without limits that are infinite, which JSON cannot hold."""
    return {key: value for key, value in norm.items() if value not in (float("inf"), float("-inf"))}


def _tupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tupled(entry) for key, entry in value.items()}
    return tuple(_tupled(entry) for entry in value) if isinstance(value, list) else value
