"""What a training tells of itself: a line of JSON each, the same as a table, and curves where TensorBoard is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.files import write_csv

LOG, TABLE, CURVES = "log.jsonl", "log.csv", "tensorboard"


class Journal:
    """Rows with a `step`, appended to the folder's log; nothing of a row is lost when the process is.

    Rows of steps after `resumed_step` come again, and a line that a killed process did not finish is none: both leave
    the log. The table beside it has a column for everything that any row tells, empty where a row does not.
    """

    def __init__(self, folder: Path, *, resumed_step: int) -> None:
        self._log, self._table = folder / LOG, folder / TABLE
        self._rows: list[Mapping[str, float]] = [row for row in rows_of(self._log) if row["step"] <= resumed_step]
        if self._log.is_file():
            part = self._log.with_suffix(".part")
            part.write_text("".join(map(_line, self._rows)), encoding="utf-8")
            part.replace(self._log)
        self._curves = _writer(folder / CURVES)

    def add(self, row: Mapping[str, float]) -> None:
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(_line(row))
        self._rows.append(row)
        part = self._table.with_suffix(".part")
        write_csv(part, self._rows, tuple(dict.fromkeys(name for row in self._rows for name in row)))
        part.replace(self._table)
        if self._curves:
            for name, value in row.items():
                if name != "step":
                    self._curves.add_scalar(name, value, int(row["step"]))

    def close(self) -> None:
        if self._curves:
            self._curves.close()


def rows_of(log: Path) -> list[dict[str, float]]:
    """What a log tells, nothing where there is none; a line that a killed process did not finish is left out."""
    return list(_parsed(log.read_text(encoding="utf-8").splitlines())) if log.is_file() else []


def _parsed(lines: Iterable[str]) -> Iterator[dict[str, float]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _line(row: Mapping[str, float]) -> str:
    return json.dumps(row) + "\n"


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(str(folder))
