"""Sentences about what is shown: the slice, the plane; and about carrying the mask to other slices."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, Question, Slot, confirmation
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, table
from LIMISLib.language.wording import in_words

_SLICE = table("view", "slice")
_MOVES = table("view", "moves")
_UP_DOWN = table("view", "up_down")
_SCROLL = table("view", "scroll")
_SLICE_FILLERS = table("view", "slice_fillers")
_PLANES = table("view", "planes")
_PLANE_FILLERS = table("view", "plane_fillers")
_PROPAGATE = table("view", "propagate")
_SURE_PROPAGATE = table("view", "sure_propagate")
_DIRECTIONS = table("view", "directions")
_MASK = table("view", "mask")
_TO_SLICES = table("view", "to_slices")
_CARRY = table("view", "carry")
_SOLID_MASK = table("view", "solid_mask")
_VOLUME = table("view", "volume")
_TO_VOLUME = table("view", "to_volume")
_TO_VOLUME_FILLERS = table("view", "to_volume_fillers")
_WANTED = ("on", "onto", "to", "in", "as", "well", "too", "also", "slices", "slice", "neighbouring")
_PROPAGATE_FILLERS = table("view", "propagate_fillers")


def go_to_slice(tokens: list[Token]) -> Interpretation | None:
    """go_to_slice: "slice 120", "next slice", "back three slices"."""
    if (scrolled := _scrolled_to(tokens)) is not None:
        return Command("go_to_slice", {"slice": scrolled})
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
        command = Command("go_to_slice", {"move": moves.pop(), **count})
        return confirmation("Do you mean the slice before this one?", command) if "last" in tokens else command
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
    said.tokens = [token for token in said.tokens if token != Number(1)]  # "the sagittal one"
    if len(planes) != 1 or not said.is_only(_PLANE_FILLERS):
        return None
    return Command("set_plane", {"plane": planes.pop()})


def propagate(tokens: list[Token]) -> Interpretation | None:
    """propagate: a verb of carrying, the mask, perhaps other slices and a direction."""
    if _is_made_a_volume(tokens):
        return Command("propagate")
    said = Sentence(tokens)
    sure = said.take(_SURE_PROPAGATE)
    slices = said.take(_TO_SLICES)
    directions = set(said.take(_DIRECTIONS))
    verbs = sure or said.take(_PROPAGATE)
    masks = said.take(_MASK)
    said.take(_PROPAGATE)
    carried = bool(set(verbs) & set(_CARRY)) and bool(masks) and bool(directions)
    if not verbs and _is_wanted_elsewhere(tokens, masks, slices) and len(directions) <= 1 and said.is_only(_WANTED):
        command = Command("propagate", {"direction": directions.pop()} if directions else {})
        return confirmation(f'Do you mean "{in_words(command)}"?', command)
    if not verbs or len(directions) > 1 or not said.is_only(_PROPAGATE_FILLERS):
        return None
    if not sure and not (masks and slices) and not carried:
        return None
    command = Command("propagate", {"direction": directions.pop()} if directions else {})
    if sure or slices or set(masks) & set(_SOLID_MASK):
        return command
    return confirmation(f'Do you mean "{in_words(command)}"?', command)  # "carry it up" may be anything


def _is_wanted_elsewhere(tokens: list[Token], masks: list[str], slices: list[str]) -> bool:
    """Whether it is "the mask on the slices above"."""
    return tokens[:1] == masks[:1] and bool(slices) and bool(set(masks) & set(_SOLID_MASK))


def _scrolled_to(tokens: list[Token]) -> int | float | None:
    """The number of "scroll to 120"."""
    said = Sentence(tokens)
    scrolls, numbers = said.take(_SCROLL), said.take_numbers(ordinal=False)
    return numbers[0].value if scrolls and len(numbers) == 1 and said.is_only(()) else None


def _is_made_a_volume(tokens: list[Token]) -> bool:
    """Whether it is "make it a 3D segment", "turn the mask into 3D"."""
    said = Sentence(tokens[1:])
    if tokens == ["3d", "segment"] or tokens == ["3d", "segmentation"]:
        return True
    return bool(tokens) and tokens[0] in _TO_VOLUME and bool(said.take(_VOLUME)) and said.is_only(_TO_VOLUME_FILLERS)


def _is_numbered(tokens: list[Token]) -> bool:
    """Whether a number stands right behind "slice": "slice 5" is a place, "5 slices" a count."""
    for place, token in enumerate(tokens[:-1]):
        if token in ("slice", "image", "frame", "section"):
            behind = [one for one in tokens[place + 1 : place + 3] if one not in ("number", "no", "to")]
            if behind and not isinstance(behind[0], str):
                return True
    return False
