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
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, cast

from AnatomyGuidedLib import cli
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import STAGED_LIST, remove_announced
from AnatomyGuidedLib.interpreter import python_executable
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

_POLL_S = 0.05
_GRACE_S = 5.0
_LAST_WORDS_S = 1.0


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
        result_path, staged_list = Path(folder) / "result.json", Path(folder) / "staged.txt"
        told = ["--result", str(result_path), "--progress", "json"]
        process = _start([*words[:1], *told, *words[1:]], python or python_executable(), staged_list)
        lines = _lines_of(process)
        try:
            last_words = _watched(process, lines, progress, cancelled)
        finally:
            _end_tree(process)
            remove_announced(staged_list)
        _raise_for(process.returncode, last_words)
        if not result_path.is_file():
            raise UsageError(f"anatomyguided {' '.join(words[:1])}: this call gives no result.")
        return dict(json.loads(result_path.read_text(encoding="utf-8")))


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


def _start(words: Sequence[str], python: str, staged_list: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(_import_path()),
        "PYTHONSAFEPATH": "1",  # a numpy.py in the user's current folder is not ours
        "PYTHONIOENCODING": "utf-8",
        STAGED_LIST: str(staged_list),
    }
    try:
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
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise AnatomyGuidedError(
            f"The worker's {Path(python).name} cannot be started ({error.strerror}); is this Python complete?"
        ) from error


def _lines_of(process: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """What the process says on standard error as it comes, then None; read by a thread that closes the stream."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_collect, args=(cast(IO[str], process.stderr), lines), daemon=True).start()
    return lines


def _watched(
    process: subprocess.Popen[str], lines: queue.Queue[str | None], progress: Progress, cancelled: CancelCheck
) -> str:
    """The last line that is no progress: the error's sentence, where there is one."""
    fraction, text, last_words, polls_after_end = 0.0, "Starting", "", 0
    while True:
        if cancelled():
            raise Cancelled
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            progress(fraction, text)
            polls_after_end += process.poll() is not None
            if polls_after_end * _POLL_S > _LAST_WORDS_S:
                return last_words  # a process that the worker left behind keeps standard error open
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
    with stream:
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
    if code not in (cli.FAILED, cli.WRONG_CALL) or not last_words:
        raise AnatomyGuidedError(
            f"The worker process ended with code {code} before it was done, and nothing was written; "
            "was it stopped from outside, or is the machine's memory not enough for this image?"
        )
    raise UsageError(last_words) if code == cli.WRONG_CALL else AnatomyGuidedError(last_words)


def _end_tree(process: subprocess.Popen[str]) -> None:
    """Ends the worker and all it started: asked first, so that it removes its files, then made to."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        _end_group(process)


def _end_group(process: subprocess.Popen[str]) -> None:
    for number, patience_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _GRACE_S)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def _import_path() -> list[str]:
    return [entry for entry in sys.path if entry]
