"""Sentences about the window, that is how HU become grey values: a preset, or level and width."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, Rejection, confirmation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, table
from LIMISLib.language.words import GAP

_PRESETS = table("window", "presets")
_WINDOW = table("window", "window")
_LEVEL = table("window", "level")
_WIDTH = table("window", "width")
_FILLERS = table("window", "fillers")


def window(tokens: list[Token]) -> Interpretation | None:
    """set_window: a window and its preset, or a level and a width."""
    said = Sentence(tokens)
    level, width = _number_named(said, _LEVEL), _number_named(said, _WIDTH)
    level = _number_before(said, _LEVEL) if level is None and width is None else level
    width = _number_before(said, _WIDTH) if width is None else width
    width = width if width is not None or level is None else _number_named(said, _WINDOW)
    windows = said.take(_WINDOW)
    if level is not None and width is not None:
        return Command("set_window", {"level": level, "width": width}) if said.is_only(_FILLERS) else None
    if level is not None or width is not None:
        is_about = windows and said.is_only(_FILLERS)
        return Rejection('Say level and width, for example "level 40 width 400".') if is_about else None
    preset = said.one(_PRESETS)
    if preset is None or not said.is_only(_FILLERS):
        return None
    command = Command("set_window", {"preset": preset})
    if windows:
        return command
    is_asked = any(token in ("switch", "preset", "view") for token in tokens)
    return confirmation(f"Use the {preset.replace('_', ' ')} window?", command) if is_asked else None


def _number_named(said: Sentence, names: dict[str, str]) -> int | float | None:
    """The number behind one of these names, taken out of the sentence."""
    for phrase in sorted(names, key=lambda name: -len(name.split())):
        words = phrase.split()
        for place in range(len(said.tokens) - len(words) + 1):
            end = place + len(words)
            if said.tokens[place:end] != words:
                continue
            behind = end
            while behind < len(said.tokens) and said.tokens[behind] in ("of", "to", "at", "is", "be"):
                behind += 1
            number = said.tokens[behind] if behind < len(said.tokens) else GAP
            if isinstance(number, Number) and not number.ordinal:
                tens = said.tokens[behind + 1] if behind + 1 < len(said.tokens) else GAP
                is_split = (
                    abs(number.value) in range(1, 10) and isinstance(tens, Number) and tens.value in range(10, 100)
                )
                said.tokens[place : behind + 1 + is_split] = [GAP] * (behind + 1 + is_split - place)
                return _hundreds(number.value, tens.value) if is_split else number.value  # type: ignore[union-attr]
    return None


def _hundreds(hundreds: int | float, tens: int | float) -> int | float:
    """The number of "a width of three fifty", "level minus six fifty"."""
    return 100 * hundreds + (tens if hundreds > 0 else -tens)


def _number_before(said: Sentence, names: dict[str, str]) -> int | float | None:
    """The number before one of these names ("four hundred wide"), taken out of the sentence."""
    for place, token in enumerate(said.tokens[1:], start=1):
        number = said.tokens[place - 1]
        if token in names and isinstance(number, Number) and not number.ordinal:
            said.tokens[place - 1 : place + 1] = [GAP, GAP]
            return number.value
    return None
