"""Other programs in processes of their own: cancelled with all that they start, told without folders."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled

_QUOTED = re.compile(r"(['\"])[^'\"]*[\\/]([^'\"\\/]+)\1")
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[\\/](?:[^\s'\"\\/]+[\\/])+")
_POLL_S, _GRACE_S = 0.1, 5.0
_HAS_GROUPS = hasattr(os, "killpg")


def run_process(
    words: Sequence[str],
    said: Path,
    *,
    name: str,
    environment: Mapping[str, str] | None = None,
    watch: Callable[[], None] = lambda: None,
    cancelled: CancelCheck = never_cancelled,
) -> None:
    """Nothing, once the process has ended well; what it said lies in the file `said`. `watch` is called while it runs.

    Raises:
        AnatomyGuidedError: It failed; the message has its last line.
        Cancelled: `cancelled` came true; the process and those that it started have ended.
    """
    with said.open("a", encoding="utf-8") as stream:
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            start_new_session=_HAS_GROUPS,
        )
        try:
            while process.poll() is None:
                if cancelled():
                    raise Cancelled
                watch()
                time.sleep(_POLL_S)
        finally:
            _end(process)
    if process.returncode:
        lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        told = without_folders(lines[-1].strip()) if lines else "it said nothing"
        raise AnatomyGuidedError(f"{name} failed (code {process.returncode}): {told}")


def without_folders(text: str) -> str:
    """The text with its paths cut down to names: a folder may be called after a patient.

    >>> without_folders("no such file: '/data/A B/model.json' or /scans/x/ct.nii.gz")
    "no such file: 'model.json' or ct.nii.gz"
    """
    return _FOLDERS.sub("", _QUOTED.sub(r"\1\2\1", text))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Nothing; the process and, where there are groups, those that it started got the signal."""
    with suppress(ProcessLookupError, PermissionError):
        if _HAS_GROUPS:
            os.killpg(process.pid, number)
        else:
            process.kill()
