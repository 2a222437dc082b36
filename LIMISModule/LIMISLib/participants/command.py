"""`anatomyguided limis study CASES.csv --participant P1 -o DIR`: a participant's sitting in a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import Cancelled
from AnatomyGuidedLib.study_options import read_settings, with_settings

from LIMISLib.participants.plan import Times, read_plan, require_anonymous
from LIMISLib.participants.records import Records
from LIMISLib.participants.sitting import sit
from LIMISLib.participants.terminal import Terminal, line_of_input
from LIMISLib.participants.tools import Tools


def run_sitting(
    table: Path, participant: str, folder: Path, console: Console, *, settings: Path | None, tools: Tools
) -> Mapping[str, object]:
    """What was done, as `--json` writes it; the folder grows while the participant works.

    Raises:
        AnatomyGuidedError: A case cannot be used, the sign might be a name, or the folder has a participant already.
        UsageError: A setting is unknown.
        Cancelled: The participant broke off; the folder holds what was done.
    """
    sign = require_anonymous(participant)
    times = with_settings(Times(), read_settings(settings) if settings else {})
    cases = read_plan(table)
    for number, case in enumerate(cases):
        console.progress(number / len(cases), f"Checking {case.name}")
        tools.begun(case)
    console.progress(1.0, "All cases are fine")
    records = Records(folder, sign, times, tools)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a slip of the keyboard ends no study
    try:
        sit(cases, times, Terminal(line_of_input, console.line, records.show), records)
    except (KeyboardInterrupt, Cancelled):
        raise Cancelled(f"Stopped; {folder.name} holds what was done so far.") from None
    return {"participant": participant, "cases": list(records.cases)}
