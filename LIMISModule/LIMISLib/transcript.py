"""A session as a page to read: every sentence, what it was taken for, the answer, and what it did to the mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.report import Figure, Section, report_page

from LIMISLib.commands import Command
from LIMISLib.guidance import examples
from LIMISLib.language.wording import in_words
from LIMISLib.planes import PLANES, Plane, SliceView
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.session import Session
from LIMISLib.slice_pictures import Marks, slice_picture
from LIMISLib.states import Entry, State

_NOTE = (
    "Yellow: the mask after the step. Blue: the mask before it, or what is on offer. Green, dashed: the box. Crosses: "
    "clicks, green for foreground, red for background; white: the point that is asked about."
)
_COLUMNS = ("step", "mask", "threshold", "window")


@dataclass(frozen=True)
class Line:
    """A command that was run, the answer to it, and pictures of what it did."""

    entry: Entry
    answer: str
    figures: tuple[Figure, ...]
    state: State | None


def line_of(session: Session, answer: str, before: State | None) -> Line:
    """The line of the session's last command; `before` is the state that it started from."""
    entry, state = session.entries[-1], session.current
    return Line(entry, answer, tuple(_figures(session, entry.command, before)), state)


def transcript_page(title: str, lines: Sequence[Line], notes: Sequence[str]) -> str:
    """The whole page, in HTML without scripts; `notes` say what differs from the record."""
    sections = [_section(number, line) for number, line in enumerate(lines, start=1)]
    return report_page(title, " ".join([_NOTE, *notes]), sections, ())


def _section(number: int, line: Line) -> Section:
    meant = in_words(line.entry.command)
    said = line.entry.sentence or meant
    text = line.answer if said == meant else f"(Understood: {meant}.) {line.answer}"
    return Section(f"{number}. “{said}”", text, _COLUMNS, [_row(line.state)] if line.state else [], line.figures)


def _row(state: State) -> dict[str, object]:
    window = state.setup.window
    size = f"{np.count_nonzero(state.mask)} pixels"
    return {
        "step": state.number,
        "mask": size if state.volume is None else f"{np.count_nonzero(state.volume)} voxels in 3D",
        "threshold": state.setup.threshold,
        "window": f"level {window.level_hu:g}, width {window.width_hu:g}" if window else "all HU",
    }


def _figures(session: Session, command: Command, before: State | None) -> list[Figure]:
    state = session.current
    if state is None:
        return []
    if command.intent == "compare":
        steps = command.slots["steps"]
        compared = steps if isinstance(steps, tuple) else ()
        return [_step_figure(session, session.states[step], None) for step in compared]
    if state.volume is not None and command.intent == "propagate":
        return [_volume_figure(session, state, plane) for plane in PLANES.values()]
    if command.intent == "show_examples":
        return _examples(session, state, command.word("of"))
    figures = [_step_figure(session, state, before)] if state is not before else []
    offered = session.offered_mask
    if offered is not None and command.intent == "segment":
        figures.append(_figure(session, state, Marks(state.mask, offered, state.box), "Blue: the default adaptation"))
    if session.asked_point is not None:
        marks = Marks(state.mask, box=state.box, asked=session.asked_point, window=state.setup.window)
        figures.append(_figure(session, state, marks, "White: the point that is asked about"))
    return figures


def _examples(session: Session, state: State, of: str) -> list[Figure]:
    figures = []
    for example in examples(of, state):
        try:
            mask = session.preview(example)
        except AnatomyGuidedError:
            continue  # an example that cannot be run here is none
        figures.append(_figure(session, state, Marks(mask, state.mask, state.box), f"Would be: {in_words(example)}"))
    return figures


def _step_figure(session: Session, state: State, before: State | None) -> Figure:
    is_same_slice = before is not None and (before.slice_number, before.setup.plane) == (
        state.slice_number,
        state.setup.plane,
    )
    other = before.mask if before is not None and is_same_slice and before.structure == state.structure else None
    marks = Marks(state.mask, other, state.box, state.setup.clicks, window=state.setup.window)
    return _figure(session, state, marks, f"Step {state.number}: {state.described()}")


def _figure(session: Session, state: State, marks: Marks, caption: str) -> Figure:
    view = session.view_of(state)
    pixels_hu = view.slice_of(session.image.values, state.slice_number)
    return Figure(slice_picture(pixels_hu, marks, view.pixel_mm), caption, height_rem=18)


def _volume_figure(session: Session, state: State, plane: Plane) -> Figure:
    """The slice of a plane that shows most of a mask in 3D."""
    view = SliceView(session.image.grid, plane)
    masks = view.turned(np.asarray(state.volume) > 0)
    number = int(np.argmax(np.count_nonzero(masks, axis=(1, 2)))) + 1
    mask: Mask = masks[number - 1]
    pixels_hu = view.slice_of(session.image.values, number)
    picture = slice_picture(pixels_hu, Marks(mask, window=state.setup.window), view.pixel_mm)
    return Figure(picture, f"{plane.name} slice {number}", height_rem=18)
