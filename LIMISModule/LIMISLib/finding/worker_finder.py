"""Boxes by groundingdino-py in an environment of its own, which a worker process runs in; a `BoxFinder`."""

from __future__ import annotations

import os
import subprocess
import threading
import weakref
from functools import cached_property, partial
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Volume

from LIMISLib.finding.dino_card import UNADAPTED
from LIMISLib.finding.frames import Edges, Frame
from LIMISLib.finding.intensities import Image
from LIMISLib.finding.network_finder import LEAST_CHANCE, NetworkFinder
from LIMISLib.finding.organs import ORGANS
from LIMISLib.finding.scan import Floats
from LIMISLib.finding.worker_protocol import WorkerFailed, boxes, ready, request

_SCRIPT = Path(__file__).with_name("groundingdino_worker.py")
_START_S, _ANSWER_S = 180.0, 120.0
_LOW_HU, _HIGH_HU = -160.0, 240.0
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class WorkerFinder(NetworkFinder):
    """`python` is the other environment's interpreter, `folder` holds the package's config and checkpoint."""

    def __init__(self, image: Volume, *, python: str, folder: Path, least: float = LEAST_CHANCE) -> None:
        if not folder.is_dir():
            raise AnatomyGuidedError(f"There is no folder {folder.name} with a Grounding DINO; check the path.")
        super().__init__(image, partial(WorkerDetector, python, folder), least=least)


class WorkerDetector:
    """groundingdino-py as a `Detector`; the worker starts with the first slice and ends with this object."""

    step_mm = 10.0
    frame: Frame = UNADAPTED.frame
    structures: tuple[str, ...] = ORGANS
    largest_mm: tuple[tuple[float, float], ...] = UNADAPTED.largest_mm

    def __init__(self, python: str, folder: Path) -> None:
        self._python, self._folder = python, folder
        self.name = f"groundingdino-py ({folder.name}, not adapted to CT)"

    def detect(self, stacks_hu: Image) -> tuple[Floats, Edges]:
        """As `Detector.detect`; the slices above and below are not looked at.

        Raises:
            WorkerFailed: The worker does not start, ends, or does not answer.
        """
        rows, columns = self.frame.shape
        found = []
        for stack in stacks_hu:
            shades = np.clip((stack[0] - _LOW_HU) / (_HIGH_HU - _LOW_HU), 0.0, 1.0)
            self._worker.tell(request(np.rint(shades * 255).astype(np.uint8), [name.lower() for name in ORGANS]))
            found.append(boxes(self._worker.hear(_ANSWER_S), len(ORGANS)))
        size = np.array((columns, rows, columns, rows), dtype=np.float64)
        return np.stack([chances for chances, _ in found]), np.stack([edges for _, edges in found]) * size

    @cached_property
    def _worker(self) -> Worker:
        worker = Worker([self._python, str(_SCRIPT), str(self._folder)])
        ready(worker.hear(_START_S))
        return worker


class Worker:
    """A process that answers lines with lines; it ends when this object does."""

    def __init__(self, command: list[str]) -> None:
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                encoding="utf-8", bufsize=1, env=_own_environment(),
            )  # fmt: skip
        except OSError as error:
            raise WorkerFailed(
                f"The finder's interpreter {Path(command[0]).name} cannot be started ({error.strerror}); give that of "
                "an environment with groundingdino-py."
            ) from error
        self._lines: Queue[str] = Queue()
        threading.Thread(target=_listen, args=(self._process.stdout, self._lines), daemon=True).start()
        self.end = weakref.finalize(self, _end, self._process)

    def tell(self, line: str) -> None:
        """Nothing; the worker was told.

        Raises:
            WorkerFailed: It has ended.
        """
        stream = self._process.stdin
        try:
            if stream is None:
                raise BrokenPipeError
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError) as error:
            raise WorkerFailed("The finder's worker has ended; start a new session.") from error

    def hear(self, patience_s: float) -> str:
        """The worker's next line.

        Raises:
            WorkerFailed: It has ended, or says nothing for that long.
        """
        try:
            line = self._lines.get(timeout=patience_s)
        except Empty:
            self.end()
            raise WorkerFailed(f"The finder's worker said nothing for {patience_s:g} s and was ended.") from None
        if not line:
            raise WorkerFailed("The finder's worker has ended; start a new session.")
        return line


def _own_environment() -> dict[str, str]:
    """Ours without what would make another interpreter import our packages."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}


def _listen(stream: IO[str], lines: Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
