"""A cohort's measurements: one row a patient and structure, from the tables that `atlas --statistics` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, require_same_grid
from AnatomyGuidedLib.io import read_anatomy, read_labelmap
from AnatomyGuidedLib.labels import label_by_id, structures
from AnatomyGuidedLib.tables import read_rows

NEEDED = ("dataset", "patient", "sex", "age", "statistics")
OPTIONAL = ("diagnosis", "labelmap", "lesions")


@dataclass(frozen=True)
class Patient:
    """One patient: age in years, volume (ml) and mean HU by structure, and structures that hold a lesion's voxel.

    `affected` is None where lesions or the label map are not known.
    """

    dataset: str
    name: str
    sex: str
    age: float
    volumes_ml: Mapping[str, float]
    mean_hu: Mapping[str, float]
    diagnosis: str = ""
    affected: frozenset[str] | None = None


def read_cohort(path: Path) -> list[Patient]:
    """The patients of a table with a header; files are named relative to it.

    Raises:
        AnatomyGuidedError: A column or a file is missing, or a value cannot be read; the message says which line.
    """
    return [_patient(row, path, line) for line, row in read_rows(path, NEEDED, "patient")]


def affected(labelmap: Labelmap, lesions: Labelmap) -> frozenset[str]:
    """The structures of which at least one voxel is a lesion's (thesis, 3.1.6).

    Raises:
        GridMismatch: The two lie on different grids.
    """
    require_same_grid(labelmap.grid, lesions.grid, names=("the label map", "the lesions"))
    named = {label.id for label in structures()}
    held = np.unique(labelmap.values[lesions.values > 0]).tolist()
    return frozenset(label_by_id(label).name for label in held if label in named)


def _patient(row: Mapping[str, str], path: Path, line: int) -> Patient:
    where = f"{path.name}, line {line}"
    if row["sex"] not in ("F", "M"):
        raise AnatomyGuidedError(f"{where}: the sex is {row['sex']!r}, but F or M was expected.")
    volumes, hu = _statistics(path.parent / row["statistics"], where)
    files = [row.get(name) or "" for name in ("labelmap", "lesions")]
    held = None
    if all(files):
        held = affected(read_anatomy(str(path.parent / files[0])), read_labelmap(path.parent / files[1]))
    age = _number(row["age"], f"{where}: the age")
    return Patient(row["dataset"], row["patient"], row["sex"], age, volumes, hu, row.get("diagnosis") or "", held)


def _statistics(path: Path, where: str) -> tuple[dict[str, float], dict[str, float]]:
    if not path.is_file():
        raise AnatomyGuidedError(f"{where}: {path.name} does not exist; check the path.")
    columns = ("volume_ml", "mean_hu")
    rows = read_rows(path, ("name", *columns), "structure")
    volumes, hu = ({row["name"]: _number(row[column], f"{where}: {column}") for _, row in rows} for column in columns)
    return volumes, hu


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise AnatomyGuidedError(f"{what} is {text!r}, but a number was expected.")
    return value
