"""What cases of a cohort do in tests; workers import these functions by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cohort import Case
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.progress import CancelCheck, stop_if

LONGEST_S = 60.0


def read(case: Case, cancelled: CancelCheck) -> Mapping[str, object]:  # noqa: ARG001 - every work is called so
    """The content of the case's file, after a line in the log that settings may name."""
    if "log" in case.settings:
        with Path(case.settings["log"]).open("a", encoding="utf-8") as stream:
            stream.write(f"{case.name}\n")
    return {"text": Path(case.files["text"]).read_text(encoding="utf-8")}


def read_again(case: Case, cancelled: CancelCheck) -> Mapping[str, object]:
    """The same under another name."""
    return read(case, cancelled)


def trouble(case: Case, cancelled: CancelCheck) -> Mapping[str, object]:
    """What the setting `does` says: fail as our own error, as a bug, with memory; die always or once; wait."""
    does, mark = case.settings.get("does"), Path(case.settings["folder"]) / case.name
    if does == "refuse":
        raise AnatomyGuidedError("This input is bad.")
    if does == "stumble":
        raise IndexError("no such thing")
    if does == "overflow":
        raise MemoryError
    if does == "die" or (does == "die once" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    if does == "wait":
        _wait(mark, cancelled)
    return {"case": case.name}


def _wait(mark: Path, cancelled: CancelCheck) -> None:
    mark.touch()
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        if cancelled():
            mark.with_suffix(".stopped").touch()
        stop_if(cancelled)
        time.sleep(0.02)
