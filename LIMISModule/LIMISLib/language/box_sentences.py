"""Sentences that move the box or change its size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from LIMISLib.commands import Command, Interpretation, Question, Rejection, Slot, confirmation
from LIMISLib.language.box_wording import INWARD, MORE_OR_LESS, SIDE_WORDS, in_plain_words, without_complaint
from LIMISLib.language.numbers import UNITS, Number, Token
from LIMISLib.language.verbs import GROWING, LIFTING, MOVING, SHRINKING
from LIMISLib.language.words import GAP, left_over, take, words_in

_BOX_NAMES = ("box", "bounding box", "boundingbox", "bbox", "rectangle")
_BOX = dict.fromkeys(
    [f"{before}{box}" for box in _BOX_NAMES for before in ("", "of ", "this ", "that ", "with ", "for ")], "box"
)
_RESIZED_BOX = {
    **_BOX,
    **{f"{size}{box}": "box" for size in ("size ", "to ", "size of ") for box in _BOX_NAMES},
    **{f"{box} size": "box" for box in _BOX_NAMES},
}
_IT = dict.fromkeys(("it", "this", "that"), "it")
_MOVED = ("moved", "shifted", "pushed")
_SHIFT_VERBS = {**dict.fromkeys((*MOVING, *_MOVED, "moving", "shifting"), ""), **LIFTING}
_DUTIES = dict.fromkeys(
    ("needs to", "need to", "has to", "have to", "ought to", "to go", "to move", "to come", "from here"), ""
)
_SCREEN_WORDS = {
    "left": ("left", "leftward", "leftwards"),
    "right": ("right", "rightward", "rightwards"),
    "up": ("up", "upward", "upwards", "higher", "top"),
    "down": ("down", "downward", "downwards", "bottom"),
}
_PATIENT_WORDS = {
    "patient_left": ("patient left", "patients left", "left of patient", "left side of patient"),
    "patient_right": ("patient right", "patients right", "right of patient", "right side of patient"),
    "anterior": ("anterior", "anteriorly", "ventral", "ventrally", "front"),
    "posterior": ("posterior", "posteriorly", "dorsal", "dorsally", "back"),
    "superior": ("superior", "superiorly", "cranial", "cranially", "head"),
    "inferior": ("inferior", "inferiorly", "caudal", "caudally", "feet"),
}
_NEEDS_TO = ("top", "bottom", "front", "back", "head", "feet")  # "to the top" is a direction, a bare "top" is none
_DIRECTIONS = {
    f"{before}{word}{after}": direction
    for direction, words in {**_SCREEN_WORDS, **_PATIENT_WORDS}.items()
    for word in words
    for before in ("", "to ", "toward ", "towards ", "in ", "in direction ", "in direction of ")
    for after in ("", " side", " direction")
    if (before or (word not in _NEEDS_TO and after != " side")) and (before != "in " or after == " direction")
}
_LARGER = (
    *("larger", "bigger", "greater", "scale up", "wider", "grown", "enlarged", "expanded", "increased", "extended"),
    *("blow up", "size up", "extra", "grow out", "make more", "scaled up", "longer"),
    *("more big", "more large", "more wide", "grows", "more room", "more margin", "more space"),
)
_SMALLER = (
    *("smaller", "tighter", "scale down", "shrunk", "reduced", "decreased", "narrower", "shave off", "size down"),
    *("take off", "tightened", "pull in", "scaled down", "cut off", "trim off"),
    *("more small", "more tight", "shrinks", "take in", "tighten up", "trim down", "cut down", "bring in"),
    *(f"{verb} {off}" for verb in ("take", "remove", "knock") for off in ("off", "away", "from")),
)
_SIGNS = {**dict.fromkeys((*GROWING, *_LARGER), 1), **dict.fromkeys((*SHRINKING, *_SMALLER), -1)}
_EDGES = (" side", " edge", " border")
_SIDES = {
    **dict.fromkeys(
        [
            *(f"{before}{every} side" for before in ("on ", "at ", "") for every in ("every", "each")),
            *("on all sides", "at all sides", "all sides", "all 4 sides", "in all directions"),
            *("all edges", "all borders", "every edge", "each edge"),
            *(f"all {way}{round}" for way in ("", "way ") for round in ("around", "round")),
            *(f"{off} {every} side" for off in ("off", "from") for every in ("every", "each")),
        ],
        "all",
    ),
    **{
        f"{before}{word}{after}": side
        for word, side in SIDE_WORDS.items()
        for before in ("on ", "at ", "off ", "from ", "")
        for after in ("", *_EDGES)
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
    **{f"to {every} side": "all" for every in ("every", "each")},
    **{
        f"to {word}{edge}": side for word, side in SIDE_WORDS.items() for edge in _EDGES
    },  # "add 5 mm to the left side of the box"
}
_SHIFT_FILLERS = (
    *("by", "further", "another", "more", "over", "about", "on", "screen", "whole", "entire", "some", "should", "be"),
    *("must", "needs", "of", "go", "have", "has", "make", "it", "just", "up", "now", "around", "exactly", "i", "want"),
    *("come", "goes", "sit", "say", "only"),
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
    *("become", "say", "only", "with", "for", "margin", "room", "give", "me", "need", "let"),
)
_VAGUE = dict.fromkeys(
    ("slightly", "little", "bit", "little bit", "somewhat", "touch", "wee", "wee bit", "tad", "hair", "notch"), "little"
)
_GROWN = (
    *("grown", "enlarged", "expanded", "increased", "extended", "scaled up", "shrunk", "reduced", "decreased"),
    *("tightened", "scaled down", "grows", "shrinks"),
)
_TOLD = frozenset((*_MOVED, *_GROWN, "goes"))  # "the box moved left" may tell what happened
_OF_THE_BOX = frozenset(  # what is said of nothing but the box, where it is not named
    ("move", "shift", "nudge", "slide", "grow", "shrink", "enlarge", "expand", "larger", "bigger", "smaller")
)
_ASKED = frozenset(("be", "should", "must", "get", "have", "want"))
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
    _DUTIES,
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
    tokens, cure = without_complaint(tokens)
    boxes, rest = take(tokens, _BOX)
    things, rest = (boxes, rest) if boxes else take(rest, _IT)
    _, rest = take(rest, _DUTIES)
    verbs, rest = take(rest, _SHIFT_VERBS)
    amounts, rest = _take_amounts(rest)
    directions, rest = take(rest, _DIRECTIONS)
    vague, rest = take(rest, _VAGUE)
    is_measured = bool((amounts or (vague and boxes)) and directions)
    is_bare = not things and not verbs and bool(amounts and directions and amounts[0].unit)  # "ten pixels to the left"
    if len(things) > 1 or len(verbs) > 1 or not (verbs or (boxes and is_measured) or is_bare):
        return None
    if not things and not is_bare and not (tokens[0] in _OF_THE_BOX and is_measured):
        return None
    if left_over(rest, _SHIFT_FILLERS) or (tokens[0] in ("left", "right") and not is_bare) or _is_report(tokens):
        return None  # "right, move the box" names no direction
    towards = set(directions) | ({verbs[0]} if verbs and verbs[0] else set())
    if cure and {cure} != towards:
        return None
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
    return _asked_where_unsure(command, tokens, named=bool(boxes))


def resize_box(tokens: list[Token]) -> Interpretation | None:
    """resize_box: larger or smaller, the box, at most one side, one amount (asked for where it is missing)."""
    tokens, cure = without_complaint(tokens)
    boxes, rest = take(in_plain_words(tokens), _RESIZED_BOX)
    things, rest = (boxes, rest) if boxes else take(rest, _IT)
    signs, rest = take(rest, _SIGNS)
    sides, rest = take(rest, _GROWING_SIDES if set(signs) == {1} else _SIDES)
    amounts, rest = _take_amounts(rest)
    edges = bool(sides) and any(token in ("edge", "border", "side") for token in tokens)
    if edges:
        wards, rest = take(rest, {way: sign for way, sign in INWARD.items() if "ward" in way})
        if wards and not signs:
            _, rest = take(rest, dict.fromkeys(MOVING, ""))
        signs += wards
    if not signs and amounts:
        signs, rest = _sign_of_edge(rest, moved=edges or sides == ["all"], named=bool(sides))
    _, rest = take(rest, _VAGUE)
    if len(things) > 1 or not signs or left_over(rest, _RESIZE_FILLERS) or _is_report(tokens):
        return None
    if not things and not (amounts and (edges or set(tokens) & _OF_THE_BOX or (sides and amounts[0].unit))):
        return None
    if edges and any(sign not in signs for sign in _ways(tokens)):
        return None  # "extend the left edge in" is neither
    if len(set(signs)) > 1 or len(set(sides)) > 1 or len(amounts) > 1:
        return Rejection("The box changes by one amount at a time, on one side or all; say them one after the other.")
    sign = signs[0]
    if cure not in ("", sign):
        return None
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
    moved = (
        edges
        and not things
        and bool(amounts[0].unit)
        and (tokens[0] in (*GROWING, *SHRINKING, *MOVING) or bool(set(tokens) & set(INWARD)))
    )
    return _asked_where_unsure(command, tokens, named=bool(boxes) or moved)


def _sign_of_edge(rest: list[Token], *, moved: bool, named: bool) -> tuple[list[int], list[Token]]:
    """Larger or smaller, said by where an edge is moved ("pull the top edge in"), or by more or less at a side."""
    ways, left = take(rest, INWARD) if moved else ([], rest)
    if ways:
        return ways, take(left, dict.fromkeys(MOVING, ""))[1]
    ways, left = take(rest, MORE_OR_LESS)
    is_given = named or "give" in rest or {"margin", "room"} & set(left)
    return (ways, left) if is_given else ([], rest)


def _ways(tokens: list[Token]) -> list[int]:
    """Which ways an edge is moved; "in" before a side is none."""
    behind = [*tokens[1:], GAP]
    return [
        INWARD[str(way)]
        for way, next_one in zip(tokens, behind, strict=True)
        if way in INWARD and next_one not in (*SIDE_WORDS, "all")
    ]


def _asked_where_unsure(command: Command, tokens: list[Token], *, named: bool) -> Interpretation:
    """The command; a question where the box is not named, or where the sentence may tell what happened."""
    if not named:
        return confirmation("Do you mean the box?", command)
    is_told = bool(_TOLD & set(tokens)) and not _ASKED & set(tokens)
    return confirmation("Is that to be done to the box?", command) if is_told else command


def _is_report(tokens: list[Token]) -> bool:
    """Whether the sentence tells what somebody did, or what has happened: "I moved the box left"."""
    if tokens[0] == "i" and tokens[1:2] not in (["want"], ["need"], ["would"], ["should"]):
        return True
    return any(had in ("has", "have") and did in _TOLD for had, did in pairwise(tokens))


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
