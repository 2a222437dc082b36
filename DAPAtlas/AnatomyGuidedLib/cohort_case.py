"""One case of a cohort, as a worker runs it: the result is one JSON file, and the file says what it was made from."""

from __future__ import annotations

import hashlib
import json
import pkgutil
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import Outputs, cannot_write, full_suffix, sha256_of, write_json
from AnatomyGuidedLib.progress import CancelCheck

FORMAT, VERSION = "anatomyguided-cohort-case", 1
COMPUTED, KEPT, FAILED = "computed", "kept", "failed"

_LONGEST_NAME = 80
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no file's name on Windows


@dataclass(frozen=True)
class Case:
    """One case: its input files by their role, and settings that JSON can hold.

    Cases of one `group` (a model, say) share a folder of results.
    """

    name: str
    files: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""


Work = Callable[[Case, CancelCheck], Mapping[str, object]]


@dataclass(frozen=True)
class Task:
    """What a worker is told: it travels as text, so that any worker with these packages understands it.

    `work` names a `Work` as "module:function".
    """

    work: str
    case: Case
    target: Path
    resume: bool

    def as_text(self) -> str:
        """The task as JSON."""
        case = {
            "name": self.case.name,
            "files": dict(self.case.files),
            "settings": dict(self.case.settings),
            "group": self.case.group,
        }
        return json.dumps({"work": self.work, "case": case, "target": str(self.target), "resume": self.resume})

    @classmethod
    def from_text(cls, text: str) -> Task:
        """The task that `as_text` told."""
        told = json.loads(text)
        return cls(told["work"], Case(**told["case"]), Path(told["target"]), told["resume"])


def result_path(folder: Path, case: Case) -> Path:
    """Where a case's result lies.

    >>> result_path(Path("results"), Case("site 1/p01", {}, group="unet")).as_posix()
    'results/unet/site_1_p01-5556dfdd.json'
    """
    place = folder / file_name(case.group) if case.group else folder
    return place / f"{file_name(case.name)}.json"


def file_name(name: str) -> str:
    """The name where every file system takes it; else what is left of it and 8 digits that tell it from others.

    >>> file_name("case_01"), file_name("../x")
    ('case_01', 'x-d6b96a97')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:_LONGEST_NAME]
    if safe == name and not _DEVICE.fullmatch(name):
        return name
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")


def run_case(text: str) -> dict[str, str]:
    """How a task ended: "computed", "kept" (the same result was there), or "failed" with the reason; run on a worker.

    An error that is none of ours is a fault of the program and is left to the caller.
    """
    task = Task.from_text(text)
    try:
        fingerprint = _fingerprint(task)
        if task.resume and _stored_fingerprint(task.target) == fingerprint:
            return {"state": KEPT, "reason": ""}
        work: Work = pkgutil.resolve_name(task.work)
        _write(task, fingerprint, work(task.case, _cancel_check()))
    except AnatomyGuidedError as error:
        return {"state": FAILED, "reason": str(error)}
    except MemoryError:
        reason = "The worker's memory is not enough for this case; run it with fewer workers on a machine."
        return {"state": FAILED, "reason": reason}
    return {"state": COMPUTED, "reason": ""}


def read_result(path: Path) -> dict[str, Any]:
    """What the work returned for a case.

    Raises:
        AnatomyGuidedError: The file is no result of a case.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise KeyError(FORMAT)
        return dict(stored["result"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnatomyGuidedError(f"{path.name} is no readable result of a case; remove it and run again.") from error


def _write(task: Task, fingerprint: str, result: Mapping[str, object]) -> None:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "software_version": __version__,
        "case": task.case.name,
        "group": task.case.group,
        "fingerprint": fingerprint,
        "result": result,
    }
    try:
        with Outputs() as outputs:
            write_json(outputs.stage(task.target), content)
    except OSError as error:
        raise cannot_write(task.target, error) from error


def _fingerprint(task: Task) -> str:
    """A digest of all that decides the result: the files' content, wherever they lie, the settings and the software."""
    case = task.case
    made_from = {
        "version": [VERSION, __version__],
        "work": task.work,
        "case": [case.group, case.name],
        "settings": dict(case.settings),
        "files": {role: _digest(Path(path)) for role, path in case.files.items()},
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    if full_suffix(path) == ".nhdr":
        return secrets.token_hex()  # the voxels lie in files that only the header knows, so nothing says "unchanged"
    return sha256_of(path)


def _stored_fingerprint(target: Path) -> str | None:
    try:
        return str(json.loads(target.read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _cancel_check() -> CancelCheck:
    """True as soon as nobody waits for this task any more: the caller stopped, or its connection is gone."""
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # run without Dask
        return lambda: False
    key, tasks = worker.get_current_task(), worker.state.tasks
    return lambda: key not in tasks or tasks[key].state == "cancelled"
