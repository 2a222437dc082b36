"""Running a command outside the caller's process, or inside it when asked: the same words, the same result."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from AnatomyGuidedLib import cli
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.interpreter import python_executable
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

_POLL_S = 0.05
_GRACE_S = 5.0


class Runner(Protocol):
    """How a Logic runs a command: `run_worker`, `run_in_process`, or a test's own."""

    def __call__(
        self, words: Sequence[str], *, progress: Progress = ..., cancelled: CancelCheck = ...
    ) -> Mapping[str, object]: ...


def run_worker(
    words: Sequence[str],
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
    python: str | None = None,
) -> Mapping[str, object]:
    """The JSON result of `anatomyguided WORDS`, run in a process of its own that `cancelled` ends, children included.

    `progress` is called on the caller's thread, at least every 50 ms, so that a panel can stay alive in it.

    Raises:
        Cancelled: `cancelled` came true; the process tree is gone and nothing was written.
        AnatomyGuidedError: The command failed, with its own sentence (UsageError where the call was wrong).
    """
    with tempfile.TemporaryDirectory(prefix="anatomyguided-") as folder:
        json_path = Path(folder) / "result.json"
        process = _start([*words, "--json", str(json_path), "--progress", "json"], python or python_executable())
        try:
            last_words = _watched(process, progress, cancelled)
        finally:
            _end_tree(process)
        _raise_for(process.returncode, last_words)
        return dict(json.loads(json_path.read_text(encoding="utf-8")))


def run_in_process(
    words: Sequence[str], *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled
) -> Mapping[str, object]:
    """The same result, computed in this process; cancelling takes effect at the command's next check.

    Raises:
        As `run_worker`.
    """
    namespace, command = cli.parse_arguments(words)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - the null device is no path
        console = cli.Console(progress, cancelled, note_stream=nowhere, result_stream=nowhere)
        return cli.execute(namespace, command, console)


def _start(words: Sequence[str], python: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_import_path()), "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [python, "-m", "AnatomyGuidedLib.cli", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        start_new_session=True,
    )


def _watched(process: subprocess.Popen[str], progress: Progress, cancelled: CancelCheck) -> str:
    """The last line that is no progress: the error's sentence, where there is one."""
    lines: queue.Queue[str | None] = queue.Queue()
    stream = process.stderr
    assert stream is not None  # PIPE was asked for
    threading.Thread(target=_collect, args=(stream, lines), daemon=True).start()
    fraction, text, last_words = 0.0, "Starting", ""
    while True:
        if cancelled():
            raise Cancelled
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            progress(fraction, text)
            continue
        if line is None:
            process.wait()
            return last_words
        told = _told(line)
        if told:
            fraction, text = told
            progress(fraction, text)
        elif line.strip():
            last_words = line.strip()


def _collect(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _told(line: str) -> tuple[float, str] | None:
    try:
        message = json.loads(line)
        return float(message["progress"]), str(message["text"])
    except (ValueError, KeyError, TypeError):
        return None


def _raise_for(code: int, last_words: str) -> None:
    if code == cli.DONE:
        return
    if code == cli.STOPPED:
        raise Cancelled
    sentence = last_words or f"The worker process ended with code {code} and said nothing (out of memory?)."
    raise UsageError(sentence) if code == cli.WRONG_CALL else AnatomyGuidedError(sentence)


def _end_tree(process: subprocess.Popen[str]) -> None:
    """Ends the worker and all it started: asked first, so that it removes its files, then made to."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        _end_group(process)
    if process.stderr:
        process.stderr.close()


def _end_group(process: subprocess.Popen[str]) -> None:
    for number, patience_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _GRACE_S)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def _import_path() -> list[str]:
    return [entry for entry in sys.path if entry]
