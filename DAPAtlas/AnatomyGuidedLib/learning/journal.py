"""What a training tells of itself: a line of JSON each, the same as a table, and curves where TensorBoard is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.files import write_csv

LOG, TABLE, CURVES = "log.jsonl", "log.csv", "tensorboard"


class Journal:
    """Rows with a `step`, appended to the folder's log; nothing of a row is lost when the process is.

    The table beside the log has a column for everything that any row tells, empty where a row does not.
    """

    def __init__(self, folder: Path) -> None:
        self._log, self._table = folder / LOG, folder / TABLE
        self._rows = list(_rows(self._log))
        self._curves = _writer(folder / CURVES)

    def add(self, row: Mapping[str, float]) -> None:
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
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


def _rows(log: Path) -> Iterator[Mapping[str, float]]:
    """What was told before; a line that a killed process did not finish is left out."""
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(str(folder))
