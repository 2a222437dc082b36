"""A participant's work on one image: sentences until it is handed over, or until its time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from LIMISLib.commands import Command
from LIMISLib.participants.plan import Times
from LIMISLib.participants.terminal import Terminal
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.session import Session
from LIMISLib.states import Reply, State

FINISHED, TIME_OVER, STOPPED, INPUT_ENDED = "finished", "time over", "stopped", "input ended"
BROKEN_OFF = "broken off"

_STOP = ("quit", "stop the study")
_TRIED = 'That hands over the step, and the next image comes. Go on learning, or say "quit" to begin.'
_REMINDER = (
    'The last steps changed little. If nothing helps any more, choose a step and go on: "finish", or "finish with '
    'step 0".'
)


@dataclass(frozen=True)
class Said:
    """A sentence, when it came, how long it was thought about and computed, and what it was taken for."""

    at_s: float
    thought_s: float
    computed_s: float
    sentence: str
    reply: Reply
    step: int


@dataclass(frozen=True)
class Outcome:
    """How the work on an image ended, the step that was chosen, its seconds, and the steps that sentences made."""

    ended: str
    chosen: int
    seconds: float
    interactions: int


def work_on(
    session: Session,
    terminal: Terminal,
    times: Times,
    ends_s: float,
    note: Callable[[Said], None],
    *,
    counts: bool = True,
) -> Outcome:
    """What came of an image whose first mask is there; it ends at `ends_s` on the clock at the latest.

    Where it does not `count`, it is for learning: "finish" may be tried, and no step is asked for at the end.
    """
    started_s, first, little = terminal.clock(), len(session.states), 0
    while True:
        asked_s = terminal.clock()
        sentence = terminal.ask(f"[{_minutes(ends_s - asked_s)} left] What shall be done?")
        heard_s = terminal.clock()
        ended = _ended(sentence, heard_s, ends_s)
        if ended or sentence is None:
            break
        before = _state(session)
        reply = session.say(sentence)
        state = _on_task(session, before, terminal)
        note(Said(heard_s, heard_s - asked_s, terminal.clock() - heard_s, sentence, reply, state.number))
        terminal.tell(reply.text)
        terminal.show(session)
        if reply.done and _is_finish(reply):
            if counts:
                ended = FINISHED
                break
            terminal.tell(_TRIED)
        if state.number > before.number:
            little = little + 1 if alike(before.mask, state.mask) >= times.little_dice else 0
        if little >= times.reminder_after:
            terminal.tell(_REMINDER)
            little = 0
    if ended == TIME_OVER and counts:
        _choose(session, terminal)
    return Outcome(
        ended or INPUT_ENDED, _state(session).number, terminal.clock() - started_s, len(session.states) - first
    )


def alike(one: Mask, other: Mask) -> float:
    """The Dice of two masks; 1 where both are empty, 0 where they are of different slices' shapes.

    >>> alike(np.array([[True, True]]), np.array([[True, False]]))
    0.6666666666666666
    """
    if one.shape != other.shape:
        return 0.0
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return float(2 * np.count_nonzero(one & other) / total) if total else 1.0


def _on_task(session: Session, before: State, terminal: Terminal) -> State:
    """The current state; where a sentence went on to another structure, the one before is current again."""
    if _state(session).structure != before.structure:
        session.execute(Command("revert", {"step": before.number}))
        terminal.tell("That is another structure than this image's; the step before is current again.")
    return _state(session)


def _ended(sentence: str | None, heard_s: float, ends_s: float) -> str:
    """Why the sentence is the last one and is not run; "" where it is to be run."""
    if sentence is None:
        return INPUT_ENDED
    if sentence.casefold() in _STOP:
        return STOPPED
    return TIME_OVER if heard_s >= ends_s else ""


def _choose(session: Session, terminal: Terminal) -> None:
    """Nothing; the session is at the step that the person hands over, the current one by default."""
    last = len(session.states) - 1
    said = terminal.ask(f"The time is over. Which step do you hand over, 0 to {last}? (Enter: the current one)")
    while said:
        if said.isascii() and said.isdecimal() and int(said) <= last:
            session.execute(Command("finish", {"step": int(said)}), sentence=said)
            return
        said = terminal.ask(f"Please give the number of a step, 0 to {last}, or press Enter.")


def _is_finish(reply: Reply) -> bool:
    return isinstance(reply.interpretation, Command) and reply.interpretation.intent == "finish"


def _minutes(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def _state(session: Session) -> State:
    state = session.current
    assert state is not None
    return state
