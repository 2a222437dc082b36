"""One sentence for or against a structure, and the verdict that sentences add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "warn", "fail", "not evaluable"]
VERDICTS: tuple[Verdict, ...] = ("fail", "warn", "pass", "not evaluable")  # the worst first


@dataclass(frozen=True)
class Evidence:
    """What one check says of a structure; `piece` is the piece that it is about, if it is about one."""

    check: str
    verdict: Verdict
    sentence: str
    piece: int | None = None

    def row(self) -> dict[str, object]:
        """The values by name, for JSON."""
        return {"check": self.check, "verdict": self.verdict, "sentence": self.sentence}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of all together: the worst that could be evaluated.

    >>> worst(["pass", "not evaluable", "warn"]), worst(["not evaluable", "pass"]), worst([])
    ('warn', 'pass', 'not evaluable')
    """
    return min(verdicts, key=VERDICTS.index, default="not evaluable")
