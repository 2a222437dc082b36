"""What the person must know of a run: each sentence is said once, when it is known, and stands in the report."""

from __future__ import annotations

from AnatomyGuidedLib.cli import Console


class Notes:
    """Notes that were said on standard error, in their order."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: list[str] = []

    @property
    def said(self) -> tuple[str, ...]:
        return tuple(self._said)

    def say(self, *sentences: str) -> None:
        """Nothing; the person reads each sentence that was not said before and is not empty."""
        for sentence in sentences:
            if sentence and sentence not in self._said:
                self._said.append(sentence)
                self._console.note(sentence)
