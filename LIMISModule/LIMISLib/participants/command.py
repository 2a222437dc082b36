"""`anatomyguided limis study CASES.csv --participant P1 -o DIR`: a participant's sitting in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.study_options import read_settings, with_settings

from LIMISLib.participants.plan import Times, read_plan, require_anonymous
from LIMISLib.participants.records import Records
from LIMISLib.participants.sitting import sit
from LIMISLib.participants.terminal import Terminal, line_of_input


def run_sitting(
    table: Path, participant: str, folder: Path, settings: Path | None, console: Console
) -> Mapping[str, object]:
    """What was done, as `--json` writes it; the folder grows while the participant works.

    Raises:
        AnatomyGuidedError: A case cannot be used, the sign might be a name, or the folder has a participant already.
        UsageError: A setting is unknown.
    """
    times = with_settings(Times(), read_settings(settings) if settings else {})
    cases = read_plan(table)
    records = Records(folder, require_anonymous(participant), times)
    sit(cases, times, Terminal(line_of_input, console.line, records.show), records)
    return {"participant": participant, "cases": list(records.cases)}
