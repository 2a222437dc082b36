"""Progress for a log that nobody watches (nohup, a batch system): few lines, and none of work that is soon done."""

from __future__ import annotations

import time
from collections.abc import Callable

_QUIET_S, _LONGEST_S, _STRIDE = 60.0, 300.0, 0.1


class ProgressLines:
    """A progress that says a line after the first minute, and then each 10 % or 5 minutes, at most one a minute.

    >>> moments = iter([0.0, 59.0, 60.0, 100.0, 121.0])
    >>> told = ProgressLines(lambda line: print(line, end=""), clock=lambda: next(moments))
    >>> for fraction in (0.1, 0.2, 0.3, 0.4):
    ...     told(fraction, "Case")
     20% Case
     40% Case
    """

    def __init__(self, say: Callable[[str], object], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._said_s, self._said_fraction = clock(), -1.0

    def __call__(self, fraction: float, text: str) -> None:
        """Nothing; the line is said where it is due, as is the end of work of which something was said."""
        now = self._clock()
        waited_s = now - self._said_s
        is_due = waited_s >= _LONGEST_S or (waited_s >= _QUIET_S and fraction - self._said_fraction >= _STRIDE)
        is_end = fraction >= 1.0 > self._said_fraction >= 0.0
        if is_due or is_end:
            self._say(f"{fraction:4.0%} {text}\n")
            self._said_s, self._said_fraction = now, fraction
