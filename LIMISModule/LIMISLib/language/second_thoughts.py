"""Second thoughts: "move the box left, no, right", "slice forty, I mean fifty"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from LIMISLib.language.numbers import UNITS, Number, Token, with_numbers
from LIMISLib.language.phrases import table
from LIMISLib.language.words import NEGATIONS, rejoined

_MARK = re.compile(
    r" (?:no|sorry|oops|wait|actually|rather|i mean|i meant|make that|or rather|correction|scratch that)"
    r"(?: (?:no|sorry|wait|i mean|i meant|make that|actually|rather))* "
)
_KINDS = (
    frozenset(("left", "right", "up", "down", "anterior", "posterior", "superior", "inferior")),
    frozenset(("top", "bottom", "left", "right")),
    frozenset(("larger", "smaller", "bigger", "tighter", "wider", "narrower")),
    frozenset(("smallest", "largest", "biggest")),
    frozenset(("higher", "lower")),
    frozenset(("next", "previous")),
    frozenset(table("click", "labels")),
    frozenset(table("view", "planes")),
    frozenset(table("window", "presets")),
)
_REPEATED = ("the", "a", "to", "by", "on", "at", "in", "it", "not", "is", "should", "be")
_BEHIND = ("one", "side", "window", "view", "plane", "please", "instead")


def corrected(words: list[str]) -> list[list[str]]:
    """The sentence with the one thing put right that is said again behind "no", "sorry" or "I mean"; else none.

    >>> corrected("move the box left by five pixels no sorry right".split())
    [['move', 'the', 'box', 'right', 'by', '5', 'pixels']]
    >>> corrected("the left kidney no it is fine".split())
    []
    """
    said = " ".join(words)
    marks = list(_MARK.finditer(said))
    if len(marks) != 1:
        return []
    before, after = with_numbers(said[: marks[0].start()].split()), with_numbers(said[marks[0].end() :].split())
    if any(word in NEGATIONS for word in (*before, *after)):
        return []
    anew = next((place for place, token in enumerate(after) if token not in (*_REPEATED, *before)), None)
    if anew is None or (isinstance(after[anew], Number) and marks[0][0] == " no "):  # "no 5" may be "number 5"
        return []
    places = [place for place, token in enumerate(before) if _is_alike(token, after[anew])]
    if not places:
        return []
    return [rejoined(_replaced(before, places[-1], after[anew:])).split()]


def _is_alike(one: Token, other: Token) -> bool:
    """Whether the one can stand for the other: both numbers, both sides, both planes ..."""
    if isinstance(one, Number) or isinstance(other, Number):
        return isinstance(one, Number) and isinstance(other, Number) and one.ordinal == other.ordinal
    return any(one in kind and other in kind for kind in _KINDS)


def _replaced(before: list[Token], place: int, after: Sequence[Token]) -> list[Token]:
    """`before` with the first of `after` in place, with its unit if it has one; what else is said behind follows."""
    new, *rest = after
    behind = before[place + 1 :]
    if rest and rest[0] in UNITS and behind and behind[0] in UNITS:
        behind[0], rest = rest[0], rest[1:]
    rest = [token for token in rest if token not in _BEHIND and token != Number(1) and token not in before]
    return [*before[:place], new, *behind, *rest]
