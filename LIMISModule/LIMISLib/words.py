"""A sentence as plain words, and phrases taken out of it one by one, so that nothing said is overlooked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from LIMISLib.numbers import Number, Token, with_numbers

Value = TypeVar("Value")

NEGATIONS = ("not", "no", "never", "without", "neither", "nor", "nothing", "none")

GAP = ""  # stands where a phrase was taken out, so that no phrase is read across it

_CONTRACTIONS = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "let's": "let us",
    "that's": "that is",
    "it's": "it is",
    "this's": "this is",
    "i'm": "i am",
    "i'd": "i would",
    "dont": "do not",
}
_POLITE_STARTS = (
    *("please", "kindly", "ok", "okay", "now", "then", "so", "well", "um", "uh", "er", "hey", "limis", "just", "and"),
    *("go ahead and", "let us", "let me", "can you", "could you", "would you", "will you", "can we", "could we"),
    *("can you please", "i want to", "i would like to", "i would like you to", "i want you to", "i need you to"),
)
_POLITE_ENDS = (
    *("please", "now", "thanks", "thank you", "for me", "then", "ok", "okay", "if you can", "will you", "would you"),
)
_ARTICLES = ("the", "a", "an")


def words_of(sentence: str) -> list[str]:
    """The sentence's words in lower case, without punctuation; contractions and units are written out.

    >>> words_of("Don't move the bounding-box 2,5px: Patient's left, 15%!")
    ['do', 'not', 'move', 'the', 'bounding', 'box', '2.5', 'px', 'patient', 'left', '15', 'percent']
    """
    text = unicodedata.normalize("NFKC", sentence).casefold().replace("’", "'").replace("−", "-")
    text = re.sub(r"[a-z']+", lambda word: _CONTRACTIONS.get(word[0], word[0]), text)
    text = re.sub(r"n't\b", " not", text)
    text = re.sub(r"'s\b|s'(?!\w)", lambda end: "s" if end[0] == "s'" else "", text)
    text = text.replace("%", " percent ")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"(?<![\w.])[-](?=\.?\d)", " minus ", text)
    text = re.sub(r"(?<=\d)(?=(?:px|pixels?|mm|cm|milli|centi|percent)(?![a-z]))", " ", text)
    return re.findall(r"\d+\.\d+|(?<![\w.])\.\d+|\w+", text)


def tokens_of(sentence: str) -> list[Token]:
    """The sentence's words and numbers without courtesies at its ends and without articles; a lone courtesy stays.

    >>> tokens_of("Could you please outline the aorta in slice 131?")
    ['outline', 'aorta', 'in', 'slice', Number(value=131, ordinal=False)]
    """
    words = words_of(sentence)
    words = without_courtesies(words) or words
    return [token for token in with_numbers(words) if token not in _ARTICLES]


def without_courtesies(words: list[str]) -> list[str]:
    """The words without "could you please", "for me", "ok", ... at the start and the end."""
    starts = sorted((phrase.split() for phrase in _POLITE_STARTS), key=len, reverse=True)
    ends = sorted((phrase.split() for phrase in _POLITE_ENDS), key=len, reverse=True)
    while words and (found := next((start for start in starts if words[: len(start)] == start), None)):
        words = words[len(found) :]
    while words and (found := next((end for end in ends if words[-len(end) :] == end), None)):
        words = words[: -len(found)]
    return words


def take(tokens: list[Token], table: Mapping[str, Value]) -> tuple[list[Value], list[Token]]:
    """The values of the table's phrases that the tokens hold, longest phrases first, and the tokens with gaps there.

    >>> take(["move", "box", "to", "left"], {"left": 1, "to left": 2})
    ([2], ['move', 'box', ''])
    """
    values: list[Value] = []
    for phrase in sorted(table, key=lambda phrase: -len(phrase.split())):
        words: list[Token] = list(phrase.split())
        position = 0
        while position + len(words) <= len(tokens):
            if tokens[position : position + len(words)] == words:
                values.append(table[phrase])
                tokens = [*tokens[:position], GAP, *tokens[position + len(words) :]]
            position += 1
    return values, tokens


def left_over(tokens: Iterable[Token], allowed: Collection[str]) -> list[Token]:
    """The tokens that are neither gaps nor among the allowed words."""
    return [token for token in tokens if token != GAP and token not in allowed]


def spoken(tokens: Iterable[Token]) -> str:
    """Tokens as text, for answers that quote them."""
    return " ".join(f"{token.value:g}" if isinstance(token, Number) else token for token in tokens if token != GAP)
