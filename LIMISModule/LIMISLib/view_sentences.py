"""Sentences about what is shown: the slice, the plane; and about carrying the mask to other slices."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, Question, Slot
from LIMISLib.numbers import Token
from LIMISLib.phrases import Sentence, table

_SLICE = table("view", "slice")
_MOVES = table("view", "moves")
_UP_DOWN = table("view", "up_down")
_SLICE_FILLERS = table("view", "slice_fillers")
_PLANES = table("view", "planes")
_PLANE_FILLERS = table("view", "plane_fillers")
_PROPAGATE = table("view", "propagate")
_SURE_PROPAGATE = table("view", "sure_propagate")
_DIRECTIONS = table("view", "directions")
_MASK = table("view", "mask")
_TO_SLICES = table("view", "to_slices")
_PROPAGATE_FILLERS = table("view", "propagate_fillers")


def go_to_slice(tokens: list[Token]) -> Interpretation | None:
    """go_to_slice: "slice 120", "next slice", "back three slices"."""
    said = Sentence(tokens)
    slices = said.take(_SLICE)
    numbers = said.take_numbers()
    moves = set(said.take(_MOVES))
    ups = set(said.take(_UP_DOWN)) if not moves else set()
    if not slices or len(numbers) > 1 or len(moves) > 1 or len(ups) > 1 or not said.is_only(_SLICE_FILLERS):
        return None
    count: dict[str, Slot] = {"count": numbers[0].value} if numbers and not numbers[0].ordinal else {}
    if moves:
        if numbers and (numbers[0].ordinal or _is_numbered(tokens)):
            return Command("go_to_slice", {"slice": numbers[0].value}) if moves <= {"previous", "next"} else None
        return Command("go_to_slice", {"move": moves.pop(), **count})
    if ups and not _is_numbered(tokens):
        outcomes = tuple(Command("go_to_slice", {"move": move, **count}) for move in ("next", "previous"))
        return Question(
            "To a slice with a higher number (next) or a lower one (previous)?", ("next", "previous"), outcomes
        )
    if not numbers or not (_is_numbered(tokens) or numbers[0].ordinal):
        return None
    return Command("go_to_slice", {"slice": numbers[0].value})


def set_plane(tokens: list[Token]) -> Interpretation | None:
    """set_plane: one plane, and words of going there."""
    said = Sentence(tokens)
    planes = set(said.take(_PLANES))
    if len(planes) != 1 or not said.is_only(_PLANE_FILLERS):
        return None
    return Command("set_plane", {"plane": planes.pop()})


def propagate(tokens: list[Token]) -> Interpretation | None:
    """propagate: a verb of carrying, the mask, perhaps other slices and a direction."""
    said = Sentence(tokens)
    sure = said.take(_SURE_PROPAGATE)
    slices = said.take(_TO_SLICES)
    directions = set(said.take(_DIRECTIONS))
    verbs = sure or said.take(_PROPAGATE)
    masks = said.take(_MASK)
    said.take(_PROPAGATE)
    if not verbs or len(directions) > 1 or not said.is_only(_PROPAGATE_FILLERS):
        return None
    if not sure and not (masks and slices):
        return None
    return Command("propagate", {"direction": directions.pop()} if directions else {})


def _is_numbered(tokens: list[Token]) -> bool:
    """Whether a number stands right behind "slice": "slice 5" is a place, "5 slices" a count."""
    for place, token in enumerate(tokens[:-1]):
        if token in ("slice", "image", "frame", "section"):
            behind = [one for one in tokens[place + 1 : place + 3] if one not in ("number", "no")]
            if behind and not isinstance(behind[0], str):
                return True
    return False
