"""Users who refine a mask by sentences: one looks at what is wrong, one says anything.

Both see the mask beside the structure, as a reader sees both, and no score: how wrong it is they misjudge. Both go on
from the best-looking step, and give up after two interactions in a row without gain (thesis 3.3.3.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from LIMISLib.actions.refinements import cell_of
from LIMISLib.box import box_around
from LIMISLib.components import numbered
from LIMISLib.guidance import usual_window
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.session import Session
from LIMISLib.states import State

_GAIN = 0.01  # of the structure's pixels: less is not seen
_WITHOUT_GAIN = 2
_TRIES = 5  # sentences an interaction, of which some cannot be done
CRITICAL_POINTS = "critical points"
RANDOM_SENTENCES = (
    CRITICAL_POINTS,
    *(
        "move the box 5 pixels left",
        "move the box 5 pixels right",
        "move the box 5 pixels up",
        "move the box 5 pixels down",
    ),
    *(
        "make the box ten pixels larger",
        "make the box five pixels smaller",
        "raise the threshold",
        "lower the threshold",
    ),
    *("center click", "keep only the largest component", "remove the smallest component", "ensemble"),
    *("liver window", "soft tissue window", "abdomen window", "bone window"),
    *(f"{label} click in cell {cell}" for label in ("foreground", "background") for cell in range(1, 17)),
)


@dataclass(frozen=True)
class Visit:
    """A user's way: the steps' states in order of making, the one that was handed over, and what was said."""

    states: tuple[State, ...]
    chosen: State
    sentences: tuple[str, ...]


class Eye:
    """How wrong a mask looks beside the structure: the pixels in error, misjudged by a share of them."""

    def __init__(self, misjudged: float, rng: np.random.Generator) -> None:
        self._misjudged, self._rng = misjudged, rng

    def wrong(self, mask: Mask, structure: Mask) -> float:
        """The pixels in error as they look this time."""
        share = 1 + self._misjudged * self._rng.standard_normal()
        return max(0.0, float(share)) * np.count_nonzero(mask != structure)


class User(Protocol):
    """Somebody who says sentences about a mask and answers about points."""

    def sentences(self, state: State, structure: Mask) -> Iterator[str]:
        """What they would say about the state, the likeliest to help first."""

    def answer(self, point: tuple[int, int], structure: Mask) -> str:
        """What they say of a pixel that is asked about: foreground, background or skip."""


class Looking:
    """A user who says what helps against the larger of the two errors, and what they see at a point."""

    def sentences(self, state: State, structure: Mask) -> Iterator[str]:
        over, under = state.mask & ~structure, structure & ~state.mask
        if (state.mask & structure).sum() < 0.5 * structure.sum() and over.sum() > 0.5 * structure.sum():
            yield from _wrong_part(state, structure)
        if over.sum() >= under.sum():
            yield from _too_much(state, structure, over)
            yield from _too_little(state, structure, under)
        else:
            yield from _too_little(state, structure, under)
            yield from _too_much(state, structure, over)
        yield CRITICAL_POINTS

    def answer(self, point: tuple[int, int], structure: Mask) -> str:
        return "foreground" if structure[point] else "background"


class SayingAnything:
    """A user who says sentences, and answers, at random."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def sentences(self, state: State, structure: Mask) -> Iterator[str]:  # noqa: ARG002
        while True:
            yield str(self._rng.choice(RANDOM_SENTENCES))

    def answer(self, point: tuple[int, int], structure: Mask) -> str:  # noqa: ARG002
        return str(self._rng.choice(("foreground", "background", "skip")))


def work(session: Session, structure: Mask, user: User, *, eye: Eye, most: int) -> Visit:
    """What a user made of the session's first mask, in at most so many interactions; `structure` is what they see."""
    best, idle = _state(session), 0
    looks_wrong = eye.wrong(best.mask, structure)
    sentences = user.sentences(best, structure)
    made: list[str] = []
    for _ in range(_TRIES * most):
        sentence = next(sentences, None)
        if sentence is None or idle == _WITHOUT_GAIN or len(made) == most:
            break
        if not session.say(sentence).done:
            continue
        made.append(", ".join([sentence, *_answers(session, structure, user)]))
        state = _state(session)
        now = eye.wrong(state.mask, structure)
        if now < looks_wrong - _GAIN * structure.sum():
            best, looks_wrong, idle = state, now, 0
            sentences = user.sentences(best, structure)
        else:
            idle += 1
            session.say(f"revert to step {best.number}")
    session.say(f"finish with step {best.number}")
    return Visit(session.states, _state(session), tuple(made))


def _answers(session: Session, structure: Mask, user: User) -> Iterator[str]:
    """What the user answers to each point that is asked about, said to the session."""
    while session.pending is not None and (point := session.asked_point) is not None:
        answer = user.answer(point, structure)
        session.say(answer)
        yield answer


def _wrong_part(state: State, structure: Mask) -> Iterator[str]:
    row, column = (state.box.top + state.box.bottom) / 2, (state.box.left + state.box.right) / 2
    if structure[min(int(row), structure.shape[0] - 1), min(int(column), structure.shape[1] - 1)]:
        yield "center click"
    yield f"{usual_window(state.structure).replace('_', ' ')} window"


def _too_much(state: State, structure: Mask, over: Mask) -> Iterator[str]:
    found, count = numbered(state.mask)
    if count > 1:
        shares = [over[found == number].mean() for number in range(1, count + 1)]
        if shares[-1] > 0.5:
            yield (
                "keep only the largest component"
                if count > 2 and min(shares[1:]) > 0.5
                else "remove the smallest component"
            )
    cell = _worst_cell(state, over, ~structure)
    if cell:
        yield f"background click in cell {cell}"
    yield "raise the threshold by 0.15"
    wanted, box = box_around(structure), state.box
    for side, spare in (("left", wanted.left - box.left), ("right", box.right - wanted.right),
                        ("top", wanted.top - box.top), ("bottom", box.bottom - wanted.bottom)):  # fmt: skip
        if spare >= 6 and over[_strip(state, side)].any():
            yield f"shrink the box by {int(spare) - 2} pixels on the {side} side"


def _too_little(state: State, structure: Mask, under: Mask) -> Iterator[str]:
    wanted, box = box_around(structure), state.box
    for side, missing in (("left", box.left - wanted.left), ("right", wanted.right - box.right),
                          ("top", box.top - wanted.top), ("bottom", wanted.bottom - box.bottom)):  # fmt: skip
        if missing >= 2:
            yield f"grow the box by {int(missing) + 2} pixels on the {side} side"
    cell = _worst_cell(state, under, structure)
    if cell:
        yield f"foreground click in cell {cell}"
    yield "lower the threshold by 0.15"


def _worst_cell(state: State, wrong: Mask, allowed: Mask) -> int:
    """The cell of the grid with most of the error, of those whose middle is in it; 0 if there is none."""
    counts = {}
    height, width = state.box.height / 8, state.box.width / 8
    for cell in range(1, 17):
        row, column = cell_of(state.box, cell)
        if 0 <= row < wrong.shape[0] and 0 <= column < wrong.shape[1] and allowed[row, column] and wrong[row, column]:
            rows = slice(max(0, int(row - height)), int(row + height) + 1)
            columns = slice(max(0, int(column - width)), int(column + width) + 1)
            counts[cell] = int(wrong[rows, columns].sum())
    return max(counts, key=lambda cell: counts[cell], default=0)


def _strip(state: State, side: str) -> tuple[slice, slice]:
    """The quarter of the box at a side, in whole pixels."""
    rows, columns = state.box.pixels((state.mask.shape[0], state.mask.shape[1]))
    height, width = (rows.stop - rows.start) // 4, (columns.stop - columns.start) // 4
    return {
        "left": (rows, slice(columns.start, columns.start + width)),
        "right": (rows, slice(columns.stop - width, columns.stop)),
        "top": (slice(rows.start, rows.start + height), columns),
        "bottom": (slice(rows.stop - height, rows.stop), columns),
    }[side]


def _wrong(mask: Mask, structure: Mask) -> int:
    return int(np.count_nonzero(mask != structure))


def _state(session: Session) -> State:
    state = session.current
    assert state is not None
    return state
