"""Numbers and units as people say and write them: digits, words, decimals, halves, ordinals; px, mm, percent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ONES = {
    word: value
    for value, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
}
_ONES |= {"nought": 0, "naught": 0}
_TEENS = {
    word: value
    for value, word in enumerate(
        (
            *("ten", "eleven", "twelve", "thirteen", "fourteen"),
            *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ),
        start=10,
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
_IRREGULAR_ORDINALS = {
    "first": "one",
    "second": "two",
    "third": "three",
    "fifth": "five",
    "eighth": "eight",
    "ninth": "nine",
    "twelfth": "twelve",
}
UNITS: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(("px", "pixel", "pixels", "voxel", "voxels"), ("px", 1)),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), ("mm", 1)),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), ("mm", 10)),
    **dict.fromkeys(("percent", "per cent"), ("percent", 1)),
}  # what is said: the unit, and how many of it
_MINUS = ("minus", "negative")
_OH = ("oh", "o", "zero", "nought", "naught")
_COUNTED_THROUGH = (["slice"], ["slice", "number"], ["slice", "no"], ["level"], ["width"])  # said like house numbers
WORDS = frozenset(
    {
        *_ONES,
        *_TEENS,
        *_TENS,
        *_IRREGULAR_ORDINALS,
        *_MINUS,
        *" ".join(UNITS).split(),
        *(f"{word.removesuffix('y')}{'ie' * word.endswith('y')}th" for word in (*_ONES, *_TEENS, *_TENS, "hundred")),
        "hundred",
        "thousand",
        "point",
        "half",
        "oh",
    }
)
_DIGITS = re.compile(r"\d+(\.\d+)?|\.\d+")
_DIGIT_ORDINAL = re.compile(r"(\d+)(st|nd|rd|th)")


@dataclass(frozen=True)
class Number:
    """A number in a sentence; whole ones are `int`. An ordinal is "third" or "3rd"."""

    value: int | float
    ordinal: bool = False


Token = str | Number


def with_numbers(words: list[str]) -> list[Token]:
    """The words, with each number, however many words it took, as one `Number`.

    >>> with_numbers("two and a half mm on slice two hundred and fifteen".split())
    [Number(value=2.5, ordinal=False), 'mm', 'on', 'slice', Number(value=215, ordinal=False)]
    >>> with_numbers("zero point six five of the forty second".split())
    [Number(value=0.65, ordinal=False), 'of', 'the', Number(value=42, ordinal=True)]
    >>> with_numbers("slice two oh three".split()), with_numbers("width three fifty".split())
    (['slice', Number(value=203, ordinal=False)], ['width', Number(value=350, ordinal=False)])
    """
    tokens: list[Token] = []
    position = 0
    while position < len(words):
        counted = any(words[max(0, position - len(what)) : position] == what for what in _COUNTED_THROUGH)
        found = (_hundreds_unsaid(words, position) if counted else None) or _number_at(words, position)
        if found:
            number, position = found
            tokens.append(number)
        else:
            tokens.append(words[position])
            position += 1
    return tokens


def _number_at(words: list[str], start: int) -> tuple[Number, int] | None:
    """The longest number that begins at `start`, and the position behind it."""
    if words[start] in _MINUS and start + 1 < len(words):
        found = _number_at(words, start + 1)
        if found and not found[0].ordinal and found[0].value >= 0:
            return Number(-found[0].value), found[1]
        return None
    for read in (_half, _ordinal, _decimal_words, _cardinal_and_half):
        found = read(words, start)
        if found:
            return found
    return None


def _hundreds_unsaid(words: list[str], start: int) -> tuple[Number, int] | None:
    """ "three fifty" as 350, "two oh three" as 203, "one forty five" as 145, "two one five" as 215."""
    hundreds, behind = _ONES.get(words[start], 0), start + 1
    if not hundreds or behind >= len(words):
        return None
    if words[behind] in _OH or words[behind] in _ONES:
        tens = _ONES.get(words[behind], 0)
        unit = _ONES.get(words[behind + 1], 0) if behind + 1 < len(words) else 0
        found = (10 * tens + unit, behind + 2) if unit else None
    else:
        found = _below_hundred(words, behind)
    if not found or words[found[1] : found[1] + 1] in (["hundred"], ["thousand"], ["point"]):
        return None
    return Number(100 * hundreds + found[0]), found[1]


def _half(words: list[str], start: int) -> tuple[Number, int] | None:
    if words[start : start + 2] in (["half", "a"], ["half", "an"], ["a", "half"]):
        return Number(0.5), start + 2
    return None


def _ordinal(words: list[str], start: int) -> tuple[Number, int] | None:
    matched = _DIGIT_ORDINAL.fullmatch(words[start])
    if matched:
        return Number(int(matched[1]), ordinal=True), start + 1
    for end in range(min(len(words), start + 6), start, -1):
        last = _cardinal_of_ordinal(words[end - 1])
        found = _cardinal([*words[start : end - 1], last], 0) if last else None
        if found and found[1] == end - start:
            return Number(found[0], ordinal=True), end
    return None


def _cardinal_of_ordinal(word: str) -> str:
    """The cardinal of an ordinal's last word, "" where it is none.

    >>> _cardinal_of_ordinal("seventh"), _cardinal_of_ordinal("twentieth"), _cardinal_of_ordinal("tooth")
    ('seven', 'twenty', '')
    """
    if word in _IRREGULAR_ORDINALS:
        return _IRREGULAR_ORDINALS[word]
    stem = word.removesuffix("ieth") + "y" if word.endswith("ieth") else word.removesuffix("th")
    known = {*_ONES, *_TEENS, *_TENS, "hundred"} - {"zero", *_IRREGULAR_ORDINALS.values()}
    return stem if stem != word and stem in known else ""


def _decimal_words(words: list[str], start: int) -> tuple[Number, int] | None:
    """ "zero point six five", "point five", "2 point 5"."""
    whole, position = _cardinal(words, start) or (0, start)
    if words[position : position + 1] != ["point"]:
        return None
    digits = ""
    position += 1
    while position < len(words) and (words[position] in _ONES or words[position].isdecimal()):
        digits += str(_ONES.get(words[position], words[position]))
        position += 1
    return (_number(float(f"{whole}.{digits}")), position) if digits and isinstance(whole, int) else None


def _cardinal_and_half(words: list[str], start: int) -> tuple[Number, int] | None:
    found = _cardinal(words, start)
    if not found:
        return None
    value, position = found
    if words[position : position + 3] == ["and", "a", "half"]:
        return Number(value + 0.5), position + 3
    return _number(value), position


def _cardinal(words: list[str], start: int) -> tuple[int | float, int] | None:
    """ "42", "2.5", "forty two", "two hundred and fifteen", "a hundred", "one thousand two hundred"."""
    if start < len(words) and _DIGITS.fullmatch(words[start]):
        return _number(float(words[start])).value, start + 1
    thousands = _below_thousand(words, start)
    if not thousands:
        return None
    value, position = thousands
    if words[position : position + 1] == ["thousand"]:
        rest = _below_thousand(words, _behind_and(words, position + 1)) or (0, position + 1)
        return value * 1000 + rest[0], rest[1]
    return value, position


def _below_thousand(words: list[str], start: int) -> tuple[int, int] | None:
    if words[start : start + 2] == ["a", "hundred"]:
        value, position = 1, start + 1
    elif found := _below_hundred(words, start):
        value, position = found
    else:
        return None
    if words[position : position + 1] == ["hundred"]:
        rest = _below_hundred(words, _behind_and(words, position + 1)) or (0, position + 1)
        return value * 100 + rest[0], rest[1]
    return value, position


def _below_hundred(words: list[str], start: int) -> tuple[int, int] | None:
    word = words[start] if start < len(words) else ""
    if word in _TENS:
        unit = _ONES.get(words[start + 1], 0) if start + 1 < len(words) else 0
        return _TENS[word] + unit, start + (2 if unit else 1)
    if word in _ONES or word in _TEENS:
        return {**_ONES, **_TEENS}[word], start + 1
    return None


def _behind_and(words: list[str], position: int) -> int:
    return position + 1 if words[position : position + 1] == ["and"] else position


def _number(value: float) -> Number:
    """Whole numbers as `int`; one too large for a float is infinite, for the slot's rule to refuse."""
    return Number(int(value) if float(value).is_integer() else value)
