"""Workers: the same result as in process; cancelled, killed or misbehaving ones leave no process and no file."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib import runner
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.io import read_image
from AnatomyGuidedLib.runner import run_in_process, run_worker
from testing_data import everything_in, refusal

SMALL = ("--spacing", "10", "--lesions", "1")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")


class Watch:
    """A progress that remembers, and a cancel check that comes true on a condition."""

    def __init__(self, until: Callable[[], bool] = lambda: False) -> None:
        self.told: list[tuple[float, str]] = []
        self.until = until

    def progress(self, fraction: float, text: str) -> None:
        self.told.append((fraction, text))

    def cancelled(self) -> bool:
        return self.until()


def as_python(folder: Path, script: str) -> str:
    """The path of a program that stands in for the worker's Python; "$@" are its words."""
    path = folder / "python.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def is_running(pid_file: Path) -> bool:
    """Whether a process lives; one that ended but was not waited for does not."""
    try:
        status = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def ended(pid_file: Path) -> bool:
    end = time.monotonic() + 5
    while is_running(pid_file) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid_file)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


# The same words, the same result


def test_a_worker_and_this_process_give_equal_results_and_files(tmp_path: Path) -> None:
    results = [run(["phantom", str(tmp_path / run.__name__), *SMALL]) for run in (run_worker, run_in_process)]
    assert results[0] == results[1]
    first, second = (tmp_path / run.__name__ for run in (run_worker, run_in_process))
    assert everything_in(first) == everything_in(second)
    for name in ("ct", "pet", "anatomy", "lesions"):
        volumes = [read_image(folder / f"{name}.nii.gz") for folder in (first, second)]
        assert np.array_equal(volumes[0].values, volumes[1].values)
        assert volumes[0].grid == volumes[1].grid


@pytest.mark.parametrize("run", [run_worker, run_in_process])
def test_the_users_own_json_is_written_too(run: runner.Runner, tmp_path: Path) -> None:
    run(["phantom", str(tmp_path / "p"), *SMALL, "--json", str(tmp_path / "r.json")])
    assert (tmp_path / "r.json").is_file()


@pytest.mark.parametrize("run", [run_worker, run_in_process])
def test_progress_rises_to_1_and_names_the_steps(run: runner.Runner, tmp_path: Path) -> None:
    watch = Watch()
    run(["phantom", str(tmp_path / "p"), *SMALL], progress=watch.progress, cancelled=watch.cancelled)
    fractions = [fraction for fraction, _ in watch.told]
    assert fractions == sorted(fractions)
    assert watch.told[-1] == (1.0, "Done")
    assert "Writing the images" in {text for _, text in watch.told}


def test_a_panel_hears_from_a_worker_all_the_time(tmp_path: Path) -> None:
    moments: list[float] = []
    run_worker(["phantom", str(tmp_path / "p"), *SMALL], progress=lambda *_: moments.append(time.monotonic()))
    assert max(np.diff(moments)) < 0.5


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["atlas", "gone.nii.gz", "-o", "a.seg.nrrd", "--experts", "rules"], AnatomyGuidedError),
        (["phantom", "p", "--spacing", "0.1"], AnatomyGuidedError),
        (["phantom", "file/p", *SMALL], AnatomyGuidedError),
        (["phantom", "p", "--unknown"], UsageError),
        (["atlantis"], UsageError),
    ],
)
def test_errors_are_the_same_sentence_of_the_same_kind(
    words: list[str], kind: type[Exception], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    (home / "file").touch()
    by_worker = refusal(lambda: run_worker(words), kind)
    assert by_worker == refusal(lambda: run_in_process(words), kind)
    assert "\n" not in by_worker
    assert everything_in(home) == {"file"}


def test_a_call_without_a_result_is_told() -> None:
    assert "gives no result" in refusal(lambda: run_worker(["phantom", "--help"]), UsageError)


def test_files_in_the_users_current_folder_are_not_imported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    for name in ("numpy", "nibabel", "json", "AnatomyGuidedLib"):
        (home / f"{name}.py").write_text("raise SystemExit('this is not ours')")
    assert run_worker(["phantom", "p", *SMALL])["spacing_mm"] == 10


# Cancelling


@pytest.mark.parametrize("run", [run_worker, run_in_process])
def test_cancelling_before_the_start_writes_nothing(run: runner.Runner, home: Path) -> None:
    words = ["demo", "-o", str(home / "out")]
    with pytest.raises(Cancelled):
        run(words, cancelled=lambda: True)
    assert everything_in(home) == set()


@LINUX
def test_cancelling_ends_the_worker_and_its_children_at_once_and_leaves_no_file(tmp_path: Path, home: Path) -> None:
    python = as_python(
        tmp_path,
        f'sleep 300 & echo $! > "{tmp_path}/child"; echo $$ > "{tmp_path}/worker"; exec "{sys.executable}" "$@"',
    )
    watch = Watch(until=lambda: bool(everything_in(home)))
    start = time.monotonic()
    with pytest.raises(Cancelled):
        run_worker(
            ["phantom", str(home / "p"), "--spacing", "1"],
            progress=watch.progress,
            cancelled=watch.cancelled,
            python=python,
        )
    assert time.monotonic() - start < 15
    assert ended(tmp_path / "worker")
    assert ended(tmp_path / "child")
    assert everything_in(home) == set()


@LINUX
def test_a_worker_that_does_not_listen_is_killed_and_its_files_removed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_GRACE_S", 0.3)
    deaf = tmp_path / "deaf.py"
    deaf.write_text(
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        "from AnatomyGuidedLib.files import Outputs, staged_folder\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"Outputs().stage(Path({str(home)!r}) / 'new' / 'a.nii.gz').write_text('half')\n"
        f"folder = staged_folder(Path({str(home)!r}) / 'out')\n"
        "(folder.__enter__() / 'b.txt').write_text('half')\n"
        f"Path({str(tmp_path)!r}, 'ready').touch()\n"
        "time.sleep(60)\n"
    )
    python = as_python(tmp_path, f'echo $$ > "{tmp_path}/worker"; exec "{sys.executable}" "{deaf}"')
    with pytest.raises(Cancelled):
        run_worker(["phantom"], cancelled=(tmp_path / "ready").exists, python=python)
    assert ended(tmp_path / "worker")
    assert everything_in(home) == set()


# Workers that die or misbehave


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_worker_is_a_clear_error_and_leaves_no_file(number: int, tmp_path: Path, home: Path) -> None:
    python = as_python(tmp_path, f'echo $$ > "{tmp_path}/worker"; exec "{sys.executable}" "$@"')

    def kill_once_it_writes(fraction: float, text: str) -> None:  # noqa: ARG001
        if everything_in(home) and is_running(tmp_path / "worker"):
            os.kill(int((tmp_path / "worker").read_text()), number)

    words = ["phantom", str(home / "p"), "--spacing", "1"]
    message = refusal(lambda: run_worker(words, progress=kill_once_it_writes, python=python))
    assert f"ended with code -{int(number)} before it was done, and nothing was written" in message
    assert everything_in(home) == set()


@LINUX
def test_the_last_note_of_a_killed_worker_is_not_taken_for_its_error(tmp_path: Path) -> None:
    python = as_python(tmp_path, "echo 'No expert was named: using rules.' >&2; kill -9 $$")
    message = refusal(lambda: run_worker(["atlas"], python=python))
    assert "No expert" not in message
    assert "code -9" in message


@LINUX
def test_much_on_standard_error_does_not_block(tmp_path: Path) -> None:
    noise = "yes 'a library that says the same again and again' | head -n 100000 >&2"
    python = as_python(tmp_path, f'{noise}; exec "{sys.executable}" "$@"')
    assert run_worker(["phantom", str(tmp_path / "p"), *SMALL], python=python)["spacing_mm"] == 10


@LINUX
@pytest.mark.parametrize("session", ["", "setsid"])
def test_a_process_that_a_dead_worker_left_behind_does_not_hold_the_caller(session: str, tmp_path: Path) -> None:
    python = as_python(tmp_path, f"{session} sleep 8 & echo 'The image is bad.' >&2; exit 1")
    start = time.monotonic()
    assert refusal(lambda: run_worker(["phantom"], python=python)) == "The image is bad."
    assert time.monotonic() - start < 6


@LINUX
def test_bytes_that_are_no_text_do_not_stop_the_reader(tmp_path: Path) -> None:
    python = as_python(tmp_path, r"printf '\377\376 odd\n{\"progress\": 2\n12\n' >&2; echo 'The end.' >&2; exit 1")
    assert refusal(lambda: run_worker(["phantom"], python=python)) == "The end."


def test_a_python_that_is_not_there_is_told(tmp_path: Path) -> None:
    message = refusal(lambda: run_worker(["phantom"], python=str(tmp_path / "Secret Person" / "python")))
    assert message.startswith("The worker's python cannot be started (No such file or directory)")
    assert "Secret" not in message
