"""Where a participant and the study speak: lines in, lines out, a clock, and a picture that an image viewer follows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from LIMISLib.session import Session


@dataclass(frozen=True)
class Terminal:
    """`hear` waits for a line, none at the end of input; `tell` shows one; `clock` counts seconds; `show` the mask."""

    hear: Callable[[], str | None]
    tell: Callable[[str], None]
    show: Callable[[Session], None]
    clock: Callable[[], float] = time.monotonic

    def ask(self, question: str) -> str | None:
        """The answer's line without blanks around it; none at the end of input."""
        self.tell(question)
        line = self.hear()
        return None if line is None else line.strip()


def line_of_input() -> str | None:
    """The next line of standard input; none at its end."""
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None
