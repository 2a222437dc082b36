"""The tree of states: states are only ever added; `undo`, `redo` and `revert` move to another one."""

from __future__ import annotations

from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.states import State


class NoMask(AnatomyGuidedError):
    """Something was asked of a mask before there was one."""


class StateTree:
    """All states by number: the current one, from which the next command starts, the undone ones, the kept one."""

    def __init__(self) -> None:
        self._states: list[State] = []
        self._undone: list[int] = []
        self._current: int | None = None
        self._kept: int | None = None

    @property
    def states(self) -> tuple[State, ...]:
        return tuple(self._states)

    @property
    def current(self) -> State | None:
        return None if self._current is None else self._states[self._current]

    @property
    def kept(self) -> State | None:
        return None if self._kept is None else self._states[self._kept]

    @property
    def next_number(self) -> int:
        """The number of the state that is added next."""
        return len(self._states)

    def required(self) -> State:
        """The current state.

        Raises:
            NoMask: There is none yet.
        """
        if self.current is None:
            raise NoMask('There is no mask yet; begin with a structure, for example "segment the liver".')
        return self.current

    def at(self, number: int | None) -> State:
        """The state of that number.

        Raises:
            AnatomyGuidedError: There is none.
        """
        if number is None or not 0 <= number < len(self._states):
            raise AnatomyGuidedError(f"There is no step {number}; the steps are 0 to {len(self._states) - 1}.")
        return self._states[number]

    def add(self, state: State) -> None:
        """Nothing; the state is the current one, and what was undone cannot be redone."""
        self._states.append(state)
        self.go_to(state)
        self.forget_undone()

    def go_to(self, state: State) -> None:
        """Nothing; the state is the current one."""
        self._current = state.number

    def forget_undone(self) -> None:
        """Nothing; what was undone cannot be redone."""
        self._undone.clear()

    def keep(self, state: State) -> None:
        """Nothing; the state is the one that was kept last."""
        self._kept = state.number

    def undo(self) -> State:
        """The state that was left for its parent.

        Raises:
            AnatomyGuidedError: It has none.
        """
        state = self.required()
        if state.parent is None:
            raise AnatomyGuidedError("There is nothing to undo: this is the first mask.")
        self._undone.append(state.number)
        self._current = state.parent
        return state

    def redo(self) -> State:
        """The state that was undone last, which is the current one again.

        Raises:
            AnatomyGuidedError: There is none.
        """
        if not self._undone:
            raise AnatomyGuidedError("There is nothing to redo.")
        self._current = self._undone.pop()
        return self._states[self._current]

    def volumetric_ancestor(self, state: State) -> State | None:
        """The nearest state in 3D, on the way from this one to the first, that has the same structure; none if none."""
        above: State | None = state
        while above is not None and above.structure == state.structure:
            if above.volume is not None:
                return above
            above = None if above.parent is None else self._states[above.parent]
        return None

    def lines(self) -> tuple[str, ...]:
        """A line for each state, with a mark at the current one and a word at the kept one."""
        return tuple(
            f"{'>' if state.number == self._current else ' '} {state.number}: {state.described()}"
            + (" (kept)" if state.number == self._kept else "")
            for state in self._states
        )
