"""A cohort: independent cases run on Dask, each finished one a file on disk (docs/cohorts.md).

The cases run in processes of this machine or on the workers of any Dask scheduler. What is finished stays finished: a
worker writes its case's result itself, in one step, and a run with `resume` does not repeat it. A case whose worker is
lost runs again; a case that fails, or that kills its workers, fails alone.
"""

from __future__ import annotations

import operator
import os
import pkgutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.cohort_case import FAILED, KEPT, Case, Task, Work, read_result, result_path
from AnatomyGuidedLib.cohort_cluster import connected, required_dask
from AnatomyGuidedLib.errors import AnatomyGuidedError, CasesFailed, UsageError
from AnatomyGuidedLib.files import cannot_write
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

__all__ = ["Case", "CasesFailed", "CohortResult", "FailedCase", "FinishedCase", "read_result", "run_cohort"]

_RUN_CASE = "AnatomyGuidedLib.cohort_case:run_case"
_POLL_S = 0.05
_RESTART_S = 5.0  # a lost worker of this machine is back sooner
_SHARED_DISK_S = 10.0  # until a file that another machine wrote is seen here
_LOOK_S = 1.0
_KILLED = "killed"
_LOST = "The connection to the scheduler was lost; finished cases are on disk, run again with --resume."


@dataclass(frozen=True)
class FinishedCase:
    """A case with its result's file; `was_kept` if an earlier run had made it."""

    case: Case
    path: Path
    was_kept: bool


@dataclass(frozen=True)
class FailedCase:
    """A case without a result, and why."""

    case: Case
    reason: str


@dataclass(frozen=True)
class CohortResult:
    """How all cases ended, each in the order in which they were given."""

    done: tuple[FinishedCase, ...]
    failed: tuple[FailedCase, ...]


def run_cohort(
    cases: Sequence[Case],
    work: Work | str,
    out_folder: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    patience_s: float = 600.0,
    progress: Progress = no_progress,
    note: Callable[[str], None] = lambda _: None,
    cancelled: CancelCheck = never_cancelled,
) -> CohortResult:
    """The cases that are done, whose results `read_result` reads, and those that failed.

    `work` is a function of a module that the workers can import, or its name as "module:function"; it gets a case and a
    cancel check and returns what JSON can hold. `workers` processes run on this machine (one a core by default), or
    `scheduler` names a running Dask scheduler, whose workers must see the cases' files and `out_folder` under the same
    paths. With `resume` a case is not repeated if its result is there and was made from the same file contents,
    settings and version of the software. `patience_s` is how long to go on without any worker.

    Raises:
        Cancelled: `cancelled` came true; finished cases stay on disk.
        AnatomyGuidedError: No scheduler or worker is there, the workers lack these packages, or the folder cannot be
            written to.
        UsageError: Two cases share a name, both workers and a scheduler are asked for, or Dask is not installed.
    """
    if scheduler is not None and workers is not None:
        raise UsageError("Name either a number of workers on this machine or a scheduler, not both.")
    if workers is not None and workers < 1:
        raise UsageError(f"The number of workers must be 1 or more, but is {workers}.")
    folder, name = Path(out_folder).absolute(), _importable_name(work)
    tasks = [Task(name, case, result_path(folder, case), resume) for case in cases]
    _require_distinct(tasks)
    ended: dict[int, dict[str, str]] = {}
    if tasks:
        with connected(workers=min(workers or _cores(), len(tasks)), scheduler=scheduler) as client:
            _make_folders(tasks)
            run = _Run(client, tasks, _Watch(client, patience_s, note), cancelled)
            try:
                for index, end in run.ends():
                    ended[index] = end
                    progress(len(ended) / len(tasks), _told(ended, len(tasks)))
            finally:
                _remove_leftovers(tasks)
    return _result(tasks, ended)


class _Watch:
    """Looks whether any worker is there; says so once when there is none, and gives up when patience ends."""

    def __init__(self, client: Any, patience_s: float, note: Callable[[str], None]) -> None:
        self._client, self._patience_s, self._note = client, patience_s, note
        self._seen, self._has_told, self._looked = time.monotonic(), False, 0.0

    def look(self) -> None:
        """Nothing, while there is hope.

        Raises:
            AnatomyGuidedError: No worker has been there for too long, or the scheduler is gone.
        """
        if self._client.status != "running":
            raise AnatomyGuidedError(_LOST)
        if time.monotonic() - self._looked < _LOOK_S:  # a look is a question to the scheduler
            return
        self._looked = time.monotonic()
        if self._client.scheduler_info()["workers"]:
            self._seen, self._has_told = time.monotonic(), False
            return
        alone_s = time.monotonic() - self._seen
        if alone_s > self._patience_s:
            raise AnatomyGuidedError(
                f"The scheduler has had no worker for {self._patience_s:g} s; start workers, then run again with "
                "--resume."
            )
        if alone_s > _RESTART_S and not self._has_told:
            self._has_told = True
            self._note("The scheduler has no worker at the moment; waiting for one.")


@dataclass(frozen=True)
class _Run:
    client: Any
    tasks: Sequence[Task]
    watch: _Watch
    cancelled: CancelCheck

    def ends(self) -> Iterator[tuple[int, dict[str, str]]]:
        """How each task ended, by its place, as it ends.

        Dask accuses every case that a dying worker held. Those are tried again one at a time with nothing beside
        them, so that only a case that does kill its worker fails.
        """
        accused = []
        for index, end in self._ends(range(len(self.tasks))):
            if end["state"] == _KILLED:
                accused.append(index)
            else:
                yield index, end
        for index in sorted(accused):
            yield from self._ends([index])

    def _ends(self, indices: Sequence[int]) -> Iterator[tuple[int, dict[str, str]]]:
        """The tasks are resolved by name on the worker: the scheduler itself needs none of these packages."""
        group = f"anatomyguided-{uuid.uuid4().hex}"
        last = len(self.tasks)  # Dask starts with the key that is last in the alphabet
        places = {(group, f"{last - index:09}"): index for index in indices}
        graph = {
            key: (operator.call, (pkgutil.resolve_name, _RUN_CASE), self.tasks[index].as_text())
            for key, index in places.items()
        }
        pending = {future.key: future for future in self.client.get(graph, list(graph), sync=False)}
        completed = required_dask().as_completed(
            pending.values(), loop=self.client.loop, with_results=True, raise_errors=False
        )
        try:
            while pending:
                stop_if(self.cancelled)
                self.watch.look()
                for future, result in completed.next_batch(block=False):
                    del pending[future.key]  # a result that is still held would be computed again with its worker lost
                    yield places[future.key], self._end(result)
                time.sleep(0 if completed.has_ready() else _POLL_S)
        finally:
            if self.client.status == "running":  # else it waits for a scheduler that is gone
                self.client.cancel(list(pending.values()))

    def _end(self, result: Any) -> dict[str, str]:
        """What came back; the future's own state may be a later one, such as that its worker is lost by now."""
        if isinstance(result, dict):
            return result
        if isinstance(result, BaseException):  # cancelled, and not by us
            raise AnatomyGuidedError(_LOST)
        _, error, _ = result
        if isinstance(error, required_dask().KilledWorker):
            return {
                "state": _KILLED,
                "reason": "Every worker process that ran this case ended before it was done; is the memory of a worker "
                "enough for it? With fewer workers each has more.",
            }
        if isinstance(error, ModuleNotFoundError) and str(error.name).split(".")[0] in self._packages():
            raise AnatomyGuidedError(
                f"A worker of the scheduler cannot import {error.name}; install slicer-anatomy-guided where it runs, "
                "in the version of this machine."
            )
        reason = f"The program itself failed ({type(error).__name__}: {error}); please report this."
        return {"state": FAILED, "reason": " ".join(reason.split())}

    def _packages(self) -> set[str]:
        return {name.split(".")[0] for name in (_RUN_CASE, self.tasks[0].work.partition(":")[0])}


def _result(tasks: Sequence[Task], ended: Mapping[int, Mapping[str, str]]) -> CohortResult:
    done, failed = [], []
    patience_ends = time.monotonic() + _SHARED_DISK_S
    for index, task in enumerate(tasks):
        end = ended[index]
        if end["state"] not in (FAILED, _KILLED) and _is_seen(task.target, patience_ends):
            done.append(FinishedCase(task.case, task.target, end["state"] == KEPT))
            continue
        task.target.unlink(missing_ok=True)  # of an earlier run, with other inputs
        failed.append(FailedCase(task.case, end["reason"] or _not_shared(task.target)))
    return CohortResult(tuple(done), tuple(failed))


def _is_seen(path: Path, patience_ends: float) -> bool:
    while not path.is_file():
        if time.monotonic() > patience_ends:
            return False
        time.sleep(_POLL_S)
    return True


def _not_shared(path: Path) -> str:
    return (
        f"A worker wrote {path.name}, but it cannot be seen here; the output folder must lie on a disk that this "
        "machine and all workers share."
    )


def _importable_name(work: Work | str) -> str:
    """The function's name as "module:function".

    >>> _importable_name("CCMetricsLib.cohort_case:score_case")
    'CCMetricsLib.cohort_case:score_case'

    Raises:
        ValueError: A worker could not import it.
    """
    if isinstance(work, str):
        return work
    module, name = work.__module__, work.__qualname__
    if module == "__main__" or not name.isidentifier():
        raise ValueError(f"The work must be a function of a module that workers can import, but is {module}:{name}.")
    return f"{module}:{name}"


def _require_distinct(tasks: Sequence[Task]) -> None:
    seen: dict[str, Case] = {}
    for task in tasks:
        other = seen.setdefault(str(task.target).casefold(), task.case)
        if other is not task.case:
            raise UsageError(
                f'The cases "{other.name}" and "{task.case.name}" share a name, or one that some disks cannot tell '
                "apart; give each case its own."
            )


def _make_folders(tasks: Sequence[Task]) -> None:
    for folder in {task.target.parent for task in tasks}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error


def _remove_leftovers(tasks: Sequence[Task]) -> None:
    """Nothing; half-written results of workers that were killed are gone."""
    for folder in {task.target.parent for task in tasks}:
        for leftover in folder.glob(".*.part.json"):
            leftover.unlink(missing_ok=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _told(ended: Mapping[int, Mapping[str, str]], total: int) -> str:
    failed = sum(end["state"] in (FAILED, _KILLED) for end in ended.values())
    return f"{len(ended)} of {total} cases" + (f", {failed} failed" if failed else "")
