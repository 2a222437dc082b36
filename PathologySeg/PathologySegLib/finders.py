"""Lesion models by name or folder: which reader each needs is in its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.models import (
    ModelNotInstalled,
    find_model,
    is_model_folder,
    model_names,
    readable_models,
    store_folder,
)

from PathologySegLib.finder import LesionFinder
from PathologySegLib.model_channels import PET, channel_of
from PathologySegLib.parameters import READINGS, ModelChoice

if TYPE_CHECKING:
    from PathologySegLib.apex.film_finder import FilmFinder

TASK, ENTRY = "lesions", "lesions"  # what a card's task is, and the entry that only lesion models have
FILMS = "films"  # the entry that only cards of chest films' models have
NETWORK = "network"
NO_MODEL = "none"
READERS: Mapping[str, str] = {NETWORK: "PathologySegLib.network_finder", "apex": "PathologySegLib.apex.finder"}


def read_finder(source: str, choice: ModelChoice) -> LesionFinder:
    """The lesion model of a name in the store, of a folder of ours, or of an nnU-Net v2 results folder.

    Raises:
        ModelNotInstalled: There is none.
        UsageError: It is no lesion model, or does not say what its channels or labels are.
        AnatomyGuidedError: It is damaged, torch is missing, or this program is too old for it.
    """
    folder = Path(source)
    if _is_nnunet_v2(folder):
        return _read(NETWORK, folder, {}, choice)
    _require_ours(source)
    folder = find_model(source).folder
    if FILMS in _card(folder):
        raise UsageError(f"The model {folder.name} reads a chest film alone; give one film, or another model.")
    entry = _entry(folder)
    _require_pet(folder)
    return _read(str(entry.get("reader", NETWORK)), folder, entry, choice)


def read_film_finder(source: str) -> FilmFinder:
    """The model of chest films of a name in the store, or of a folder of ours.

    Raises:
        ModelNotInstalled: There is none.
        UsageError: It is a model of something else.
        AnatomyGuidedError: It is damaged, or torch is missing.
    """
    folder = Path(source)
    if not _is_nnunet_v2(folder):
        _require_ours(source)
        folder = find_model(source).folder
    if _is_nnunet_v2(folder) or FILMS not in _card(folder):
        raise UsageError(
            f"The model {folder.name} is none of chest films, but one image came: give a CT and a PET, or a model of "
            "films (anatomyguided train apex --config apex-xray-small -o my-films)."
        )
    from PathologySegLib.apex.film_finder import read_film_finder as read

    return read(folder)


def readings() -> tuple[str, ...]:
    """The classical readings, then the store's models as `lesion_model_names`."""
    return (*READINGS, *lesion_model_names())


def anatomy_models() -> tuple[str, ...]:
    """None, then the store's atlas models, for a list to choose from."""
    return (NO_MODEL, *model_names())


def lesion_model_names() -> tuple[str, ...]:
    """The names of the store's models that find lesions or at least take a PET, for a list to choose from."""
    return tuple(model.name for model in readable_models() if model.task == TASK or PET in _inputs(model.folder))


def _require_pet(folder: Path) -> None:
    """Nothing, unless the card says what each channel is, and none is the PET: such a model is one of something else.

    Raises:
        UsageError: It does.
    """
    card = _card(folder)
    names = [str(entry.get("name", "")) for entry in card.get("inputs", []) if isinstance(entry, dict)]
    known = [channel_of(name) for name in names]
    if known and "" not in known and PET not in known and len(set(known)) == len(known):  # CT twice is a question
        others = ", ".join(lesion_model_names())
        raise UsageError(
            f"The model {folder.name} takes {' and '.join(names)} but no PET: it gives {card.get('task')}. "
            f"Lesions are found by {others}."
        )


def _inputs(folder: Path) -> set[str]:
    inputs = _card(folder).get("inputs", [])
    return {channel_of(str(entry.get("name", ""))) for entry in inputs if isinstance(entry, dict)}


def _read(reader: str, folder: Path, entry: Mapping[str, Any], choice: ModelChoice) -> LesionFinder:
    if reader not in READERS:
        raise AnatomyGuidedError(f"The model {folder.name} needs the reader {reader!r}; update this program.")
    return cast(LesionFinder, import_module(READERS[reader]).read_finder(folder, entry, choice))


def _is_nnunet_v2(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("plans.json", "dataset.json"))


def _require_ours(source: str) -> None:
    """Nothing, if the store has a model of that name, or a folder has a model's card."""
    if is_model_folder(source) or source in _all_names() or is_model_folder(str(store_folder() / source)):
        return
    if Path(source).is_dir():
        raise UsageError(
            f"{Path(source).name} is no model: it has neither model.json nor nnU-Net's plans.json and dataset.json; "
            "add other kinds with `anatomyguided models add`."
        )
    known = ", ".join(readings())
    raise ModelNotInstalled(f"There is no model {Path(source).name!r}; known are {known}.")


def _all_names() -> set[str]:
    return {model.name for model in readable_models()}


def _entry(folder: Path) -> Mapping[str, Any]:
    entry = _card(folder).get(ENTRY, {})
    if not isinstance(entry, dict):
        raise AnatomyGuidedError(f"The card of {folder.name} has an entry {ENTRY!r} that is no table; do not use it.")
    return entry


def _card(folder: Path) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], json.loads((folder / "model.json").read_text(encoding="utf-8")))
