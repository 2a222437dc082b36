"""The settings of a training, written before its first step and compared when it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import require_fresh

RECIPE = "recipe.json"


def begin(folder: Path, recipe: Any, *, resume: bool) -> None:
    """Nothing; the folder has the recipe (a dataclass of settings) of the training that begins or goes on there.

    Raises:
        UsageError: The folder holds a training and resuming was not asked for, or it was begun with other settings.
    """
    require_fresh(folder, resume=resume)
    if (folder / RECIPE).is_file():
        before = with_settings(type(recipe)(), read_settings(folder / RECIPE))
        require_same(dict(_flat(asdict(before))), dict(_flat(asdict(recipe))), folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{RECIPE}.part", asdict(recipe))
    (folder / f"{RECIPE}.part").replace(folder / RECIPE)


def require_same(before: Mapping[str, object], now: Mapping[str, object], folder: Path) -> None:
    """Nothing, if what the folder's training was begun with is what it is to go on with.

    Raises:
        UsageError: It is not; the message names the first difference.
    """
    for name in (*now, *before):
        if before.get(name) != now.get(name):
            raise UsageError(
                f"The training in {folder.name} was begun with {name} {before.get(name)!r}, but now {name} is "
                f"{now.get(name)!r}; go on with the former, or choose another folder for the new one."
            )


def _flat(settings: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, object]]:
    """All settings by their dotted names.

    >>> dict(_flat({"steps": 3, "arm": {"fusion": "none"}}))
    {'steps': 3, 'arm.fusion': 'none'}
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{group}{name}.")
        else:
            yield f"{group}{name}", value
