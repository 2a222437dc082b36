"""What is being asked: a pending question, the guided strategy that asks on, and the default adaptation on offer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.grid import Volume

from LIMISLib.commands import Command, Interpretation, Question, Rejection
from LIMISLib.guidance import usual_window
from LIMISLib.guide import ENDS_GUIDE, Guide
from LIMISLib.planes import SliceView
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.random_walk import Chances
from LIMISLib.states import Setup, State

ADAPTED_PX = 10  # more on each side: the thesis's default adaptation, with the structure's usual window (3.3.2.2)

_LEAVES_OFFER = ("keep", "revert", "repeat", "help", "show_history", "compare", "go_to_slice")
_LEAVES_QUESTION = ("repeat", "help", "show_history", "compare", "go_to_slice", "show_examples")


@dataclass(frozen=True, eq=False)
class Offer:
    """A result that may be kept: what it is computed from, and its mask."""

    setup: Setup
    chances: Chances
    mask: Mask


class Dialogue:
    """At most one question is pending; the guide, and then the offer, ask the next one."""

    def __init__(self) -> None:
        self.pending: Question | None = None
        self.guide = Guide()
        self.offer: Offer | None = None

    def leaves_out(self, choice: str) -> bool:
        """Whether the answer passes over a step that the guide asked about; then it is asked about no more."""
        question = self.pending
        if question is None or question is not self.guide.asked or self.guide.point is not None:
            return False
        if choice not in ("no", "skip") or choice in question.options[: len(question.outcomes)]:
            return False
        self.guide.step_is_settled(None)
        return True

    def answered(self, choice: str) -> Interpretation:
        """What the answer to the pending question means; "no" drops the question."""
        question = self.pending
        if question is None:
            return Rejection("Nothing was asked.")
        if choice in question.options[: len(question.outcomes)]:
            return question.outcome(choice)
        if choice == "no" and question is self.guide.asked and self.guide.point is not None:
            return question.outcome("skip")
        if choice == "no":
            self.pending = None
            return Rejection("Then nothing was done.")
        return question

    def after(self, command: Command, number: int | None) -> None:
        """Nothing; what the command settles is asked no more. It gave the state of that number, or none."""
        step = self.pending if self.pending is self.guide.asked else None
        if step is not None and command.intent != "answer_critical" and command in step.outcomes:
            self.guide.step_is_settled(number)
        if command.intent not in (*_LEAVES_OFFER, "segment"):
            self.offer = None
        if command.intent not in _LEAVES_QUESTION:
            self.pending = None
        if command.intent in ENDS_GUIDE:
            self.guide = Guide()

    def follow_up(self, state: State | None, image: Volume, view: SliceView) -> str:
        """What is asked after a command: what still waits, the guide's next question, or whether the offer is kept."""
        if self.pending is not None:
            return asked(self.pending)
        if state is None:
            return ""
        if self.guide.is_active:
            return self.next_question(state, image, view)
        if self.offer is None:
            return ""
        window, pixels = usual_window(state.structure).replace("_", " "), np.count_nonzero(self.offer.mask)
        text = f"With the {window} window and {ADAPTED_PX} pixels more on each side it is {pixels} pixels. Keep that?"
        self.pending = Question(text, ("yes", "no"), (Command("keep"), Command("revert")))
        return asked(self.pending)

    def next_question(self, state: State, image: Volume, view: SliceView) -> str:
        """The guide's next question, which then is pending; "" if none is left."""
        self.pending = self.guide.next(state, image, view)
        return asked(self.pending) if self.pending else ""


def asked(question: Question) -> str:
    """The question with its options.

    >>> asked(Question("Left or right kidney?", ("left", "right")))
    'Left or right kidney? (left / right)'
    """
    return f"{question.text} ({' / '.join(question.options)})"
