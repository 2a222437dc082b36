"""Numbers as they are spoken, and the grammar rules of those that commands take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from LIMISLib.commands import GRID_CELLS

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


def alternatives(phrases: Iterable[str]) -> str:
    """The phrases as a JSGF expansion: one of them."""
    return " | ".join(phrases)


def number_rules() -> Mapping[str, str]:
    """JSGF expansions by name: counts, amounts, shares, slices, levels and widths of windows."""
    return {
        "digit": alternatives(map(spelled, range(1, 10))),
        "teen": alternatives(map(spelled, range(10, 20))),
        "tens": alternatives(map(spelled, range(20, 100, 10))),
        "up_to_99": "/4/ <digit> | /2/ <teen> | /2/ <tens> | <tens> <digit>",
        "up_to_999": "<up_to_99> | <hundreds>",
        "hundreds": "(a | <digit>) hundred [[and] <up_to_99>]",
        "up_to_20": alternatives(map(spelled, range(1, 21))),
        "up_to_4": alternatives(map(spelled, range(1, 5))),
        "step_number": alternatives(map(spelled, range(20))),
        "cell_number": alternatives(map(spelled, range(1, GRID_CELLS + 1))),
        "up_to_4th": alternatives(map(ordinal, range(1, 5))),
        "amount": "/8/ <up_to_99> | <digit> and a half | <digit> point <digit>",
        "share": "[zero] point (/4/ <digit> | <digit> five | zero <digit>) | <up_to_99> percent",
        "hu": "<up_to_99> | <hundreds> | <teen> hundred | <digit> thousand [<digit> hundred]",
        "level": "[minus] <hu> | zero",
    }
