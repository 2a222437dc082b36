"""Sentences about the steps so far: compare two, list all, hand one over."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation
from LIMISLib.numbers import Token
from LIMISLib.phrases import Sentence, form, table
from LIMISLib.words import spoken

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
    compares = said.take(_COMPARE)
    steps = said.take(_STEPS)
    if (
        not compares
        or (set(compares) == {"next to"} and not steps)
        or len(numbers) != 2
        or not said.is_only(_COMPARE_FILLERS)
    ):
        return None
    return Command("compare", {"steps": tuple(number.value for number in numbers)})  # type: ignore[misc]


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
    if found["step"] is None and any(not isinstance(token, str) for token in tokens):
        return None
    return Command("finish", {"step": int(found["step"])} if found["step"] else {})
