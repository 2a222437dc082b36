"""keep, undo, redo and revert: short sentences of a fixed form."""

from __future__ import annotations

from LIMISLib.commands import Command
from LIMISLib.language.numbers import Token
from LIMISLib.language.phrases import form
from LIMISLib.language.words import spoken

_FORMS = {intent: form("fixed", intent) for intent in ("keep", "undo", "redo", "revert")}


def fixed_sentence(tokens: list[Token]) -> Command | None:
    """The command that the whole sentence is a form of."""
    said = spoken(token for token in tokens if token != "please")
    for intent, shape in _FORMS.items():
        if matched := shape.fullmatch(said):
            groups = {name: found for name, found in matched.groupdict().items() if found}
            steps = [0 if name == "first" else int(found) for name, found in groups.items()]  # the first mask is step 0
            return Command(intent, {"step": steps[0]} if steps else {})
    return None
