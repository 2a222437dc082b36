"""Sentences that ask for a structure."""

from __future__ import annotations

from collections.abc import Callable

from AnatomyGuidedLib.labels import label_by_name

from LIMISLib.commands import Command, Interpretation, Question, Rejection, Slot, confirmation
from LIMISLib.numbers import Number, Token
from LIMISLib.structures import Mention, everyday_name, mentions, resolved
from LIMISLib.verbs import DRAWING
from LIMISLib.words import GAP, NEGATIONS, spoken, without_courtesies, words_in

_SEGMENT_VERBS = (*DRAWING, "segment out", "mask")
_SEGMENT_NOUNS = ("segmentation", "outline", "contour", "mask")
_WISHES = ("i need", "i want", "i would like", "i would like to have", "i want to have", "give me", "get me")
_MAKES = ("do", "make", "create", "draw", "start", *_WISHES)
_FINDS = (
    "find",
    "locate",
    "do",
    "get",
    "find me",
    "segment me",
    "take",
    "start with",
    "begin with",
    "continue with",
    "do segmentation of",
)
_BEFORE = {
    *_SEGMENT_VERBS,
    *_FINDS,
    *(f"next {verb}" for verb in _SEGMENT_VERBS),
    *(f"{make} {noun} {of}" for make in (*_MAKES, "segment") for noun in _SEGMENT_NOUNS for of in ("of", "for")),
    *(f"{noun} of" for noun in _SEGMENT_NOUNS),
}
_PARTICIPLES = ("segmented", "outlined", "marked", "delineated", "contoured", "traced", "annotated")
_AFTERWARDS = {f"{verb}{it}" for verb in _SEGMENT_VERBS for it in ("", " it", " that", " this")} | {
    "is structure to segment",
    "segmentation",
    "to be segmented",
    "should be segmented",
    "outline",
}
_UNSURE_BEFORE = (
    *(
        "",
        "show",
        "show me",
        "detect",
        "next",
        "try",
        "where is",
        "look at",
        "display",
        "highlight",
        "circle",
        "select",
    ),
    *("colour", "color", "colour in", "color in", "paint", "isolate", "extract", "identify"),
)
_UNSURE_AFTER = ("", "segmentation", "instead", "next", "only")
WORDS = words_in(
    _BEFORE, _WISHES, _PARTICIPLES, _AFTERWARDS, _UNSURE_BEFORE, _UNSURE_AFTER, ("slice", "number", "on", "but")
)


def segment(tokens: list[Token]) -> Interpretation | None:
    """segment: a verb of drawing, one structure, at most one slice; "not the liver, the spleen" names the spleen."""
    slices, rest = _take_slices(tokens)
    if slices:
        rest = without_courtesies_of_tokens(rest)
    rest, corrected = _without_denied(rest)
    named = mentions(rest)
    before = spoken(rest[: named[0].start]) if named else spoken(rest)
    if not named:
        return _unknown_structure(rest)
    if any(token in NEGATIONS for token in rest):
        return None
    if len(named) > 1 or len(slices) > 1:
        return Rejection("One structure in one slice at a time: say them one after the other.")
    after = spoken(rest[named[0].end :])
    sure = before in _BEFORE and after in ("", "only", "instead")
    sure = sure or (before in ("", *_WISHES, "have", "get") and after in (*_PARTICIPLES, *_AFTERWARDS))
    sure = sure or (corrected and not before and not after)
    if not sure and not (before in _UNSURE_BEFORE and after in _UNSURE_AFTER):
        return None
    reading = resolved(named[0], _segment_command(slices))
    if reading is None:
        return Rejection(_no_such_side(named[0]))
    return reading if sure or isinstance(reading, Question) else confirmation(_segment_question(reading), reading)


def _segment_command(slices: list[int | float]) -> Callable[[str], Command]:
    slot: dict[str, Slot] = {"slice": slices[0]} if slices else {}
    return lambda structure: Command("segment", {"structure": structure, **slot})


def _segment_question(command: Command) -> str:
    return f"Segment the {everyday_name(label_by_name(str(command.slots['structure'])))}?"


def _unknown_structure(rest: list[Token]) -> Rejection | None:
    """What to say to "segment the tumour"; none to a sentence that does not begin like that."""
    if not rest or rest[0] not in _SEGMENT_VERBS or any(token in NEGATIONS for token in rest):
        return None
    name = spoken(rest[1:])
    if not name:
        return Rejection('Say which structure, for example "segment the liver".')
    return Rejection(f'"{name}" is no structure of the DAP Atlas; say one of its 142, for example "left kidney".')


def _no_such_side(mention: Mention) -> str:
    name = mention.readings[0][0]
    return f"The atlas has no {mention.side} {name}; say it without a side, or another structure."


def _take_slices(tokens: list[Token]) -> tuple[list[int | float], list[Token]]:
    """The numbers in "on slice 88", "slice number 12", "in the 42nd slice", and the tokens without them."""
    slices: list[int | float] = []
    rest = list(tokens)
    for position, token in enumerate(tokens):
        if token != "slice":
            continue
        behind = position + (2 if tokens[position + 1 : position + 2] == ["number"] else 1)
        before = tokens[position - 1] if position else GAP
        number = tokens[behind] if behind < len(tokens) else GAP
        if isinstance(number, Number) and not number.ordinal:
            first, last = position, behind
        elif isinstance(before, Number) and before.ordinal:
            number, first, last = before, position - 1, position
        else:
            continue
        slices.append(number.value)
        if first and tokens[first - 1] in ("on", "in", "at"):
            first -= 1
        rest[first : last + 1] = [GAP] * (last + 1 - first)
    return slices, rest


def without_courtesies_of_tokens(tokens: list[Token]) -> list[Token]:
    """The tokens without courtesies behind a slice that was named first: "on slice 9 could you outline the liver"."""
    first = next((place for place, token in enumerate(tokens) if token != GAP), len(tokens))
    words = [token for token in tokens[first:] if isinstance(token, str)]
    kept = without_courtesies(words) if len(words) == len(tokens) - first else words
    return [*kept] if kept != words else tokens


def _without_denied(tokens: list[Token]) -> tuple[list[Token], bool]:
    """The tokens without "not the liver" (or "no, not", "and not") and a "but" behind it, and whether there was one."""
    denied = [mention for mention in mentions(tokens) if mention.start and tokens[mention.start - 1] == "not"]
    if len(denied) != 1:
        return tokens, False
    rest = list(tokens)
    start = denied[0].start - 1
    if start and (tokens[start - 1] == "and" or (start == 1 and tokens[0] == "no")):
        start -= 1
    end = denied[0].end + (1 if tokens[denied[0].end : denied[0].end + 1] in (["but"], ["rather"]) else 0)
    rest[start:end] = [GAP] * (end - start)
    return rest, True
