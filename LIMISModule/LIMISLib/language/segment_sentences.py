"""Sentences that ask for a structure."""

from __future__ import annotations

from collections.abc import Callable

from AnatomyGuidedLib.labels import label_by_name

from LIMISLib.commands import Command, Interpretation, Question, Rejection, Slot, confirmation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import form
from LIMISLib.language.structures import Mention, everyday_name, mentions, resolved
from LIMISLib.language.verbs import DRAWING, gerund, participle
from LIMISLib.language.words import GAP, NEGATIONS, spoken, tokens_without_courtesies, words_in

_DRAWING = {
    "drawing": "|".join(DRAWING),
    "drawn": "|".join(participle(verb) for verb in DRAWING),
    "drawing_ing": "|".join(gerund(verb) for verb in DRAWING),
}
_SURE = form("segment", "sure", **_DRAWING)
_UNSURE = form("segment", "unsure", **_DRAWING)
_DENIED = form("segment", "denied")
_CORRECTED = form("segment", "corrected")
_X = "@"  # stands where a structure was named
WORDS = words_in((participle(verb) for verb in DRAWING), (gerund(verb) for verb in DRAWING), ("but",))


def segment(tokens: list[Token]) -> Interpretation | None:
    """segment: a verb of drawing, one structure, at most one slice; "not the liver, the spleen" names the spleen."""
    slices, rest = _take_slices(tokens)
    if slices:  # "on slice 9 could you outline the liver"
        start = next((place for place, token in enumerate(rest) if token != GAP), len(rest))
        rest = tokens_without_courtesies(rest[start:])
    named = mentions(rest)
    said, meant, corrected = _without_denied(_with_places(rest, named))
    if not meant:
        return _unknown_structure(rest)
    denied = [mention.names for place, mention in enumerate(named) if place not in meant and place > meant[0]]
    if any(word in NEGATIONS for word in said.split()) or named[meant[0]].names in denied:
        return None
    if len(meant) > 1 or len(slices) > 1:
        return Rejection("One structure in one slice at a time: say them one after the other.")
    sure = bool(_SURE.fullmatch(said)) or (corrected and said == _X)
    if not sure and not _UNSURE.fullmatch(said):
        return None
    mention = named[meant[0]]
    reading = resolved(mention, _segment_command(slices))
    if reading is None:
        return Rejection(_no_such_side(mention))
    return reading if sure or isinstance(reading, Question) else confirmation(_segment_question(reading), reading)


def _segment_command(slices: list[int | float]) -> Callable[[str], Command]:
    slot: dict[str, Slot] = {"slice": slices[0]} if slices else {}
    return lambda structure: Command("segment", {"structure": structure, **slot})


def _segment_question(command: Command) -> str:
    return f"Segment the {everyday_name(label_by_name(str(command.slots['structure'])))}?"


def _unknown_structure(rest: list[Token]) -> Rejection | None:
    """What to say to "segment the tumour"; none to a sentence that does not begin like that."""
    if not rest or rest[0] not in (*DRAWING, "mask") or any(token in NEGATIONS for token in rest):
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
        behind = position + (2 if tokens[position + 1 : position + 2] in (["number"], ["no"]) else 1)
        before = tokens[position - 1] if position else GAP
        number = tokens[behind] if behind < len(tokens) else GAP
        if isinstance(number, Number) and not number.ordinal:
            first, last = position, behind
        elif isinstance(before, Number) and before.ordinal:
            number, first, last = before, position - 1, position
        else:
            continue
        slices.append(number.value)
        if first and tokens[first - 1] in ("on", "in", "at", "from", "for"):
            first -= 1
        rest[first : last + 1] = [GAP] * (last + 1 - first)
    return slices, rest


def _with_places(tokens: list[Token], named: list[Mention]) -> str:
    """The tokens as text, with a sign where a structure is named."""
    parts, position = [], 0
    for mention in named:
        parts += [spoken(tokens[position : mention.start]), _X]
        position = mention.end
    return " ".join(part for part in (*parts, spoken(tokens[position:])) if part)


def _without_denied(said: str) -> tuple[str, list[int], bool]:
    """The text without the one structure that is denied, the places of the others, and whether it is a correction.

    >>> _without_denied("not @ but @"), _without_denied("outline @ sorry i meant @")
    (('@', [1], True), ('outline @', [1], False))
    """
    meant = list(range(said.count(_X)))
    denied = list(_DENIED.finditer(said))
    if len(denied) == 1:
        found = denied[0]
        del meant[said[: found.start()].count(_X)]
        said = " ".join(f"{said[: found.start()]} {said[found.end() :]}".split())
    begun = _CORRECTED.match(said)
    said = said[begun.end() :] if begun else said
    is_denial = len(denied) == 1 and "not" in denied[0][0].split()
    return said, meant, bool(begun) or is_denial
