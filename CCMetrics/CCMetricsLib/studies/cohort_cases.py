"""The patients of a user's cohort for a study: the reference column of a table of cases."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_labelmap

from CCMetricsLib.studies.cases import Cases

_NEEDED = ("case", "reference")


def cohort_cases(table: Path) -> Cases:
    """The cases, each read when it is asked for; a relative path starts from the table's folder.

    Raises:
        AnatomyGuidedError: The table cannot be read, lacks a column or a cell, names a case twice, or has no case.
    """
    columns, rows = _read(table)
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise AnatomyGuidedError(f"{table.name} needs the columns case and reference, but has no {missing[0]}.")
    found: Cases = {row["case"]: partial(read_labelmap, table.parent / row["reference"]) for row in rows}
    if len(found) < len(rows) or not all(row["case"] and row["reference"] for row in rows):
        raise AnatomyGuidedError(f"{table.name} must give each case a name of its own and a reference.")
    if not found:
        raise AnatomyGuidedError(f"{table.name} has no case.")
    return found


def _read(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            return list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnatomyGuidedError(f"{table.name} cannot be read as a table of cases (CSV): {error}.") from error
