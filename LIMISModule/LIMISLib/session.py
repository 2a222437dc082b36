"""A session: one image, what was said about it, and the tree of states that came of it.

Sentences become commands (`language`), commands run as actions (`actions`) on a workbench, results are states of a
tree (`state_tree.py`). A session that is run again from its commands gives the same masks to the last voxel.
"""

from __future__ import annotations

from dataclasses import replace

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import Segment, dap_segments
from AnatomyGuidedLib.labels import id_of

from LIMISLib.actions import history_actions, mask_actions
from LIMISLib.actions.by_command import ACTIONS, NEED_NO_MASK
from LIMISLib.actions.refinements import cell_of
from LIMISLib.box_finder import BoxFinder
from LIMISLib.commands import Command, Interpretation, InvalidCommand, Question, Rejection
from LIMISLib.dialogue import asked
from LIMISLib.language import parse
from LIMISLib.language.proposer import CommandProposer, with_proposals
from LIMISLib.planes import AXIAL, Plane, SliceView
from LIMISLib.prompt_segmenter import Mask, PromptSegmenter
from LIMISLib.random_walk import RandomWalk
from LIMISLib.state_tree import NoMask
from LIMISLib.states import Entry, Reply, State
from LIMISLib.workbench import Workbench

_OFFERED_COLOR = (90, 200, 255)

__all__ = ["Entry", "NoMask", "Reply", "Session", "State"]


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
        self._bench = Workbench(image, anatomy, finder=finder, segmenter=segmenter or RandomWalk(), plane=plane)
        self._tree, self._dialogue = self._bench.tree, self._bench.dialogue
        self._entries: list[Entry] = []
        self.proposer: CommandProposer | None = None  # for sentences that are no command

    @property
    def image(self) -> Volume:
        return self._bench.image

    @property
    def segmenter(self) -> PromptSegmenter:
        return self._bench.segmenter

    @property
    def view(self) -> SliceView:
        """The slices that the next structure is looked for in."""
        return self._bench.view

    @property
    def states(self) -> tuple[State, ...]:
        """All states by number, those that were undone included."""
        return self._tree.states

    @property
    def current(self) -> State | None:
        """The state that the next command starts from; none before the first mask."""
        return self._tree.current

    @property
    def kept(self) -> State | None:
        """The state that was kept last."""
        return self._tree.kept

    @property
    def pending(self) -> Question | None:
        """The question that waits for an answer."""
        return self._dialogue.pending

    @property
    def offered_mask(self) -> Mask | None:
        """The mask of the default adaptation while it is on offer, on the current state's slice."""
        offer = self._dialogue.offer
        return None if offer is None else offer.mask

    @property
    def asked_point(self) -> tuple[int, int] | None:
        """The pixel [row, column] that is being asked about: a critical point, or the middle of a grid cell."""
        question, state = self.pending, self.current
        if question is not None and state is not None and question.outcomes:
            asked_first = question.outcomes[0]
            if isinstance(asked_first, Command) and asked_first.intent == "grid_click":
                return cell_of(state.box, int(asked_first.number("cell")))
        return self._dialogue.guide.point

    @property
    def asked_point_ras(self) -> tuple[float, float, float] | None:
        """RAS position in mm of the pixel that is being asked about."""
        point, state = self.asked_point, self.current
        return None if point is None or state is None else self.view_of(state).pixel_ras(state.slice_number, *point)

    @property
    def slice_number(self) -> int | None:
        """The slice that is shown: that of the current mask, or where the user went since."""
        return self._bench.slice_number

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The commands that were run, in order: all that a log needs."""
        return tuple(self._entries)

    def say(self, sentence: str) -> Reply:
        """What came of the sentence. It never raises for a sentence: a bad one leaves the session as it was."""
        interpretation = with_proposals(sentence, parse(sentence, self.pending), self.proposer)
        if isinstance(interpretation, Command) and interpretation.intent == "answer":
            choice = interpretation.word("choice")
            if self._dialogue.leaves_out(choice):
                return self._reply(self._next_question() or "That was the last step.", interpretation, done=True)
            return self._done(self._dialogue.answered(choice), sentence)
        try:
            doubt = history_actions.doubt(self._bench, interpretation) if isinstance(interpretation, Command) else None
        except AnatomyGuidedError as error:
            return self._reply(str(error), interpretation, done=False)
        return self._done(doubt or interpretation, sentence)

    def execute(self, command: Command, *, sentence: str = "") -> str:
        """What was done, in a sentence, and the next question of a guided strategy. If it raises, all is as it was.

        Raises:
            AnatomyGuidedError: The command cannot be run here: no such structure, a box outside the image, ...
        """
        if command.intent == "answer":
            raise InvalidCommand("That is an answer, but nothing was asked.")
        if command.intent not in NEED_NO_MASK:
            self._tree.required()
        made = len(self.states)
        text = ACTIONS[command.intent](self._bench, command)
        self._dialogue.after(command, made if len(self.states) > made else None)
        state = self.current
        self._entries.append(Entry(sentence, command, state.number if state else -1, state.digest if state else ""))
        if command.intent == "repeat":
            return text
        question = self._dialogue.follow_up(state, self.image, self.view_of(state) if state else self.view)
        return f"{text} {question}".strip()

    def result(self) -> Labelmap:
        """The current mask on the image's grid: 1 in the structure, 0 elsewhere.

        Raises:
            NoMask: There is no mask yet.
        """
        state = self._tree.required()
        if state.volume is not None:
            return Labelmap(state.volume.copy(), self.image.grid)
        return Labelmap(self.view_of(state).filled(state.mask, state.slice_number), self.image.grid)

    def result_slice(self) -> Labelmap:
        """The current mask on a grid of its slice alone, for showing it at once; all of it once it is in 3D.

        Raises:
            NoMask: There is no mask yet.
        """
        state = self._tree.required()
        return self.result() if state.volume is not None else self._on_slice(state.mask, state)

    def offered_slice(self) -> Labelmap | None:
        """As `result_slice`, of the default adaptation while it is on offer; none otherwise."""
        mask = self.offered_mask
        return None if mask is None else self._on_slice(mask, self._tree.required())

    def segment(self) -> Segment:
        """The current structure as a segment of `result`: value 1, with its name, colour and terminology.

        Raises:
            NoMask: There is no mask yet.
        """
        return replace(dap_segments([id_of(self._tree.required().structure)])[0], value=1)

    def offered_segment(self) -> Segment:
        """The default adaptation as a segment of `offered_slice`: value 1, in a colour that no structure has.

        Raises:
            NoMask: There is no mask yet.
        """
        segment = self.segment()
        return replace(segment, name=f"{segment.name}, default adaptation", color=_OFFERED_COLOR)

    def view_of(self, state: State) -> SliceView:
        """The slices that the state's mask lies in; those of the next structure are `view`."""
        return self._bench.view_of(state)

    def shown_centre_ras(self) -> tuple[float, float, float] | None:
        """RAS position in mm of the middle of the slice that is shown; none before a slice or mask was asked for."""
        if self.slice_number is None:
            return None
        state = self.current
        is_of_mask = state is not None and self.slice_number == state.slice_number
        view = self.view_of(state) if state is not None and is_of_mask else self.view
        return view.centre_ras(self.slice_number)

    def history(self) -> tuple[str, ...]:
        """A line for each state, with a mark at the current one and a word at the kept one."""
        return self._tree.lines()

    def preview(self, command: Command) -> Mask:
        """The mask that a refinement would give; nothing changes.

        Raises:
            AnatomyGuidedError: It cannot be run here.
        """
        return mask_actions.preview(self._bench, command)

    def _done(self, interpretation: Interpretation, sentence: str) -> Reply:
        """What came of a command, question or rejection."""
        if isinstance(interpretation, Rejection):
            waits = asked(self.pending) if self.pending else ""
            return self._reply(f"{interpretation.reason} {waits}".strip(), interpretation, done=False)
        if isinstance(interpretation, Question):
            self._dialogue.pending = interpretation
            return self._reply(asked(interpretation), interpretation, done=False)
        try:
            text = self.execute(interpretation, sentence=sentence)
        except AnatomyGuidedError as error:
            return self._reply(str(error), interpretation, done=False)
        return self._reply(text, interpretation, done=True)

    def _on_slice(self, mask: Mask, state: State) -> Labelmap:
        """A mask of the state's slice, on a grid of that slice alone."""
        view = self.view_of(state)
        alone = SliceView(view.slice_grid(state.slice_number), view.plane)
        return Labelmap(alone.filled(mask, 1), alone.grid)

    def _next_question(self) -> str:
        state = self._tree.required()
        return self._dialogue.next_question(state, self.image, self.view_of(state))

    def _reply(self, text: str, interpretation: Interpretation, *, done: bool) -> Reply:
        is_repeat = isinstance(interpretation, Command) and interpretation.intent == "repeat"
        self._bench.said = self._bench.said if is_repeat else text
        return Reply(text, interpretation, done, self.current)
