"""keep, undo, redo and revert: short sentences of a fixed form."""

from __future__ import annotations

from LIMISLib.commands import Command
from LIMISLib.numbers import Token
from LIMISLib.phrases import form
from LIMISLib.words import spoken

_FORMS = {intent: form("fixed", intent) for intent in ("keep", "undo", "redo", "revert")}


def fixed_sentence(tokens: list[Token]) -> Command | None:
    """The command that the whole sentence is a form of."""
    said = spoken(token for token in tokens if token != "please")
    for intent, shape in _FORMS.items():
        if matched := shape.fullmatch(said):
            step = matched.groupdict().get("step")
            return Command(intent, {"step": int(step)} if step else {})
    return None
