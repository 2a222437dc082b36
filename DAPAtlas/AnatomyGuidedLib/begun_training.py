"""The settings of a training, written before its first step and compared when it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import write_json_whole
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import RECIPE, holds_training, require_fresh

__all__ = ["RECIPE", "begin", "cut_short_notes", "require_same"]


def begin(folder: Path, recipe: Any, *, resume: bool, free: Sequence[str] = ()) -> None:
    """Nothing; the folder has the recipe (a dataclass of settings) of the training that begins or goes on there.

    A folder with a recipe and nothing else is one that was not begun: what is wrong with its settings may be mended.
    `free` names settings of the recipe that may change on the way, as they leave what was learned as it is.

    Raises:
        UsageError: The folder holds a training and resuming was not asked for, or it was begun with other settings.
    """
    if holds_training(folder):
        require_fresh(folder, resume=resume)
        if (folder / RECIPE).is_file():
            before, now = (_told(one, free) for one in (_before(folder, recipe), recipe))
            require_same(before, now, folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json_whole(folder / RECIPE, asdict(recipe))


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


def cut_short_notes(name: str, steps: float, of: int) -> tuple[str, ...]:
    """For the card and every report of a model whose training the user stopped; none where all steps are done.

    >>> cut_short_notes("mine", 76, 400)
    ('mine is unfinished: its training was stopped after 76 of 400 steps.',)
    """
    return (f"{name} is unfinished: its training was stopped after {steps:.0f} of {of} steps.",) if steps < of else ()


def _before(folder: Path, recipe: Any) -> Any:
    """The recipe that the folder's training was begun with."""
    try:
        return with_settings(type(recipe)(), read_settings(folder / RECIPE))
    except UsageError as error:
        raise UsageError(
            f"The {RECIPE} in {folder.name} is none of a training like this one; choose another folder. ({error})"
        ) from error


def _told(recipe: Any, free: Sequence[str]) -> dict[str, object]:
    return dict(_flat({name: value for name, value in asdict(recipe).items() if name not in free}))


def _flat(settings: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, object]]:
    """All settings by their dotted names, the parts of a list of groups by their number.

    >>> dict(_flat({"steps": 3, "arm": {"fusion": "none"}, "phases": ({"side": 8},)}))
    {'steps': 3, 'arm.fusion': 'none', 'phases.1.side': 8}
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{group}{name}.")
        elif isinstance(value, tuple) and any(isinstance(part, Mapping) for part in value):
            yield from _flat({str(number): part for number, part in enumerate(value, 1)}, f"{group}{name}.")
        else:
            yield f"{group}{name}", value
