"""Progress where standard error is no terminal: a few lines in the log of long work, none of short work."""

from __future__ import annotations

import io
import sys

import pytest
from AnatomyGuidedLib import cli
from AnatomyGuidedLib.progress_lines import ProgressLines


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def said(moments: list[tuple[float, float]]) -> list[str]:
    """The lines of work that stands at these fractions after so many seconds."""
    clock, lines = Clock(), []
    told = ProgressLines(lines.append, clock=clock)
    for seconds, fraction in moments:
        clock.now_s = 1000.0 + seconds
        told(fraction, "Step")
    return [line.split()[0] for line in lines]


def test_work_of_less_than_a_minute_is_quiet_to_its_end() -> None:
    assert said([(1, 0.02), (30, 0.5), (59, 0.99), (59.5, 1.0)]) == []


def test_work_of_hours_has_its_first_line_after_a_minute_and_then_one_each_ten_percent() -> None:
    hours = [(60.0 * minute, minute / 300) for minute in range(301)]
    # 1/300 is 0 %; then at most 5 minutes pass, in which 5/300 are done: 60 lines until the end
    assert said(hours)[0] == "0%"
    assert len(said(hours)) == 1 + 60
    quick = [(float(second), second / 1000) for second in range(1001)]  # 6 % a minute: 10 % take 100 s
    assert said(quick) == ["6%", "16%", "26%", "36%", "46%", "56%", "66%", "76%", "86%", "96%", "100%"]


def test_work_that_does_not_move_on_is_told_each_five_minutes() -> None:
    assert said([(60.0 * minute, 0.5) for minute in range(17)]) == ["50%"] * 4  # after 1, 6, 11 and 16 minutes


def test_the_end_is_said_once() -> None:
    assert said([(70, 0.3), (75, 1.0), (76, 1.0)]) == ["30%", "100%"]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_log_gets_whole_lines_and_a_terminal_one_that_is_overwritten(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, stream = Clock(), io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(cli, "ProgressLines", lambda say: ProgressLines(say, clock=clock))
    progress = cli._console("text").progress
    progress(0.25, "Step 1 of 4")
    clock.now_s += 61
    progress(0.5, "Step 2 of 4")
    assert stream.getvalue() == (
        "\r\033[K 25% Step 1 of 4\r\033[K 50% Step 2 of 4" if is_terminal else " 50% Step 2 of 4\n"
    )
