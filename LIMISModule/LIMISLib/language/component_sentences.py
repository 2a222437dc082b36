"""Sentences about the connected components of the mask: drop one, or keep the largest alone."""

from __future__ import annotations

from collections.abc import Mapping

from LIMISLib.commands import Command, Interpretation, confirmation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, form, table
from LIMISLib.language.words import spoken

_COMPONENTS = table("component", "components")
_REMOVE = table("component", "remove")
_SIZES = table("component", "sizes")
_FILLERS = table("component", "fillers")
_PASSIVE = table("component", "passive")
_PASSIVE_COMPONENTS = table("component", "passive_components")
_PASSIVE_FILLERS = table("component", "passive_fillers")
_UNWANTED = table("component", "unwanted")
_KEEP_LARGEST = form("component", "keep_largest")


def remove_component(tokens: list[Token]) -> Interpretation | None:
    """remove_component: a verb of removing (or that it should go), one component by its number or its size."""
    active = Sentence(tokens)
    if len(tokens) > 1 and tokens[-1] == "it" and tokens[-2] in _REMOVE:
        active.take(_UNWANTED)  # "I don't need component 3, remove it"
    if len(tokens) == 2 and tokens[0] in _REMOVE and isinstance(tokens[1], Number):
        command = Command("remove_component", {"component": tokens[1].value})
        return confirmation(f"Remove component {tokens[1].value:g}?", command)
    if active.take(_REMOVE):
        return _one_component(active, _COMPONENTS, _FILLERS)
    passive = Sentence(tokens)
    if passive.take(_PASSIVE):  # "component 3 out", "the smallest component can go"; "component 3 is out" only tells
        return _one_component(passive, _PASSIVE_COMPONENTS, _PASSIVE_FILLERS, needs_name=True)
    return None


def _one_component(
    said: Sentence, names: Mapping[str, str], fillers: Mapping[str, str], *, needs_name: bool = False
) -> Command | None:
    """The removal of the one component that the rest of the sentence names, and nothing but it."""
    numbers, sizes = said.take_numbers(), set(said.take(_SIZES))
    numbers = [one for one in numbers if not (sizes and one == Number(1))]  # "the smallest one"
    named = said.take(names)
    if len(numbers) > 1 or len(sizes) > 1 or not said.is_only(fillers):
        return None
    if not named and (needs_name or not sizes):
        return None
    if numbers and sizes == {"smallest"}:
        return None
    if numbers and (not sizes or numbers[0].ordinal):  # "the second largest": components are numbered by size
        return Command("remove_component", {"component": numbers[0].value})
    return Command("remove_component", {"which": sizes.pop()}) if sizes and not numbers else None


def keep_largest(tokens: list[Token]) -> Interpretation | None:
    """keep_largest: "keep only the largest component", "drop all but the biggest"."""
    return Command("keep_largest") if _KEEP_LARGEST.fullmatch(spoken(tokens)) else None
