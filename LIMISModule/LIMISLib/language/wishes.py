"""Wishes: "I need the liver", "I want the box moved to the left". As courtesies they are no part of the command."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, Question
from LIMISLib.language.numbers import with_numbers
from LIMISLib.language.phrases import table
from LIMISLib.language.structures import mentions

_WISHES = table("wish", "wishes")
_LONGEST = max(len(wish.split()) for wish in _WISHES)
_BESIDE_A_NAME = ("the", "a", "an", "also", "his", "her", "patient", "patients", "that", "this", "whole", "bounding")


def as_wished(words: list[str], reading: Interpretation) -> Interpretation:
    """The command where the sentence wishes for it; what would be asked without the wish needs no question then."""
    if not isinstance(reading, Question) or reading.options != ("yes", "no"):
        return reading
    command = reading.outcomes[0]
    if not isinstance(command, Command):
        return reading
    return command if any(_begins_with(behind, command) for behind in _behind_wishes(words)) else reading


def _behind_wishes(words: list[str]) -> list[list[str]]:
    """What the sentence goes on with behind a wish.

    >>> _behind_wishes("today i need the liver".split())
    [['the', 'liver']]
    """
    ends = range(1, len(words))
    wished = (
        end for end in ends if any(" ".join(words[max(0, end - n) : end]) in _WISHES for n in range(2, _LONGEST + 1))
    )
    return [words[end:] for end in wished]


def _begins_with(words: list[str], command: Command) -> bool:
    """Whether the words begin with the structure to segment, or with the box to change."""
    tokens = [token for token in with_numbers(words) if token not in _BESIDE_A_NAME]
    if command.intent == "segment":
        return any(mention.start == 0 for mention in mentions(tokens))
    return command.intent in ("shift_box", "resize_box") and tokens[:1] == ["box"]
