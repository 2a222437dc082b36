"""A session: one image, what was said about it, and the tree of states that came of it.

States are only ever added. `undo`, `redo` and `revert` move to another state; nothing is lost by them, and a session
that is run again from its commands gives the same masks to the last voxel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import Segment, dap_segments
from AnatomyGuidedLib.labels import id_of

from LIMISLib.box_finder import AtlasBoxFinder, BoxFinder
from LIMISLib.commands import Command, Interpretation, InvalidCommand, Question, Rejection
from LIMISLib.guidance import critical_points, examples, help_text, usual_window
from LIMISLib.guide import ENDS_GUIDE, Guide
from LIMISLib.language import parse
from LIMISLib.planes import AXIAL, PLANES, Plane, SliceView
from LIMISLib.prompt import PRESETS, Click
from LIMISLib.prompt_segmenter import Mask, PromptSegmenter, VolumeSegmenter
from LIMISLib.propagation import asked_for_all, propagated
from LIMISLib.random_walk import Chances, RandomWalk
from LIMISLib.refinements import REFINEMENTS
from LIMISLib.states import Entry, Reply, Setup, State

__all__ = ["Entry", "NoMask", "Reply", "Session", "State"]

_ADAPTED_PX = 10  # more on each side: the thesis's default adaptation, with the structure's usual window (3.3.2.2)
_LEAVES_OFFER = ("keep", "revert", "repeat", "help", "show_history", "compare", "go_to_slice")
_TREELESS = ("go_to_slice", "set_plane", "help", "repeat", "cancel", "show_history")  # need no mask


class NoMask(AnatomyGuidedError):
    """Something was asked of a mask before there was one."""


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
        self.image, self._anatomy = image, anatomy
        self.segmenter = segmenter or RandomWalk()
        self._given_finder = finder
        self._use_plane(plane)
        self._states: list[State] = []
        self._entries: list[Entry] = []
        self._current: int | None = None
        self._undone: list[int] = []
        self._kept: int | None = None
        self._pending: Question | None = None
        self._slice_number: int | None = None
        self._said = ""
        self._guide = Guide()
        self._offer: Setup | None = None
        self._actions: dict[str, Callable[[Command], str]] = {
            **dict.fromkeys(REFINEMENTS, self._refine),
            "segment": self._segment,
            "ensemble": self._ensemble,
            "propagate": self._propagate,
            "critical_points": self._critical_points,
            "answer_critical": self._answer_critical,
            "strategy": self._strategy,
            "show_examples": self._show_examples,
            "keep": self._keep,
            "undo": self._undo,
            "redo": self._redo,
            "revert": self._revert,
            "compare": self._compare,
            "show_history": lambda _: "\n".join(self.history()) or "There are no steps yet.",
            "go_to_slice": self._go_to_slice,
            "set_plane": self._set_plane,
            "finish": self._finish,
            "cancel": self._cancel,
            "help": lambda command: help_text(command.word("of")),
            "repeat": lambda _: self._said or "Nothing was said yet.",
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
    def slice_number(self) -> int | None:
        """The slice that is shown: that of the current mask, or where the user went since."""
        return self._slice_number

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The commands that were run, in order: all that a log needs."""
        return tuple(self._entries)

    def say(self, sentence: str) -> Reply:
        """What came of the sentence. It never raises for a sentence: a bad one leaves the session as it was."""
        interpretation = parse(sentence, self._pending)
        if isinstance(interpretation, Command) and interpretation.intent == "answer":
            choice = interpretation.word("choice")
            if self._leaves_out(choice):
                return self._reply(self._next_question() or "That was the last step.", interpretation, done=True)
            interpretation = self._answered(choice)
        if isinstance(interpretation, Rejection):
            return self._reply(interpretation.reason, interpretation, done=False)
        if isinstance(interpretation, Question):
            self._pending = interpretation
            return self._reply(_asked(interpretation), interpretation, done=False)
        try:
            text = self.execute(interpretation, sentence=sentence)
        except AnatomyGuidedError as error:
            return self._reply(str(error), interpretation, done=False)
        return self._reply(text, interpretation, done=True)

    def execute(self, command: Command, *, sentence: str = "") -> str:
        """What was done, in a sentence, and the next question of a guided strategy. If it raises, all is as it was.

        Raises:
            AnatomyGuidedError: The command cannot be run here: no such structure, a box outside the image, ...
        """
        if command.intent == "answer":
            raise InvalidCommand("That is an answer, but nothing was asked.")
        if command.intent not in _TREELESS:
            self._require_begun(command)
        text = self._actions[command.intent](command)
        if command.intent not in (*_LEAVES_OFFER, "segment"):
            self._offer = None
        if command.intent not in ("repeat", "help", "show_history", "compare"):
            self._pending = None
        state = self.current
        self._entries.append(Entry(sentence, command, state.number if state else -1, state.digest if state else ""))
        if command.intent in ENDS_GUIDE:
            self._guide = Guide()
        question = self._follow_up() if self._pending is None else ""
        return f"{text} {question}".strip()

    def result(self) -> Labelmap:
        """The current mask on the image's grid: 1 in the structure, 0 elsewhere.

        Raises:
            NoMask: There is no mask yet.
        """
        state = self._require_current()
        if state.volume is not None:
            return Labelmap(state.volume.copy(), self.image.grid)
        return Labelmap(self.view_of(state).filled(state.mask, state.slice_number), self.image.grid)

    def result_slice(self) -> Labelmap:
        """The current mask on a grid of its slice alone, for showing it at once; all of it once it is in 3D.

        Raises:
            NoMask: There is no mask yet.
        """
        state = self._require_current()
        if state.volume is not None:
            return self.result()
        view = self.view_of(state)
        alone = SliceView(view.slice_grid(state.slice_number), view.plane)
        return Labelmap(alone.filled(state.mask, 1), alone.grid)

    def segment(self) -> Segment:
        """The current structure as a segment of `result`: value 1, with its name, colour and terminology.

        Raises:
            NoMask: There is no mask yet.
        """
        return replace(dap_segments([id_of(self._require_current().structure)])[0], value=1)

    def view_of(self, state: State) -> SliceView:
        """The slices that the state's mask lies in; those of the next structure are `view`."""
        return SliceView(self.image.grid, state.setup.plane)

    def shown_centre_ras(self) -> tuple[float, float, float] | None:
        """RAS position in mm of the middle of the slice that is shown; none before a slice or mask was asked for."""
        if self._slice_number is not None:
            state = self.current
            is_of_mask = state is not None and self._slice_number == state.slice_number
            view = self.view_of(state) if state is not None and is_of_mask else self.view
            return view.centre_ras(self._slice_number)
        return None

    def history(self) -> tuple[str, ...]:
        """A line for each state, with a mark at the current one and a word at the kept one."""
        return tuple(
            f"{'>' if state.number == self._current else ' '} {state.number}: {state.described()}"
            + (" (kept)" if state.number == self._kept else "")
            for state in self._states
        )

    def preview(self, command: Command) -> Mask:
        """The mask that a refinement would give; nothing changes.

        Raises:
            AnatomyGuidedError: It cannot be run here.
        """
        state = self._require_current()
        if command.intent == "ensemble":
            return self._masked(state.setup, self._mean_chances(state))
        setup = REFINEMENTS[command.intent](state, command, self.view_of(state))
        return self._masked(setup, self._chances(setup))

    def _leaves_out(self, choice: str) -> bool:
        """Whether the answer passes over a step that the guide asked about."""
        question = self._pending
        if question is None or question is not self._guide.asked:
            return False
        return choice in ("no", "skip") and choice not in question.options[: len(question.outcomes)]

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

    def _reply(self, text: str, interpretation: Interpretation, *, done: bool) -> Reply:
        is_repeat = isinstance(interpretation, Command) and interpretation.intent == "repeat"
        self._said = self._said if is_repeat else text
        return Reply(text, interpretation, done, self.current)

    def _follow_up(self) -> str:
        """What is asked after a command: the guide's next question, or whether the default adaptation is kept."""
        if self._guide.is_active:
            return self._next_question()
        state = self.current
        if self._offer is None or state is None or self._offer.window is None:
            return ""
        pixels = np.count_nonzero(self._masked(self._offer, self._chances(self._offer)))
        window = usual_window(state.structure).replace("_", " ")
        text = f"With the {window} window and {_ADAPTED_PX} pixels more on each side it is {pixels} pixels. Keep that?"
        self._pending = Question(text, ("yes", "no"), (Command("keep"), Command("revert")))
        return _asked(self._pending)

    def _next_question(self) -> str:
        """The guide's next question, which then is pending; empty where there is none left."""
        state = self._require_current()
        self._pending = self._guide.next(state, self.image, self.view_of(state))
        return _asked(self._pending) if self._pending else ""

    def _segment(self, command: Command) -> str:
        if self._finder is None:
            raise AnatomyGuidedError(
                "Without an anatomy no structure can be found; give a label map of this image with the session."
            )
        structure = command.word("structure")
        finding = self._finder.find(structure, command.count("slice"))
        setup = Setup(structure, finding.slice_number, finding.box, self.view.plane)
        text = self._add_state(command, setup)
        px = dict.fromkeys(("left", "right", "top", "bottom"), _ADAPTED_PX)
        self._offer = replace(setup, box=setup.box.grown(**px), window=PRESETS[usual_window(structure)])
        return text

    def _refine(self, command: Command) -> str:
        state = self._require_current()
        return self._add_state(command, REFINEMENTS[command.intent](state, command, self.view_of(state)))

    def _ensemble(self, command: Command) -> str:
        state = self._require_current()
        return self._add_state(command, state.setup, chances=self._mean_chances(state))

    def _mean_chances(self, state: State) -> Chances:
        """Of a larger box, a centre click and the structure's usual window."""
        view = self.view_of(state)
        changes = (
            Command("resize_box", {"amount": 10, "unit": "px"}),
            Command("center_click"),
            Command("set_window", {"preset": usual_window(state.structure)}),
        )
        all_chances = [self._chances(REFINEMENTS[one.intent](state, one, view)) for one in changes]
        return np.asarray(np.mean(all_chances, axis=0), dtype=np.float32)

    def _propagate(self, command: Command) -> str:
        state, direction = self._require_current(), command.word("direction", "both")
        where = self.image.values, self.view_of(state), state.mask, state.slice_number
        if isinstance(self.segmenter, VolumeSegmenter):
            volume = asked_for_all(self.segmenter, *where, state.setup.prompt, direction=direction)
        else:
            volume = propagated(*where, direction=direction, window=state.setup.window)
        return self._add_state(command, state.setup, chances=state.chances, volume=volume)

    def _critical_points(self, command: Command) -> str:  # noqa: ARG002
        points = critical_points(self._require_current())
        self._guide.ask_about(points)
        return f"{len(points)} points are doubtful."

    def _answer_critical(self, command: Command) -> str:
        state = self._require_current()
        point = self._guide.point
        if point is None:
            raise AnatomyGuidedError('No point is being asked about; say "critical points" first.')
        text = "The point is skipped."
        if command.word("label") != "skip":
            click = Click(*point, command.word("label") == "foreground")
            text = self._add_state(command, replace(state.setup, clicks=(*state.setup.clicks, click)))
        self._guide.point_is_answered()
        return text

    def _strategy(self, command: Command) -> str:
        self._guide = Guide(command.word("problem"))
        return f"Against {command.word('problem').replace('_', ' ')}, step by step; say no to leave one out."

    def _show_examples(self, command: Command) -> str:
        state = self._require_current()
        lines = []
        for example in examples(command.word("of"), state):
            try:
                pixels = int(np.count_nonzero(self.preview(example))) - int(np.count_nonzero(state.mask))
            except AnatomyGuidedError:
                continue  # an example that cannot be run here is none
            lines.append(f"{_in_words(example)}: {pixels:+d} pixels")
        return "; ".join(lines) + ". Nothing was changed."

    def _keep(self, command: Command) -> str:
        if self._offer is not None:
            text = self._add_state(command, self._offer)
            self._offer, self._kept = None, self._current
            return f"{text} It is kept."
        self._kept = self._require_current().number
        return f"Step {self._kept} is kept."

    def _undo(self, command: Command) -> str:  # noqa: ARG002
        state = self._require_current()
        if state.parent is None:
            raise AnatomyGuidedError("There is nothing to undo: this is the first mask.")
        self._undone.append(state.number)
        self._move_to(state.parent)
        return f"Step {state.number} is undone. {self._states[state.parent].described()}"

    def _redo(self, command: Command) -> str:  # noqa: ARG002
        if not self._undone:
            raise AnatomyGuidedError("There is nothing to redo.")
        number = self._undone.pop()
        self._move_to(number)
        return f"Step {number} is back. {self._states[number].described()}"

    def _revert(self, command: Command) -> str:
        state = self._require_current()
        if self._offer is not None and "step" not in command.slots:
            self._offer = None
            return f"Step {state.number} stays as it is."
        number = command.count("step") if "step" in command.slots else state.parent
        if number is None:
            raise AnatomyGuidedError("There is no step before this one: it is the first mask.")
        self._move_to(self._existing(number))
        self._offer = None
        self._undone.clear()
        return f"Back at step {number}. {self._states[number].described()}"

    def _compare(self, command: Command) -> str:
        steps = command.slots["steps"]
        one, other = (self._states[self._existing(int(step))] for step in (steps if isinstance(steps, tuple) else ()))
        words = f"Step {one.number}: {one.described()} Step {other.number}: {other.described()}"
        if one.mask.shape != other.mask.shape or one.slice_number != other.slice_number:
            return f"{words} They are on different slices."
        shared, total = (
            np.count_nonzero(one.mask & other.mask),
            np.count_nonzero(one.mask) + np.count_nonzero(other.mask),
        )
        return f"{words} Their Dice is {2 * shared / total:.2f}." if total else f"{words} Both are empty."

    def _go_to_slice(self, command: Command) -> str:
        number = command.count("slice")
        if number is None:
            if self._slice_number is None:
                raise AnatomyGuidedError('No slice is shown yet; say a number, for example "slice 40".')
            step = int(command.number("count", 1))
            number = self._slice_number + (step if command.word("move") == "next" else -step)
        if not 1 <= number <= self.view.count:
            raise AnatomyGuidedError(
                f"The image has {self.view.plane.name} slices 1 to {self.view.count}, not {number}."
            )
        self._slice_number = number
        return f"Slice {number} of {self.view.count}."

    def _set_plane(self, command: Command) -> str:
        self._use_plane(PLANES[command.word("plane")])
        self._slice_number = None
        return f"Structures are now segmented in {self.view.plane.name} slices, 1 to {self.view.count}."

    def _finish(self, command: Command) -> str:
        state = self._require_current()
        number = self._existing(command.count("step") if "step" in command.slots else state.number)
        self._move_to(number)
        self._kept = number
        return f"Step {number} is handed over. {self._states[number].described()}"

    def _cancel(self, command: Command) -> str:  # noqa: ARG002
        return "Nothing is asked any more." if self._pending or self._guide.is_active else "Nothing was running."

    def _use_plane(self, plane: Plane) -> None:
        if self._given_finder is not None and plane is not AXIAL:
            raise AnatomyGuidedError("The finder of this session knows axial slices only.")
        self.view = SliceView(self.image.grid, plane)
        self._finder = self._given_finder
        if self._finder is None and self._anatomy is not None:
            self._finder = AtlasBoxFinder(self._anatomy, plane=plane)

    def _chances(self, setup: Setup) -> Chances:
        view = SliceView(self.image.grid, setup.plane)
        setup.box.pixels(view.shape)  # a box outside the image is refused here, whatever the segmenter would do
        pixels_hu = view.slice_of(self.image.values, setup.slice_number)
        return self.segmenter.chances(pixels_hu, setup.prompt, pixel_mm=view.pixel_mm)

    def _masked(self, setup: Setup, chances: Chances) -> Mask:
        mask = np.asarray((chances >= setup.threshold) & (chances > 0))
        return mask if setup.dropped is None else mask & ~setup.dropped

    def _add_state(
        self,
        command: Command,
        setup: Setup,
        *,
        chances: Chances | None = None,
        volume: npt.NDArray[np.uint8] | None = None,
    ) -> str:
        """A description of the new current state."""
        chances = self._chances(setup) if chances is None else chances
        mask = self._masked(setup, chances)
        for array in (chances, mask, volume):
            if array is not None:
                array.flags.writeable = False
        state = State(len(self._states), self._current, command, setup, chances, mask, volume)
        self._states.append(state)
        self._move_to(state.number)
        self._undone.clear()
        return f"Step {state.number}. {state.described()}"

    def _move_to(self, number: int) -> None:
        state, before = self._states[number].setup, self.current
        here = (state.structure, state.slice_number, state.plane)
        if before is not None and here != (before.structure, before.slice_number, before.setup.plane):
            self._guide = Guide()  # what it asks about lies elsewhere
        self._current, self._slice_number = number, self._states[number].slice_number

    def _existing(self, number: int | None) -> int:
        if number is None or not 0 <= number < len(self._states):
            raise AnatomyGuidedError(f"There is no step {number}; the steps are 0 to {len(self._states) - 1}.")
        return number

    def _require_begun(self, command: Command) -> None:
        if command.intent != "segment":
            self._require_current()

    def _require_current(self) -> State:
        if self._current is None:
            raise NoMask('There is no mask yet; begin with a structure, for example "segment the liver".')
        return self._states[self._current]


def _in_words(command: Command) -> str:
    slots = " ".join(f"{value}".replace("_", " ") for value in command.slots.values())
    return f"{command.intent.replace('_', ' ')} {slots}".strip()


def _asked(question: Question) -> str:
    return f"{question.text} ({' / '.join(question.options)})"
