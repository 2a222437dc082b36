"""Sentences that move the box or change its size."""

from __future__ import annotations

from dataclasses import dataclass

from LIMISLib.commands import Command, Interpretation, Question, Rejection, Slot, confirmation
from LIMISLib.numbers import UNITS, Number, Token
from LIMISLib.verbs import GROWING, LIFTING, MOVING, SHRINKING
from LIMISLib.words import GAP, left_over, take, words_in

_BOX_NAMES = ("box", "bounding box", "boundingbox", "bbox")
_BOX = dict.fromkeys([f"{before}{box}" for box in _BOX_NAMES for before in ("", "of ", "this ", "that ")], "box")
_RESIZED_BOX = {
    **_BOX,
    **{f"{size}{box}": "box" for size in ("size ", "to ", "size of ") for box in _BOX_NAMES},
    **{f"{box} size": "box" for box in _BOX_NAMES},
}
_IT = dict.fromkeys(("it", "this", "that"), "it")
_SHIFT_VERBS = {**dict.fromkeys((*MOVING, "moved", "shifted", "pushed", "moving", "shifting"), ""), **LIFTING}
_SCREEN_WORDS = {
    "left": ("left", "leftward", "leftwards"),
    "right": ("right", "rightward", "rightwards"),
    "up": ("up", "upward", "upwards", "higher", "top"),
    "down": ("down", "downward", "downwards", "bottom"),
}
_PATIENT_WORDS = {
    "patient_left": ("patient left", "patients left"),
    "patient_right": ("patient right", "patients right"),
    "anterior": ("anterior", "anteriorly", "ventral", "ventrally", "front"),
    "posterior": ("posterior", "posteriorly", "dorsal", "dorsally"),
    "superior": ("superior", "superiorly", "cranial", "cranially", "head"),
    "inferior": ("inferior", "inferiorly", "caudal", "caudally", "feet"),
}
_NEEDS_TO = ("top", "bottom", "front", "head", "feet")  # "to the top" is a direction, a bare "top" is none
_DIRECTIONS = {
    f"{before}{word}{after}": direction
    for direction, words in {**_SCREEN_WORDS, **_PATIENT_WORDS}.items()
    for word in words
    for before in ("", "to ", "toward ", "towards ")
    for after in ("", " side", " direction")
    if before or (word not in _NEEDS_TO and after != " side")
}
_LARGER = (
    *("larger", "bigger", "greater", "scale up", "wider", "grown", "enlarged", "expanded", "increased", "extended"),
    *("blow up", "size up", "extra", "grow out", "make more", "scaled up", "longer"),
)
_SMALLER = (
    *("smaller", "tighter", "scale down", "shrunk", "reduced", "decreased", "narrower", "shave off", "size down"),
    *("take off", "tightened", "pull in", "scaled down", "cut off", "trim off"),
)
_SIGNS = {**dict.fromkeys((*GROWING, *_LARGER), 1), **dict.fromkeys((*SHRINKING, *_SMALLER), -1)}
_SIDE_WORDS = {"left": "left", "right": "right", "top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom"}
_SIDES = {
    **dict.fromkeys(
        [
            *(f"{before}{every} side" for before in ("on ", "at ", "") for every in ("every", "each")),
            *("on all sides", "at all sides", "all sides", "all 4 sides", "all around", "in all directions"),
        ],
        "all",
    ),
    **{
        f"{before}{word}{after}": side
        for word, side in _SIDE_WORDS.items()
        for before in ("on ", "at ", "")
        for after in ("", " side", " edge", " border")
        if (before or after) and (after or word not in ("upper", "lower"))
    },
}
_GROWING_SIDES = {  # growing to the left moves the left side; shrinking to the left could be either
    **_SIDES,
    **{
        f"{before}{word}": side
        for side, words in {
            "left": ("left", "leftward", "leftwards"),
            "right": ("right", "rightward", "rightwards"),
            "top": ("top", "upward", "upwards"),
            "bottom": ("bottom", "downward", "downwards"),
        }.items()
        for word in words
        for before in ("to ", "towards ", "toward ", "")
        if before or word.endswith(("ward", "wards"))
    },
    **{f"to {word} side": side for word, side in _SIDE_WORDS.items()},  # "add 5 mm to the left side of the box"
}
_SHIFT_FILLERS = (
    *("by", "further", "another", "more", "over", "about", "on", "screen", "whole", "entire", "some", "should", "be"),
    *("must", "needs", "of", "go", "have", "has", "make", "it", "just", "up", "now", "around", "exactly", "i", "want"),
)
_RESIZE_FILLERS = (
    *("by", "make", "further", "another", "more", "be", "should", "must", "needs", "about", "whole", "entire"),
    *(
        "size",
        "of",
        "exactly",
        "it",
        "now",
        "some",
        "just",
        "get",
        "have",
        "has",
        "out",
        "around",
        "in",
        "overall",
        "i",
        "want",
    ),
)
_VAGUE = dict.fromkeys(("slightly", "little", "bit", "little bit", "somewhat", "touch"), "little")
WORDS = words_in(
    _BOX,
    _RESIZED_BOX,
    _SHIFT_VERBS,
    _DIRECTIONS,
    _SIGNS,
    _SIDES,
    _GROWING_SIDES,
    _SHIFT_FILLERS,
    _RESIZE_FILLERS,
    _VAGUE,
)


@dataclass(frozen=True)
class _Amount:
    value: int | float
    unit: str

    def slots(self, sign: int = 1) -> dict[str, Slot]:
        unit: dict[str, Slot] = {"unit": self.unit} if self.unit else {}
        return {"amount": sign * self.value, **unit}


def shift_box(tokens: list[Token]) -> Interpretation | None:
    """shift_box: a verb of moving, the box, one direction, at most one amount."""
    boxes, rest = take(tokens, _BOX)
    things, rest = (boxes, rest) if boxes else take(rest, _IT)
    verbs, rest = take(rest, _SHIFT_VERBS)
    amounts, rest = _take_amounts(rest)
    directions, rest = take(rest, _DIRECTIONS)
    _, rest = take(rest, _VAGUE)
    if len(things) != 1 or len(verbs) > 1 or not (verbs or (boxes and amounts and directions)):
        return None
    if left_over(rest, _SHIFT_FILLERS) or tokens[0] in ("left", "right"):
        return None  # "right, move the box" names no direction
    towards = set(directions) | ({verbs[0]} if verbs and verbs[0] else set())
    if len(towards) > 1 or len(amounts) > 1:
        return Rejection("The box moves in one direction at a time, by one amount; say them one after the other.")
    if amounts and amounts[0].unit == "percent":
        return Rejection("The box moves by pixels or millimetres, not by percent.")
    slots = amounts[0].slots() if amounts else {}
    if not towards:
        options = ("left", "right", "up", "down")
        outcomes = tuple(Command("shift_box", {"direction": option, **slots}) for option in options)
        return Question("Move the box left, right, up or down?", options, outcomes)
    command = Command("shift_box", {"direction": towards.pop(), **slots})
    return command if boxes else confirmation("Do you mean the box?", command)


def resize_box(tokens: list[Token]) -> Interpretation | None:
    """resize_box: larger or smaller, the box, at most one side, one amount (asked for where it is missing)."""
    boxes, rest = take(_in_plain_words(tokens), _RESIZED_BOX)
    things, rest = (boxes, rest) if boxes else take(rest, _IT)
    signs, rest = take(rest, _SIGNS)
    sides, rest = take(rest, _GROWING_SIDES if set(signs) == {1} else _SIDES)
    amounts, rest = _take_amounts(rest)
    _, rest = take(rest, _VAGUE)
    if len(things) != 1 or not signs or left_over(rest, _RESIZE_FILLERS):
        return None
    if len(set(signs)) > 1 or len(set(sides)) > 1 or len(amounts) > 1:
        return Rejection("The box changes by one amount at a time, on one side or all; say them one after the other.")
    sign = signs[0]
    side: dict[str, Slot] = {"side": sides[0]} if sides else {}
    if not amounts:
        steps = (_Amount(5, "px"), _Amount(10, "px"), _Amount(20, "px"))
        outcomes = tuple(Command("resize_box", {**step.slots(sign), **side}) for step in steps)
        return Question("By how much?", tuple(f"{step.value} {step.unit}" for step in steps), outcomes)
    if amounts[0].value <= 0:
        return Rejection('Give an amount above 0; "larger" and "smaller" say which way.')
    if sign < 0 and amounts[0].unit == "percent" and amounts[0].value >= 100:
        return Rejection("Made smaller by 100 percent or more, nothing of the box would be left.")
    command = Command("resize_box", {**amounts[0].slots(sign), **side})
    return command if boxes else confirmation("Do you mean the box?", command)


def _in_plain_words(tokens: list[Token]) -> list[Token]:
    """ "the top of the box" as "the top side of the box", "scale the box up" as "scale up the box"."""
    found: list[Token] = []
    way = next((word for word in ("up", "down") if word in tokens), "")
    if way and ("scale" in tokens or "size" in tokens[:1]):
        rest = [token for token in tokens if token not in ("scale", "size", way)]
        return ["scale", way, *rest]
    for place, token in enumerate(tokens):
        if token == "to" and tokens[place + 1 : place + 2] == ["be"]:
            continue
        found.append(token)
        if token in _SIDE_WORDS and tokens[place + 1 : place + 2] == ["of"]:
            found.append("side")
    return found


def _take_amounts(tokens: list[Token]) -> tuple[list[_Amount], list[Token]]:
    """The cardinal numbers with the units behind them, and the tokens without them."""
    amounts: list[_Amount] = []
    rest = list(tokens)
    for position, token in enumerate(tokens):
        if not isinstance(token, Number) or token.ordinal:
            continue
        after = tokens[position + 1 : position + 3]
        unit = next((phrase for phrase in UNITS if after[: len(phrase.split())] == phrase.split()), "")
        name, factor = UNITS.get(unit, ("", 1))
        amounts.append(_Amount(token.value * factor, name))
        for taken in range(position, position + 1 + len(unit.split())):
            rest[taken] = GAP
    return amounts, rest
