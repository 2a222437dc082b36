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
    """Questions in their order, each made from the state that there is then, and asked until it is settled."""

    def __init__(self, problem: str = "") -> None:
        self._steps = steps_of(problem) if problem else []
        self._points: list[tuple[int, int]] = []
        self._cells_asked = 0
        self._settled: list[tuple[int, str | tuple[int, int]]] = []  # by the number of the state that it gave
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

    def point_is_settled(self, number: int | None) -> None:
        """Nothing; the next point is next. The answer gave the state of that number, or none."""
        self._settle(self._points.pop(0), number)

    def step_is_settled(self, number: int | None) -> None:
        """Nothing; the next step is next. The answer gave the state of that number, or none."""
        step = self._steps.pop(0)
        self._cells_asked += step == "grid"
        self._settle(step, number)

    def is_undone(self, number: int) -> None:
        """Nothing; what gave the state of that number is asked about again."""
        if not self._settled or self._settled[-1][0] != number:
            return
        _, what = self._settled.pop()
        if isinstance(what, str):
            self._steps.insert(0, what)
            self._cells_asked -= what == "grid"
        else:
            self._points.insert(0, what)

    def next(self, state: State, image: Volume, view: SliceView) -> Question | None:
        """The next question, none if nothing is left."""
        self.asked = self._question(state, image, view)
        return self.asked

    def _settle(self, what: str | tuple[int, int], number: int | None) -> None:
        if number is not None:
            self._settled.append((number, what))

    def _question(self, state: State, image: Volume, view: SliceView) -> Question | None:
        pixels_hu = view.slice_of(image.values, state.slice_number)
        if self._points:
            row, column = self._points[0]
            where = f"row {row + 1}, column {column + 1} ({pixels_hu[row, column]:.0f} HU)"
            outcomes = tuple(Command("answer_critical", {"label": label}) for label in _LABELS)
            return Question(f"The point in {where}: foreground or background?", _LABELS, outcomes)
        middle = float(np.median(pixels_hu[state.mask])) if state.mask.any() else 40.0
        while self._steps:
            question = question_of(self._steps[0], state, self._cells_asked, middle_hu=round(middle))
            if question is not None:
                return question
            self.step_is_settled(None)
        return None
