"""Sentences about the connected components of the mask: drop one, or keep the largest alone."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation
from LIMISLib.numbers import Number, Token
from LIMISLib.phrases import Sentence, form, table
from LIMISLib.words import spoken

_COMPONENTS = table("component", "components")
_REMOVE = table("component", "remove")
_SIZES = table("component", "sizes")
_FILLERS = table("component", "fillers")
_KEEP_LARGEST = form("component", "keep_largest")


def remove_component(tokens: list[Token]) -> Interpretation | None:
    """remove_component: a verb of removing, one component by its number or its size."""
    said = Sentence(tokens)
    removes, numbers, sizes = said.take(_REMOVE), said.take_numbers(), set(said.take(_SIZES))
    numbers = [one for one in numbers if not (sizes and one == Number(1))]  # "the smallest one"
    components = said.take(_COMPONENTS)
    if not removes or len(numbers) > 1 or len(sizes) > 1 or not said.is_only(_FILLERS):
        return None
    if not components and not sizes:
        return None
    if numbers and sizes == {"smallest"}:
        return None
    if numbers and (not sizes or numbers[0].ordinal):  # "the second largest": components are numbered by size
        return Command("remove_component", {"component": numbers[0].value})
    return Command("remove_component", {"which": sizes.pop()}) if sizes and not numbers else None


def keep_largest(tokens: list[Token]) -> Interpretation | None:
    """keep_largest: "keep only the largest component", "drop all but the biggest"."""
    return Command("keep_largest") if _KEEP_LARGEST.fullmatch(spoken(tokens)) else None
