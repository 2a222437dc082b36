"""A session: one image, what was said about it, and the tree of states that came of it.

States are only ever added. `undo`, `redo` and `revert` move to another state; nothing is lost by them, and a session
that is run again from its commands gives the same masks to the last voxel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import Segment, dap_segments
from AnatomyGuidedLib.labels import id_of, label_by_name

from LIMISLib.box import Box
from LIMISLib.box_finder import AtlasBoxFinder, BoxFinder
from LIMISLib.commands import Command, Interpretation, InvalidCommand, Question, Rejection
from LIMISLib.language import parse
from LIMISLib.planes import AXIAL, Plane, SliceView
from LIMISLib.prompt_segmenter import Mask, PromptSegmenter, SeededGrowth
from LIMISLib.structures import everyday_name

DEFAULT_SHIFT_PX = 10.0  # the thesis's step for the box, 3.3.2.2

_TOWARDS = {
    "patient_left": "L",
    "patient_right": "R",
    "anterior": "A",
    "posterior": "P",
    "superior": "S",
    "inferior": "I",
}
_PIXEL_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # columns, rows


class NoMask(AnatomyGuidedError):
    """Something was asked of a mask before there was one."""


@dataclass(frozen=True, eq=False)
class State:
    """One result: the structure, its box in a slice, the mask there, and the state and command that it came from."""

    number: int
    parent: int | None
    command: Command
    structure: str
    slice_number: int
    box: Box
    mask: Mask

    @property
    def digest(self) -> str:
        """sha256 of the mask and of where it is; equal for equal masks on every machine."""
        place = f"{self.structure} {self.slice_number} {self.mask.shape[0]} {self.mask.shape[1]} "
        return hashlib.sha256(place.encode() + np.packbits(self.mask).tobytes()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A command that was run: what was said, what it meant, and the state that the session was in after it."""

    sentence: str
    command: Command
    state: int
    digest: str


@dataclass(frozen=True)
class Reply:
    """What a person gets to read or hear, what their sentence was taken for, and whether it was done."""

    text: str
    interpretation: Interpretation
    done: bool
    state: State | None


class Session:
    """Language in, masks out, on one image.

    Without `finder` the boxes come from `anatomy`, a DAP label map on the image's grid.

    Raises:
        GridMismatch: Image and anatomy are not on one grid.
    """

    def __init__(
        self,
        image: Volume,
        anatomy: Labelmap | None = None,
        *,
        finder: BoxFinder | None = None,
        segmenter: PromptSegmenter | None = None,
        plane: Plane = AXIAL,
    ) -> None:
        if anatomy is not None:
            require_same_grid(image.grid, anatomy.grid, names=("the image", "the anatomy"))
            finder = finder or AtlasBoxFinder(anatomy, plane=plane)
        self.image = image
        self.view = SliceView(image.grid, plane)
        self.segmenter = segmenter or SeededGrowth()
        self._finder = finder
        self._states: list[State] = []
        self._entries: list[Entry] = []
        self._current: int | None = None
        self._undone: list[int] = []
        self._kept: int | None = None
        self._pending: Question | None = None
        self._actions: dict[str, Callable[[Command], str]] = {
            "segment": self._segment,
            "shift_box": self._shift_box,
            "resize_box": self._resize_box,
            "keep": self._keep,
            "undo": self._undo,
            "redo": self._redo,
            "revert": self._revert,
        }

    @property
    def states(self) -> tuple[State, ...]:
        """All states by number, those that were undone included."""
        return tuple(self._states)

    @property
    def current(self) -> State | None:
        """The state that the next command starts from; none before the first mask."""
        return None if self._current is None else self._states[self._current]

    @property
    def kept(self) -> State | None:
        """The state that was kept last."""
        return None if self._kept is None else self._states[self._kept]

    @property
    def pending(self) -> Question | None:
        """The question that waits for an answer."""
        return self._pending

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The commands that were run, in order: all that a log needs."""
        return tuple(self._entries)

    def say(self, sentence: str) -> Reply:
        """What came of the sentence. It never raises for a sentence: a bad one leaves the session as it was."""
        interpretation = parse(sentence, self._pending)
        if isinstance(interpretation, Command) and interpretation.intent == "answer":
            interpretation = self._answered(str(interpretation.slots["choice"]))
        if isinstance(interpretation, Rejection):
            return Reply(interpretation.reason, interpretation, False, self.current)
        if isinstance(interpretation, Question):
            self._pending = interpretation
            return Reply(_asked(interpretation), interpretation, False, self.current)
        try:
            text = self.execute(interpretation, sentence=sentence)
        except AnatomyGuidedError as error:
            return Reply(str(error), interpretation, False, self.current)
        return Reply(text, interpretation, True, self.current)

    def execute(self, command: Command, *, sentence: str = "") -> str:
        """What was done, in a sentence. If it raises, the session is as it was.

        Raises:
            AnatomyGuidedError: The command cannot be run here: no such structure, a box outside the image, ...
        """
        if command.intent == "answer":
            raise InvalidCommand("That is an answer, but nothing was asked.")
        if command.intent not in self._actions:
            known = ", ".join(self._actions)
            raise InvalidCommand(f"{command.intent} is understood but cannot be done here yet; what can be: {known}.")
        text = self._actions[command.intent](command)
        state = self._require_current()
        self._pending = None
        self._entries.append(Entry(sentence, command, state.number, state.digest))
        return text

    def result(self) -> Labelmap:
        """The current mask on the image's grid: 1 in the structure, 0 elsewhere.

        Raises:
            NoMask: There is no mask yet.
        """
        state = self._require_current()
        return Labelmap(self.view.filled(state.mask, state.slice_number), self.image.grid)

    def result_slice(self) -> Labelmap:
        """The current mask on a grid of its slice alone: a thousandth of the voxels, for showing it at once.

        Raises:
            NoMask: There is no mask yet.
        """
        state = self._require_current()
        view = SliceView(self.view.slice_grid(state.slice_number), self.view.plane)
        return Labelmap(view.filled(state.mask, 1), view.grid)

    def segment(self) -> Segment:
        """The current structure as a segment of `result`: value 1, with its name, colour and terminology.

        Raises:
            NoMask: There is no mask yet.
        """
        return replace(dap_segments([id_of(self._require_current().structure)])[0], value=1)

    def history(self) -> tuple[str, ...]:
        """A line for each state, with a mark at the current one and a word at the kept one."""
        return tuple(
            f"{'>' if state.number == self._current else ' '} {state.number}: {_described(state)}"
            + (" (kept)" if state.number == self._kept else "")
            for state in self._states
        )

    def _answered(self, choice: str) -> Interpretation:
        """What the answer to the pending question means; "no" drops the question."""
        question = self._pending
        if question is None:
            return Rejection("Nothing was asked.")
        if choice in question.options[: len(question.outcomes)]:
            return question.outcome(choice)
        if choice == "no":
            self._pending = None
            return Rejection("Then nothing was done.")
        return question

    def _segment(self, command: Command) -> str:
        if self._finder is None:
            raise AnatomyGuidedError(
                "Without an anatomy no structure can be found; give a label map of this image with the session."
            )
        structure = command.word("structure")
        finding = self._finder.find(structure, command.count("slice"))
        return self._add_state(command, structure, finding.slice_number, finding.box)

    def _shift_box(self, command: Command) -> str:
        state = self._require_current()
        direction = self._screen_direction(command.word("direction"))
        columns, rows = _PIXEL_STEPS[direction]
        step = self._pixels(command.number("amount", DEFAULT_SHIFT_PX), command.word("unit", "px"))
        return self._add_state(
            command, state.structure, state.slice_number, state.box.moved(columns * step[1], rows * step[0])
        )

    def _resize_box(self, command: Command) -> str:
        state = self._require_current()
        side, unit = command.word("side", "all"), command.word("unit", "px")
        amount = command.number("amount")
        if unit == "percent":
            share = amount / 100 / (2 if side == "all" else 1)  # of width and height, half of it on each side
            rows, columns = share * state.box.height, share * state.box.width
        else:
            rows, columns = self._pixels(amount, unit)
        by_side = {"left": columns, "right": columns, "top": rows, "bottom": rows}
        box = state.box.grown(**{name: pixels for name, pixels in by_side.items() if side in ("all", name)})
        return self._add_state(command, state.structure, state.slice_number, box)

    def _keep(self, command: Command) -> str:  # noqa: ARG002
        self._kept = self._require_current().number
        return f"Step {self._kept} is kept."

    def _undo(self, command: Command) -> str:  # noqa: ARG002
        state = self._require_current()
        if state.parent is None:
            raise AnatomyGuidedError("There is nothing to undo: this is the first mask.")
        self._undone.append(state.number)
        self._current = state.parent
        return f"Step {state.number} is undone. {_described(self._states[state.parent])}"

    def _redo(self, command: Command) -> str:  # noqa: ARG002
        self._require_current()
        if not self._undone:
            raise AnatomyGuidedError("There is nothing to redo.")
        self._current = self._undone.pop()
        return f"Step {self._current} is back. {_described(self._states[self._current])}"

    def _revert(self, command: Command) -> str:
        state = self._require_current()
        number = command.count("step") if "step" in command.slots else state.parent
        if number is None:
            raise AnatomyGuidedError("There is no step before this one: it is the first mask.")
        if number >= len(self._states):
            raise AnatomyGuidedError(f"There is no step {number}; the steps are 0 to {len(self._states) - 1}.")
        self._current = number
        self._undone.clear()
        return f"Back at step {self._current}. {_described(self._states[self._current])}"

    def _add_state(self, command: Command, structure: str, slice_number: int, box: Box) -> str:
        """A description of the new current state."""
        box.pixels(self.view.shape)  # a box outside the image is refused here, whatever the segmenter would do
        pixels_hu = self.view.slice_of(self.image.values, slice_number)
        mask = self.segmenter.segment(pixels_hu, box, pixel_mm=self.view.pixel_mm)
        mask.flags.writeable = False
        number = len(self._states)
        state = State(number, self._current, command, structure, slice_number, box, mask)
        self._states.append(state)
        self._current = number
        self._undone.clear()
        return f"Step {number}. {_described(state)}"

    def _require_current(self) -> State:
        if self._current is None:
            raise NoMask('There is no mask yet; begin with a structure, for example "segment the liver".')
        return self._states[self._current]

    def _screen_direction(self, direction: str) -> str:
        if direction in _PIXEL_STEPS:
            return direction
        found = self.view.screen_direction(_TOWARDS[direction])
        if not found:
            raise AnatomyGuidedError(
                f"The box lies in one {self.view.plane.name} slice and cannot move {direction} out of it."
            )
        return found

    def _pixels(self, amount: float, unit: object) -> tuple[float, float]:
        """The amount in rows and in columns."""
        height_mm, width_mm = self.view.pixel_mm
        return (amount / height_mm, amount / width_mm) if unit == "mm" else (amount, amount)


def _described(state: State) -> str:
    name = everyday_name(label_by_name(state.structure))
    area = int(np.count_nonzero(state.mask))
    return f"{name[0].upper()}{name[1:]} on slice {state.slice_number}: {area} pixels."


def _asked(question: Question) -> str:
    return f"{question.text} ({' / '.join(question.options)})"
