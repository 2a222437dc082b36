"""A guided dialogue under way: the steps of a strategy that are left, and the points that are being asked about."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.grid import Volume

from LIMISLib.commands import Command, Question
from LIMISLib.guidance import question_of, steps_of
from LIMISLib.planes import SliceView
from LIMISLib.states import State

ENDS_GUIDE = ("segment", "finish", "cancel", "set_plane", "propagate", "keep")  # commands after which it asks no more
_LABELS = ("foreground", "background", "skip")


class Guide:
    """Questions in their order, each made from the state that there is when it is asked."""

    def __init__(self, problem: str = "") -> None:
        self._steps = steps_of(problem) if problem else []
        self._points: list[tuple[int, int]] = []
        self._cells_asked = 0
        self.asked: Question | None = None  # the last question

    @property
    def is_active(self) -> bool:
        """Whether something is left to ask."""
        return bool(self._steps or self._points)

    @property
    def point(self) -> tuple[int, int] | None:
        """The pixel that is being asked about."""
        return self._points[0] if self._points else None

    def ask_about(self, points: list[tuple[int, int]]) -> None:
        """Nothing; the next questions are about these pixels."""
        self._points = list(points)

    def point_is_answered(self) -> None:
        """Nothing; the next point is next."""
        self._points.pop(0)

    def next(self, state: State, image: Volume, view: SliceView) -> Question | None:
        """The next question, none if nothing is left."""
        self.asked = self._question(state, image, view)
        return self.asked

    def _question(self, state: State, image: Volume, view: SliceView) -> Question | None:
        if self._points:
            row, column = self._points[0]
            hu = float(view.slice_of(image.values, state.slice_number)[row, column])
            text = f"The point in row {row + 1}, column {column + 1} ({hu:.0f} HU): foreground or background?"
            outcomes = tuple(Command("answer_critical", {"label": label}) for label in _LABELS)
            return Question(text, _LABELS, outcomes)
        pixels_hu = view.slice_of(image.values, state.slice_number)
        middle = float(np.median(pixels_hu[state.mask])) if state.mask.any() else 40.0
        while self._steps:
            step = self._steps.pop(0)
            question = question_of(step, state, self._cells_asked, middle_hu=round(middle))
            self._cells_asked += step == "grid"
            if question is not None:
                return question
        return None
