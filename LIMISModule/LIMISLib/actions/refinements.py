"""Commands that refine a mask: how each changes what the mask is computed from (thesis 3.3.2.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.box import Box
from LIMISLib.commands import Command
from LIMISLib.components import component, numbered
from LIMISLib.planes import SliceView
from LIMISLib.prompt import PRESETS, Click, Window
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.states import Setup, State

DEFAULT_SHIFT_PX = 10.0  # the thesis's step for the box
THRESHOLD_STEP = 0.1

_GRID = 4
_TOWARDS = {
    "patient_left": "L",
    "patient_right": "R",
    "anterior": "A",
    "posterior": "P",
    "superior": "S",
    "inferior": "I",
}
_PIXEL_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # columns, rows


def _shift_box(state: State, command: Command, view: SliceView) -> Setup:
    columns, rows = _PIXEL_STEPS[_screen_direction(command.word("direction"), view)]
    down, across = _pixels(command.number("amount", DEFAULT_SHIFT_PX), command.word("unit", "px"), view)
    return replace(state.setup, box=state.box.moved(columns * across, rows * down))


def _resize_box(state: State, command: Command, view: SliceView) -> Setup:
    side, unit, amount = command.word("side", "all"), command.word("unit", "px"), command.number("amount")
    if unit == "percent":
        share = amount / 100 / (2 if side == "all" else 1)  # of width and height, half of it on each side
        rows, columns = share * state.box.height, share * state.box.width
    else:
        rows, columns = _pixels(amount, unit, view)
    by_side = {"left": columns, "right": columns, "top": rows, "bottom": rows}
    box = state.box.grown(**{name: pixels for name, pixels in by_side.items() if side in ("all", name)})
    return replace(state.setup, box=box)


def _set_threshold(state: State, command: Command, view: SliceView) -> Setup:  # noqa: ARG001
    return replace(state.setup, threshold=command.number("value"))


def _change_threshold(state: State, command: Command, view: SliceView) -> Setup:  # noqa: ARG001
    sign = 1 if command.word("direction") == "up" else -1
    threshold = round(state.setup.threshold + sign * command.number("amount", THRESHOLD_STEP), 6)
    if not 0 <= threshold <= 1:
        raise AnatomyGuidedError(f"The threshold is {state.setup.threshold:g} and must stay from 0 to 1.")
    return replace(state.setup, threshold=threshold)


def _grid_click(state: State, command: Command, view: SliceView) -> Setup:
    row, column = divmod(int(command.number("cell")) - 1, _GRID)
    return _clicked(state, view, (row + 0.5) / _GRID, (column + 0.5) / _GRID, command.word("label") == "foreground")


def _center_click(state: State, command: Command, view: SliceView) -> Setup:  # noqa: ARG001
    return _clicked(state, view, 0.5, 0.5, True)


def _set_window(state: State, command: Command, view: SliceView) -> Setup:  # noqa: ARG001
    preset = command.word("preset")
    window = PRESETS[preset] if preset else Window(command.number("level"), command.number("width"))
    return replace(state.setup, window=window)


def _remove_component(state: State, command: Command, view: SliceView) -> Setup:  # noqa: ARG001
    _, count = numbered(state.mask)
    number = command.count("component") or (count if command.word("which") == "smallest" else 1)
    return _without(state, component(state.mask, number))


def _keep_largest(state: State, command: Command, view: SliceView) -> Setup:  # noqa: ARG001
    found, count = numbered(state.mask)
    if count < 2:
        raise AnatomyGuidedError("The mask has only one component already.")
    return _without(state, np.asarray(found > 1))


Refinement = Callable[[State, Command, SliceView], Setup]

REFINEMENTS: Mapping[str, Refinement] = {
    "shift_box": _shift_box,
    "resize_box": _resize_box,
    "set_threshold": _set_threshold,
    "change_threshold": _change_threshold,
    "grid_click": _grid_click,
    "center_click": _center_click,
    "set_window": _set_window,
    "remove_component": _remove_component,
    "keep_largest": _keep_largest,
}


def cell_of(box: Box, cell: int) -> tuple[int, int]:
    """The pixel [row, column] in the middle of a cell of the grid over the box.

    >>> cell_of(Box(0, 0, 40, 80), 1), cell_of(Box(0, 0, 40, 80), 16)
    ((10, 5), (70, 35))
    """
    row, column = divmod(cell - 1, _GRID)
    return _pixel(box, (row + 0.5) / _GRID, (column + 0.5) / _GRID)


def _clicked(state: State, view: SliceView, down: float, across: float, is_foreground: bool) -> Setup:
    row, column = _pixel(state.box, down, across)
    rows, columns = view.shape
    if not (0 <= row < rows and 0 <= column < columns):
        raise AnatomyGuidedError("That place of the box lies outside the image; choose another, or move the box.")
    return replace(state.setup, clicks=(*state.setup.clicks, Click(row, column, is_foreground)))


def _pixel(box: Box, down: float, across: float) -> tuple[int, int]:
    return int(np.floor(box.top + down * box.height)), int(np.floor(box.left + across * box.width))


def _without(state: State, pixels: Mask) -> Setup:
    dropped = pixels if state.setup.dropped is None else state.setup.dropped | pixels
    return replace(state.setup, dropped=dropped)


def _screen_direction(direction: str, view: SliceView) -> str:
    if direction in _PIXEL_STEPS:
        return direction
    found = view.screen_direction(_TOWARDS[direction])
    if not found:
        raise AnatomyGuidedError(f"The box lies in one {view.plane.name} slice and cannot move {direction} out of it.")
    return found


def _pixels(amount: float, unit: str, view: SliceView) -> tuple[float, float]:
    """The amount in rows and in columns."""
    height_mm, width_mm = view.pixel_mm
    return (amount / height_mm, amount / width_mm) if unit == "mm" else (amount, amount)
