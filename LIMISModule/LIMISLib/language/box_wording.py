"""What is said about the box in parted, roundabout or complaining words, in plain ones."""

from __future__ import annotations

from LIMISLib.language.numbers import UNITS, Number, Token
from LIMISLib.language.words import tokens_without_courtesies, words_in

SIDE_WORDS = {"left": "left", "right": "right", "top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom"}
INWARD = {
    **dict.fromkeys(("out", "outward", "outwards"), 1),
    **dict.fromkeys(("in", "inward", "inwards"), -1),
}  # what an edge does that is moved
MORE_OR_LESS = {"more": 1, "extra": 1, "another": 1, "less": -1}  # of the box, where a side or a margin is named
_COMPLAINING = ("is", "looks", "seems", "sits", "lies")
_DEGREES = ("sitting", "placed", "to", "on", "too", "bit", "little", "much", "far", "way", "still", "slightly")
_TOO = {"too", "bit", "little", "slightly", "far", "way"}  # "a bit tight" complains, "tight" alone may tell
_CURES: dict[str, int | str] = {
    **dict.fromkeys(("small", "tight", "narrow", "short"), 1),
    **dict.fromkeys(("large", "big", "loose", "wide", "generous"), -1),
    **{"high": "down", "low": "up", "right": "left", "left": "right"},
}  # what is to be done about a box that is too ...
_TAKING = ("take", "remove", "knock")
_PARTED = {
    ("scale", "size"): ("up", "down"),
    ("blow",): ("up",),
    ("trim", "cut"): ("down",),
    _TAKING: ("off", "away", "from"),
}  # verbs that may stand apart from their word
_BEFORE_AMOUNTS = ("another", "about", "just")
WORDS = words_in(INWARD, MORE_OR_LESS, _COMPLAINING, _DEGREES, _CURES, ("plus", "resize", "blow", "off", "and", "so"))


def without_complaint(tokens: list[Token]) -> tuple[list[Token], int | str]:
    """The tokens without "the box is too small", with "the box" for "it" then; and what cures the complaint.

    >>> without_complaint("box is too small grow it".split())
    (['grow', 'box'], 1)
    """
    start = 1 if tokens[:1] in (["box"], ["it"]) else 2 if tokens[:2] == ["bounding", "box"] else 0
    if not start or not any(tokens[start : start + 1] == [word] for word in _COMPLAINING):
        return tokens, ""
    place = start + 1
    while place < len(tokens) and tokens[place] in _DEGREES:
        place += 1
    ill = tokens[place] if place < len(tokens) and _TOO & set(map(str, tokens[start:place])) else ""
    rest = tokens_without_courtesies([token for token in tokens[place + 1 :] if token not in ("and", "so")])
    if not isinstance(ill, str) or ill not in _CURES or ("it" in rest) == ("box" in rest):
        return tokens, ""
    if "box" in rest and tokens[0] != "it":
        return tokens, ""
    return ["box" if token == "it" else token for token in rest], _CURES[ill]


def in_plain_words(tokens: list[Token]) -> list[Token]:
    """ "the top of the box" as "the top side of the box", "scale the box up" as "scale up the box".

    >>> in_plain_words(["take", Number(5), "px", "off", "top", "of", "box"])
    ['take', 'off', Number(value=5, ordinal=False), 'px', 'top', 'side', 'of', 'box']
    """
    tokens = _with_unit_first(_with_sign_first(_with_word_behind_verb(tokens)))
    found: list[Token] = []
    for place, token in enumerate(tokens):
        if token in ("that", "which") and tokens[place + 1 : place + 2] == ["is"] and tokens[place - 1] == "box":
            continue
        if token == "is" and tokens[place - 1] in ("that", "which") and tokens[max(place - 2, 0)] == "box":
            continue
        if token == "to" and tokens[place + 1 : place + 2] in (["be"], ["make"]):
            continue
        found.append(token)
        if token in SIDE_WORDS and tokens[place + 1 : place + 2] == ["of"]:
            found.append("side")
    return found


def _with_word_behind_verb(tokens: list[Token]) -> list[Token]:
    """ "scale the box up" as "scale up the box"; what is taken off is an amount."""
    for verbs, words in _PARTED.items():
        verb = next((verb for verb in verbs if verb in tokens), "")
        word = next((word for word in words if word in tokens), "")
        if not verb or not word or (verb == "size" and tokens[0] != "size"):
            continue
        behind = [token for token in tokens[tokens.index(verb) + 1 :] if token not in _BEFORE_AMOUNTS]
        if verbs != _TAKING or isinstance(behind[:1][0] if behind else "", Number) or behind[:1] == [word]:
            return [verb, word, *(token for token in tokens if token not in (verb, word))]
    return tokens


def _with_sign_first(tokens: list[Token]) -> list[Token]:
    """ "resize the box by minus 5" as "reduce the box by 5"."""
    is_less = any(isinstance(token, Number) and token.value < 0 for token in tokens)
    if tokens[:1] not in (["resize"], ["change"]) or not (is_less or "plus" in tokens):
        return tokens
    rest = [Number(abs(token.value)) if isinstance(token, Number) else token for token in tokens[1:]]
    return ["reduce" if is_less else "increase", *(token for token in rest if token != "plus")]


def _with_unit_first(tokens: list[Token]) -> list[Token]:
    """ "5 more pixels" as "5 pixels more"."""
    for place in range(len(tokens) - 2):
        number, more, unit = tokens[place : place + 3]
        if isinstance(number, Number) and more in MORE_OR_LESS and unit in UNITS:
            return [*tokens[:place], number, unit, more, *tokens[place + 3 :]]
    return tokens
