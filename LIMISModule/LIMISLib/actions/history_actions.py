"""What commands do to the steps so far: keep, undo, redo, revert, compare, list, hand over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.commands import Command, Question, confirmation
from LIMISLib.states import State
from LIMISLib.workbench import Workbench


def keep(bench: Workbench, command: Command) -> str:
    """The current step is marked; while the default adaptation is on offer, that becomes the step."""
    offer = bench.dialogue.offer
    if offer is not None:
        text = bench.add(command, offer.setup, chances=offer.chances)
        bench.dialogue.offer = None
        bench.tree.keep(bench.tree.required())
        return f"{text} It is kept."
    state = bench.tree.required()
    bench.tree.keep(state)
    return f"Step {state.number} is kept."


def undo(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """Back to the parent."""
    left = bench.tree.undo()
    bench.show_current(left)
    bench.dialogue.guide.is_undone(left.number)
    return f"Step {left.number} is undone. {bench.tree.required().described()}"


def redo(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """Forward to what was undone."""
    left = bench.tree.current
    state = bench.tree.redo()
    bench.show_current(left)
    return f"Step {state.number} is back. {state.described()}"


def revert(bench: Workbench, command: Command) -> str:
    """On from an earlier step, by default the one before; it declines what is on offer."""
    state = bench.tree.required()
    if bench.dialogue.offer is not None and "step" not in command.slots:
        bench.dialogue.offer = None
        return f"Step {state.number} stays as it is."
    number = command.count("step") if "step" in command.slots else state.parent
    if number is None:
        raise AnatomyGuidedError("There is no step before this one: it is the first mask.")
    chosen = bench.tree.at(number)
    bench.go_to(chosen)
    bench.tree.forget_undone()
    bench.dialogue.offer = None
    return f"Back at step {chosen.number}. {chosen.described()}"


def compare(bench: Workbench, command: Command) -> str:
    """Two steps and their Dice."""
    steps = command.slots["steps"]
    one, other = (bench.tree.at(int(step)) for step in (steps if isinstance(steps, tuple) else ()))
    words = f"Step {one.number}: {one.described()} Step {other.number}: {other.described()}"
    return f"{words} {_agreement(one, other)}"


def show_history(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """A line for each step."""
    return "\n".join(bench.tree.lines()) or "There are no steps yet."


def finish(bench: Workbench, command: Command) -> str:
    """The step that is handed over, by default the current one."""
    state = _handed_over(bench, command)
    bench.go_to(state)
    bench.tree.keep(state)
    text = f"Step {state.number} is handed over. {state.described()}"
    whole = bench.tree.volumetric_ancestor(state)
    return text if whole in (None, state) else f"{text} It is one slice; step {whole.number} is in 3D."


def doubt(bench: Workbench, command: Command) -> Question | None:
    """What is asked before an empty mask is handed over; none where there is nothing to ask.

    Raises:
        AnatomyGuidedError: There is no such step.
    """
    if command.intent != "finish":
        return None
    state = _handed_over(bench, command)
    asked = f"The mask of step {state.number} is empty. Hand over an empty mask?"
    return confirmation(asked, Command("finish", {"step": state.number})) if state.is_empty else None


def _handed_over(bench: Workbench, command: Command) -> State:
    return bench.tree.at(command.count("step")) if "step" in command.slots else bench.tree.required()


def _agreement(one: State, other: State) -> str:
    if one.setup.plane is not other.setup.plane or (one.volume is None) != (other.volume is None):
        return "They lie in different planes, or one is in 3D: no Dice."
    if one.volume is not None and other.volume is not None:
        return _dice(one.volume > 0, other.volume > 0)
    if one.slice_number != other.slice_number:
        return "They are on different slices."
    return _dice(one.mask, other.mask)


def _dice(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> str:
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return f"Their Dice is {2 * np.count_nonzero(one & other) / total:.2f}." if total else "Both are empty."
