"""Sentences about the steps so far: compare two, list all, hand one over."""

from __future__ import annotations

from itertools import pairwise

from LIMISLib.commands import Command, Interpretation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, form, table
from LIMISLib.language.words import spoken

_COMPARE = table("history", "compare")
_STEPS = table("history", "steps")
_COMPARE_FILLERS = table("history", "compare_fillers")
_HISTORY = form("history", "history")
_FINISH = form("history", "finish")
_HAND_OVER = form("history", "hand_over")
_ENDING = form("history", "ending")


def compare(tokens: list[Token]) -> Interpretation | None:
    """compare: two steps by number, and that they are wanted beside each other."""
    said = Sentence(tokens)
    numbers = said.take_numbers(ordinal=False)
    compares = said.take(_COMPARE) or _both_shown(tokens)
    steps = said.take(_STEPS)
    if (
        not compares
        or (set(compares) == {"next to"} and not steps)
        or len(numbers) != 2
        or not said.is_only(_COMPARE_FILLERS)
    ):
        return None
    return Command("compare", {"steps": tuple(number.value for number in numbers)})  # type: ignore[misc]


def _both_shown(tokens: list[Token]) -> list[str]:
    """ "Show" of "show me steps two and five", where both are named at once."""
    shown = [token for token in tokens if token in ("show", "display", "see", "bring")]
    both = [token for token, after in pairwise(tokens) if token in ("steps", "states") and isinstance(after, Number)]
    return [str(token) for token in shown] if both and "and" in tokens else []


def show_history(tokens: list[Token]) -> Interpretation | None:
    """show_history: the history, the log, all steps so far."""
    return Command("show_history") if _HISTORY.fullmatch(spoken(tokens)) else None


def finish(tokens: list[Token]) -> Interpretation | None:
    """finish: "I am done", "hand over the final mask", "finish with step 4"."""
    said = spoken(tokens)
    if _FINISH.fullmatch(said.strip()):
        return Command("finish")
    found = _HAND_OVER.fullmatch(said)
    if not found or not _ENDING.search(said):
        return None
    steps = [int(step) for step in found.groupdict().values() if step]
    if not steps and any(not isinstance(token, str) for token in tokens):
        return None
    return Command("finish", {"step": steps[0]} if steps else {})
