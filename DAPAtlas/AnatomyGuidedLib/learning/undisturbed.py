"""Work that a user's stop does not tear in the middle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within, a stop (Ctrl-C, SIGTERM) waits until the end; a second one acts at once.

    Signals reach the main thread alone, so that in any other there is nothing to wait with.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    waiting: list[int] = []

    def later(number: int, frame: FrameType | None) -> None:
        if waiting:
            before[number](number, frame)
        waiting.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):  # not one that is ignored, or left to the system
            before[int(number)] = handler
            signal.signal(number, later)
    try:
        yield
    finally:
        for own, handler in before.items():
            if signal.getsignal(own) is later:  # the handler itself may have chosen another, such as to ignore a third
                signal.signal(own, handler)
    if waiting:
        before[waiting[0]](waiting[0], None)
