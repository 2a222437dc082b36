"""What a training tells of itself: a line of JSON each, and curves for TensorBoard where that is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOG, CURVES = "log.jsonl", "tensorboard"


class Journal:
    """Rows with a `step`, appended to the folder's log; nothing of a row is lost when the process is."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / LOG
        self._curves = _writer(folder / CURVES)

    def add(self, row: Mapping[str, float]) -> None:
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        if self._curves:
            for name, value in row.items():
                if name != "step":
                    self._curves.add_scalar(name, value, int(row["step"]))

    def close(self) -> None:
        if self._curves:
            self._curves.close()


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(str(folder))
