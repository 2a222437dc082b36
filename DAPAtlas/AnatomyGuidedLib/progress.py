"""Progress and cancel, the same for a panel, a console call and a batch run."""

from __future__ import annotations

from collections.abc import Callable

from AnatomyGuidedLib.errors import Cancelled

Progress = Callable[[float, str], None]
CancelCheck = Callable[[], bool]


def no_progress(fraction: float, text: str) -> None:
    """A progress that nobody watches."""


def never_cancelled() -> bool:
    """A cancel check for callers that have no button."""
    return False


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Progress for a part of the work: its 0 to 1 is the whole's `start` to `end`.

    >>> part_of(lambda fraction, text: print(round(fraction, 2), text), 0.5, 1.0)(0.5, "half of the second half")
    0.75 half of the second half
    """
    return lambda fraction, text: progress(start + (end - start) * fraction, text)


def stop_if(cancelled: CancelCheck) -> None:
    """Nothing, unless the user asked to stop.

    Raises:
        Cancelled: They did.
    """
    if cancelled():
        raise Cancelled
