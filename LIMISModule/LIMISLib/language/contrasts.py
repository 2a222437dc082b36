"""Sides told apart: "the right kidney, not the left", "not the left kidney, the right one"."""

from __future__ import annotations

import re

from LIMISLib.language.words import NEGATIONS

_SIDE = "left|right"
_BEHIND = re.compile(
    rf"(?P<said>.*\b(?P<side>{_SIDE})\b.*?) (?:and )?not (?:the |on the )?(?P<other>{_SIDE})(?: one| side)?"
)
_AHEAD = re.compile(
    rf"not the (?P<other>{_SIDE}) (?P<what>\w+(?: \w+){{0,4}}?) (?:but )?the (?P<side>{_SIDE})(?: one)?"
)


def without_other_side(words: list[str]) -> list[list[str]]:
    """The sentence without the side that is not meant, where the other one is named.

    >>> without_other_side("segment the right kidney not the left one".split())
    [['segment', 'the', 'right', 'kidney']]
    >>> without_other_side("not the left kidney the right one".split())
    [['segment', 'the', 'right', 'kidney']]
    """
    said = " ".join(words)
    found = _BEHIND.fullmatch(said)
    if found and found["side"] != found["other"] and not any(word in NEGATIONS for word in found["said"].split()):
        return [] if found["other"] in found["said"].split() else [found["said"].split()]
    found = _AHEAD.fullmatch(said)
    return (
        [["segment", "the", found["side"], *found["what"].split()]] if found and found["side"] != found["other"] else []
    )
