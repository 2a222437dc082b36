"""Numbers as they are spoken."""

from __future__ import annotations

_BELOW_TWENTY = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"}
_ORDINALS |= {"nine": "ninth", "twelve": "twelfth"}


def spelled(number: int) -> str:
    """The whole number from 0 to 999 in words.

    >>> spelled(0), spelled(42), spelled(215)
    ('zero', 'forty two', 'two hundred and fifteen')
    """
    if number < len(_BELOW_TWENTY):
        return _BELOW_TWENTY[number]
    if number < 100:
        return f"{_TENS[number // 10]} {spelled(number % 10) if number % 10 else ''}".strip()
    rest = f" and {spelled(number % 100)}" if number % 100 else ""
    return f"{spelled(number // 100)} hundred{rest}"


def ordinal(number: int) -> str:
    """The ordinal from 1 to 19 in words.

    >>> ordinal(3), ordinal(12), ordinal(7)
    ('third', 'twelfth', 'seventh')
    """
    cardinal = spelled(number)
    return _ORDINALS.get(cardinal, f"{cardinal}th")
