"""What a study is asked for: its tier, a user's settings and cohort, and how settings become a parameter object."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar

from AnatomyGuidedLib.errors import UsageError

Tier = Literal["ci", "cpu", "gpu"]

_Parameters = TypeVar("_Parameters")


@dataclass(frozen=True)
class StudyOptions:
    """The tier ("ci" minutes on one core, "cpu" the thesis's size, "gpu"), settings by name, a cohort's table.

    `target` is where the study's folder will be: a study that can go on after a stop keeps its state below it. Files
    that settings name are relative to `where`.
    """

    tier: Tier = "ci"
    settings: Mapping[str, object] = field(default_factory=dict)
    cohort: Path | None = None
    target: Path | None = None
    where: Path = Path()


def read_settings(path: Path) -> dict[str, object]:
    """The settings of a `.json` or `.toml` file, by name.

    Raises:
        UsageError: It is neither, cannot be read, or holds no names with values.
    """
    try:
        text = path.read_text(encoding="utf-8")
        settings = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except FileNotFoundError as error:
        raise UsageError(f"{path.name} does not exist; check the path.") from error
    except OSError as error:
        raise UsageError(
            f"{path.name} cannot be read as settings ({error.strerror}); give a .json or .toml."
        ) from error
    except ValueError as error:  # both parsers' errors, and bytes that are no text, are ValueErrors
        raise UsageError(f"{path.name} cannot be read as settings in JSON or TOML: {error}.") from error
    if not isinstance(settings, dict):
        raise UsageError(f"{path.name} must hold settings by name, but holds a {type(settings).__name__}.")
    return settings


def with_settings(parameters: _Parameters, settings: Mapping[str, object], *, where: str = "") -> _Parameters:
    """The frozen parameter object with the settings in place of its own values; groups of settings nest.

    >>> with_settings(StudyOptions(), {"tier": "cpu"}).tier
    'cpu'

    Raises:
        UsageError: A setting is unknown, or its value is of another kind than the one it replaces.
    """
    holder: Any = parameters
    current = {entry.name: getattr(holder, entry.name) for entry in fields(holder)}
    unknown = sorted(set(settings) - set(current))
    if unknown:
        raise UsageError(f"The setting {where}{unknown[0]} is unknown; there are {', '.join(sorted(current))}.")
    changed = {name: _changed(current[name], value, f"{where}{name}") for name, value in settings.items()}
    return replace(holder, **changed)  # type: ignore[no-any-return]


def require_positive(parameters: object, *names: str) -> None:
    """Nothing if these numbers, or all numbers of these groups, are finite and above 0.

    Raises:
        UsageError: One is not, or a group is empty.
    """
    for name in names:
        value = getattr(parameters, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or not all(isfinite(number) and number > 0 for number in numbers):
            raise UsageError(f"The setting {name} must be above 0, but is {value!r}.")


def require_not_negative(parameters: object, *names: str) -> None:
    """Nothing if these numbers are finite and not below 0.

    Raises:
        UsageError: One is not.
    """
    for name in names:
        value = getattr(parameters, name)
        if not isfinite(value) or value < 0:
            raise UsageError(f"The setting {name} must not be below 0, but is {value!r}.")


def require_below_one(parameters: object, *names: str) -> None:
    """Nothing if these numbers are from 0 to 1, and not 1.

    Raises:
        UsageError: One is not.
    """
    for name in names:
        value = getattr(parameters, name)
        if not 0.0 <= value < 1.0:
            raise UsageError(f"The setting {name} must be 0 or more and below 1, but is {value:g}.")


def _changed(old: Any, new: object, name: str) -> object:
    if is_dataclass(old) and isinstance(new, Mapping):
        return with_settings(old, new, where=f"{name}.")
    if isinstance(old, tuple) and isinstance(new, list | tuple):
        return tuple(_changed(old[0], value, name) for value in new) if old else tuple(new)
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        return float(new)
    if type(old) is not type(new):
        raise UsageError(f"The setting {name} must be like {old!r}, but is {new!r}.")
    return new
