"""A Dask scheduler and workers as processes of their own, as on a cluster, on the loopback address alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.cohort_cluster import connected

LOOPBACK = "127.0.0.1"
START_S = 60.0


@dataclass
class DaskProcesses:
    """A running cluster; each worker is a process (its nanny) with a child that does the work."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]

    def kill_scheduler(self) -> None:
        """Nothing; the scheduler is gone at once."""
        _end(self.scheduler)

    def kill_worker(self, index: int) -> None:
        """Nothing; the worker and its nanny are gone at once, as when a machine is switched off."""
        _end(self.workers[index])

    def worker_count(self) -> int:
        """How many workers the scheduler knows."""
        with connected(workers=0, scheduler=self.address) as client:
            return len(client.scheduler_info()["workers"])


@contextmanager
def dask_processes(folder: Path, *, workers: int = 2) -> Iterator[DaskProcesses]:
    """A scheduler with workers, all of which end with the block whatever happens in it."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        with (folder / "dask.log").open("wb") as log:
            listing = folder / "scheduler.json"
            start = ["scheduler", "--host", LOOPBACK, "--port", "0", "--no-dashboard", "--scheduler-file", str(listing)]
            started.append(_start(start, log.fileno()))
            _wait(listing.is_file, started, folder)
            with connected(workers=0, scheduler=str(listing)) as client:
                address = client.scheduler_info()["address"]
                worker = ["worker", address, "--host", LOOPBACK, "--nthreads", "1", "--no-dashboard"]
                started.extend(_start(worker, log.fileno()) for _ in range(workers))
                _wait(lambda: len(client.scheduler_info()["workers"]) == workers, started, folder)
            yield DaskProcesses(address, started[0], started[1:])
    finally:
        for process in reversed(started):
            _end(process)


def _start(words: list[str], log: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )


def _wait(is_ready, processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    end = time.monotonic() + START_S
    while not is_ready():
        if time.monotonic() > end or any(process.poll() is not None for process in processes):
            log = (folder / "dask.log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"Dask's processes did not start:\n{log[-3000:]}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process and its children are gone."""
    with suppress(ProcessLookupError):
        if os.name == "nt":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
