"""The questions at the end: NASA-TLX, six scales from 1 to 20, and SEQ, 1 to 7 (thesis, Table 9)."""

from __future__ import annotations

from dataclasses import dataclass

from LIMISLib.participants.terminal import Terminal


@dataclass(frozen=True)
class Scale:
    """A question that is answered with a whole number from 1 to `highest`."""

    key: str
    title: str
    question: str
    lowest_means: str
    highest_means: str
    highest: int = 20

    @property
    def asked(self) -> str:
        return f"{self.title}: {self.question} 1 = {self.lowest_means}, {self.highest} = {self.highest_means}."


SCALES = (
    Scale("mental_demand", "Mental demand", "How mentally demanding was the task?", "very low", "very high"),
    Scale("physical_demand", "Physical demand", "How physically demanding was the task?", "very low", "very high"),
    Scale("temporal_demand", "Temporal demand", "How hurried was the pace of the task?", "very low", "very high"),
    Scale("performance", "Performance", "How well did you do what you were asked to do?", "perfectly", "not at all"),
    Scale("effort", "Effort", "How hard did you have to work for that?", "very little", "very hard"),
    Scale("frustration", "Frustration", "How insecure, discouraged or annoyed were you?", "very little", "very much"),
    Scale("seq", "SEQ", "Overall, how easy was the task?", "very difficult", "very easy", highest=7),
)


def answers(terminal: Terminal) -> dict[str, int | None]:
    """A number a scale; none for those that were not answered before the input ended."""
    return {scale.key: _answer(terminal, scale) for scale in SCALES}


def _answer(terminal: Terminal, scale: Scale) -> int | None:
    said = terminal.ask(scale.asked)
    while said is not None:
        if said.isascii() and said.isdecimal() and 1 <= int(said) <= scale.highest:
            return int(said)
        said = terminal.ask(f"Please give a whole number from 1 to {scale.highest}.")
    return None
