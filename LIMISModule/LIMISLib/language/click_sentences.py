"""Sentences that click: in a cell of the grid, at the centre, and answers about critical points."""

from __future__ import annotations

from LIMISLib.commands import Command, Interpretation, Question
from LIMISLib.language.numbers import Number, Token
from LIMISLib.language.phrases import Sentence, form, table
from LIMISLib.language.words import spoken

_SIDE = 4  # cells along a side of the grid
_LABELS = table("click", "labels")
_CLICKS = table("click", "clicks")
_CELLS = table("click", "cells")
_MIDDLE = table("click", "middle")
_PLACES = {word for phrase in _CELLS for word in phrase.split()} | set(table("click", "places"))
_CLICK_FILLERS = table("click", "click_fillers")
_BOX = table("click", "box")
_CRITICAL = table("click", "critical")
_CRITICAL_FILLERS = table("click", "critical_fillers")
_LABEL_OF_POINT = form("click", "label_of_point")
_UNSURE_SKIP = form("click", "unsure_skip")
_SKIP = form("click", "skip")
_CORNERS = {
    f"{vertical} {horizontal}{after}": str(cell)
    for vertical, row in (("top", 0), ("upper", 0), ("bottom", 3), ("lower", 3))
    for horizontal, column in (("left", 0), ("right", 3))
    for after in ("", " corner")
    for cell in (row * _SIDE + column + 1,)
}


def grid_click(tokens: list[Token]) -> Interpretation | None:
    """grid_click: one cell (by number, corner, or row and column) and whether it is foreground."""
    said = Sentence(_without_count(tokens))
    labels = set(said.take(_LABELS))
    cells = [cell for cell in (_by_row_and_column(said), *_by_corner(said)) if cell]
    numbers = [] if cells else said.take_numbers()
    clicks, names = said.take(_CLICKS), said.take(_CELLS)
    if len(labels) > 1 or len(cells) + len(numbers) != 1 or not said.is_only(_CLICK_FILLERS):
        return None
    if not names and not (labels and (clicks or not cells)) and not (cells and labels):
        return None
    cell = cells[0] if cells else numbers[0].value
    if labels:
        return Command("grid_click", {"cell": cell, "label": labels.pop()})
    if not clicks:
        return None
    options = ("foreground", "background")
    outcomes = tuple(Command("grid_click", {"cell": cell, "label": option}) for option in options)
    return Question(f"Cell {cell}: foreground or background?", options, outcomes)


def center_click(tokens: list[Token]) -> Interpretation | None:
    """center_click: a click, the centre, perhaps of the box."""
    said = Sentence(_without_count(tokens))
    labels = set(said.take(_LABELS))
    middles, clicks, boxes = said.take(_MIDDLE), said.take(_CLICKS), said.take(_BOX)
    is_labelled = "foreground" in tokens and (bool(boxes) or "is" not in tokens)  # "foreground in the center"
    if not middles or not (clicks or is_labelled) or labels - {"foreground"} or not said.is_only(_CLICK_FILLERS):
        return None
    return Command("center_click")


def critical_points(tokens: list[Token]) -> Interpretation | None:
    """critical_points: the points, and words of asking for them."""
    said = Sentence(tokens)
    if not said.take(_CRITICAL):
        return None
    said.tokens = [token for token in said.tokens if token != Number(1)]
    return Command("critical_points") if said.is_only(_CRITICAL_FILLERS) else None


def answer_critical(tokens: list[Token]) -> Interpretation | None:
    """answer_critical: "this point is foreground", "background", "skip it"."""
    text = spoken(tokens)
    if _SKIP.fullmatch(text) or _UNSURE_SKIP.fullmatch(text):
        return Command("answer_critical", {"label": "skip"})
    found = _LABEL_OF_POINT.fullmatch(text)
    return Command("answer_critical", {"label": _LABELS[found["label"]]}) if found else None


def _without_count(tokens: list[Token]) -> list[Token]:
    """The tokens without the "one" of "one click", "one foreground point"; "cell one" keeps it."""
    counts = [
        place
        for place, token in enumerate(tokens[:-1])
        if token == Number(1)
        and not (place and tokens[place - 1] in _PLACES)
        and any(tokens[place + 1] in table for table in (_CLICKS, _LABELS, _MIDDLE))
    ]
    return [token for place, token in enumerate(tokens) if place not in counts]


def _by_corner(said: Sentence) -> list[int]:
    return [int(cell) for cell in said.take(_CORNERS)]


def _by_row_and_column(said: Sentence) -> int | None:
    """The cell of "row 2 column 3" or "second row, third column", taken out of the sentence."""
    places: dict[str, int] = {}
    for word in ("row", "column"):
        for place, token in enumerate(said.tokens):
            if token != word:
                continue
            behind = said.tokens[place + 1] if place + 1 < len(said.tokens) else ""
            before = said.tokens[place - 1] if place else ""
            number, at = (before, place - 1) if isinstance(before, Number) and before.ordinal else (behind, place + 1)
            if isinstance(number, Number) and 1 <= number.value <= _SIDE and isinstance(number.value, int):
                places[word] = number.value
                said.tokens[at] = said.tokens[place] = ""
                break
    if len(places) != 2:
        return None
    return (places["row"] - 1) * _SIDE + places["column"]
