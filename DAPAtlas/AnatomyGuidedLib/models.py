"""Models as folders: a card (`model.json`) and weights in safetensors, found in the bundle and in the user's store."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.recipes import training_of

ATLAS, LESIONS = "atlas", "lesions"

_CARD = "model.json"
_CHUNK_BYTES = 1 << 20


class ModelNotInstalled(UsageError):
    """No model of that name is in the bundle or the store."""


@dataclass(frozen=True)
class Model:
    """A folder that holds a card and the files that the card lists with their sha256; and which command takes it."""

    name: str
    folder: Path
    task: str
    licence: str
    files: Mapping[str, str]
    used_by: str = ATLAS

    @property
    def is_bundled(self) -> bool:
        """Whether it came with the software, and no user added it."""
        return self.folder.parent == _bundle_folder()

    def damaged_files(self) -> list[str]:
        """Files that are missing or whose sha256 is not the card's."""
        return [name for name, expected in self.files.items() if _sha256(self.folder / name) != expected]


def store_folder() -> Path:
    """Where models that a user adds lie: `ANATOMYGUIDED_MODELS`, or `.anatomyguided/models` in the home folder."""
    chosen = os.environ.get("ANATOMYGUIDED_MODELS")
    return Path(chosen) if chosen else Path.home() / ".anatomyguided" / "models"


def installed_models() -> list[Model]:
    """The bundled models and the store's, by name; a store's model hides a bundled one of the same name."""
    found = {folder.name: _read_card(folder) for folder in _folders()}
    return [found[name] for name in sorted(found)]


def model_names(used_by: str = ATLAS) -> tuple[str, ...]:
    """The names of a command's installed models whose cards can be read, for a list to choose from."""
    return tuple(model.name for model in readable_models() if model.used_by == used_by)


def readable_models() -> list[Model]:
    """The installed models whose cards can be read, by name; no file of theirs is looked at."""
    found = {folder.name: _read_card(folder) for folder in _folders() if _is_readable(folder)}
    return [found[name] for name in sorted(found)]


def unreadable_models() -> tuple[str, ...]:
    """The names of the folders whose cards cannot be read."""
    return tuple(sorted({folder.name for folder in _folders() if not _is_readable(folder)}))


def find_model(name: str) -> Model:
    """The installed model of a name, or of a folder's path; its files are as the card says.

    Raises:
        ModelNotInstalled: There is none.
        AnatomyGuidedError: Its card or a file of it is damaged.
    """
    if is_model_folder(name):
        model = _read_card(Path(name))
    else:
        by_name = {folder.name: folder for folder in _folders()}
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            raise ModelNotInstalled(f"There is no model {Path(name).name!r}; installed: {known}.{_way_to(name)}")
        model = _read_card(by_name[name])
    damaged = model.damaged_files()
    if damaged:
        raise AnatomyGuidedError(f"The model {model.name} is damaged ({', '.join(damaged)}); install it again.")
    return model


def is_model_folder(path: str) -> bool:
    """Whether a folder holds a model's card."""
    return (Path(path) / _CARD).is_file()


def _way_to(name: str) -> str:
    """How a model that a recipe makes comes into the store; "" where there is no such recipe."""
    training = training_of(name)
    if not training:
        return ""
    return (
        f" It has a recipe: anatomyguided train {training} --config {name} -o {name} makes it, and then "
        f"anatomyguided models add {name} installs it."
    )


def _bundle_folder() -> Path:
    return Path(__file__).parent / "data" / "models"


def _folders() -> Iterator[Path]:
    """The folders with a card: bundled ones, then the store's."""
    for folder in (_bundle_folder(), store_folder()):
        yield from (card.parent for card in sorted(folder.glob(f"*/{_CARD}")))


def _is_readable(folder: Path) -> bool:
    try:
        return bool(_read_card(folder))
    except AnatomyGuidedError:
        return False


def _read_card(folder: Path) -> Model:
    try:
        card: dict[str, Any] = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in card["files"].items()}
        used_by = str(card.get("used_by", LESIONS if LESIONS in card else ATLAS))
        model = Model(folder.name, folder, str(card["task"]), str(card["licence"]), files, used_by)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnatomyGuidedError(f"The model card of {folder.name} cannot be read; install the model again.") from error
    outside = [name for name in files if not (folder / name).resolve().is_relative_to(folder.resolve())]
    if outside:
        raise AnatomyGuidedError(f"The model card of {folder.name} names files outside its folder; remove the model.")
    return model


def _sha256(path: Path) -> str:
    if not path.is_file():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
