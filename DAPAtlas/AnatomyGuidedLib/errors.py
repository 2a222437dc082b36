"""The errors a user may meet. Each message says what was expected, what came, for which input, and what to do."""

from __future__ import annotations

from collections.abc import Mapping


class AnatomyGuidedError(ValueError):
    """An input is bad or a case failed (exit code 1)."""


class UsageError(AnatomyGuidedError):
    """The call itself is wrong: an unknown option, scheme or model (exit code 2)."""


class NotEvaluable(AnatomyGuidedError):
    """A result is undefined for this case; the message begins with "not evaluable:" and gives the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not evaluable: {reason}")


class CasesFailed(AnatomyGuidedError):
    """Some cases of many failed while others are done (exit code 1); `result` is the command's, about those."""

    def __init__(self, sentence: str, result: Mapping[str, object]) -> None:
        super().__init__(sentence)
        self.result = result


class Cancelled(Exception):
    """The user stopped the work; nothing was written, unless the message says what was."""
