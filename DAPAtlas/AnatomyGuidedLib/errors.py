"""The errors a user may meet. Each message says what was expected, what came, for which input, and what to do."""

from __future__ import annotations


class AnatomyGuidedError(ValueError):
    """An input is bad or a case failed (exit code 1)."""


class UsageError(AnatomyGuidedError):
    """The call itself is wrong: an unknown option, scheme or model (exit code 2)."""


class NotEvaluable(AnatomyGuidedError):
    """A result is undefined for this case; the message begins with "not evaluable:" and gives the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not evaluable: {reason}")


class Cancelled(Exception):
    """The user stopped the work; nothing was written."""
