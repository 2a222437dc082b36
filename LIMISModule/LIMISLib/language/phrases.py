"""What people say, from `data/phrases.toml`: tables of phrases, forms of sentences, and a sentence to take them from.

A table lists phrases with commas between, by what they mean. A form is a regular expression over plain words, an
alternative a line (an indented line goes on with the one before); `{name}` stands for another form of its section.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.words import GAP, left_over, take

Value = TypeVar("Value")

_FILE = Path(__file__).parent.parent / "data" / "phrases.toml"


def table(section: str, name: str) -> dict[str, str]:
    """Meanings by phrase; the phrases of a plain list mean themselves.

    >>> table("threshold", "ways")["turn up"], table("window", "presets")["hepatic"]
    ('up', 'liver')
    """
    entry = _read()[section][name]
    if isinstance(entry, str):
        return {phrase: phrase for phrase in _listed(entry)}
    return {phrase: meaning for meaning, said in entry.items() for phrase in _listed(said)}


def form(section: str, name: str, **others: str) -> re.Pattern[str]:
    """The regular expression of a form; it may also name the `others`.

    >>> bool(form("fixed", "undo").fullmatch("take back the last step".replace("the ", "")))
    True
    """
    return re.compile(_expanded({**_read()[section], **others}, name))


@cache
def all_words() -> frozenset[str]:
    """All words of all phrases and forms."""
    found: set[str] = set()
    for section in _read().values():
        for entry in section.values():
            for text in entry.values() if isinstance(entry, Mapping) else (entry,):
                found |= set(re.findall(r"[a-z]{2,}", re.sub(r"\(\?P<\w+>|\\\w|\{\w+\}", " ", text)))
    return frozenset(found)


class Sentence:
    """Tokens, of which those that belong to a concept are taken away; what is left must be fillers."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = list(tokens)

    def take(self, phrases: Mapping[str, Value]) -> list[Value]:
        """What the table's phrases in the sentence mean, longer phrases first."""
        found, self.tokens = take(self.tokens, phrases)
        return found

    def one(self, phrases: Mapping[str, Value]) -> Value | None:
        """The one thing that the table's phrases in the sentence mean; none if there is none, or more than one."""
        found = set(self.take(phrases))
        return found.pop() if len(found) == 1 else None

    def take_numbers(self, *, ordinal: bool | None = None) -> list[Number]:
        """The numbers, or only the ordinals or the cardinals."""
        found = [token for token in self.tokens if isinstance(token, Number) and ordinal in (None, token.ordinal)]
        self.tokens = [GAP if token in found else token for token in self.tokens]
        return found

    def is_only(self, fillers: Iterable[str]) -> bool:
        """Whether all that is left is of these words."""
        return not left_over(self.tokens, frozenset(fillers))


@cache
def _read() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _listed(text: str) -> list[str]:
    return [phrase for part in text.split(",") if (phrase := " ".join(part.split()))]


def _expanded(section: Mapping[str, Any], name: str) -> str:
    lines = re.sub(r"\n +", "", section[name].strip("\n")).split("\n")
    return re.sub(r"\{(\w+)\}", lambda found: f"(?:{_expanded(section, found[1])})", "|".join(lines))
