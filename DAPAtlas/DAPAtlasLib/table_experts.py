"""Experts of many cases: what the columns of a table name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

from DAPAtlasLib.parameters import FILE_PREFIX

_COLUMN = r"\{([^{}]*)\}"


def expert_of_row(expert: str, row: Mapping[str, str], folder: Path, where: str) -> str:
    """The expert with the row's values in place of {COLUMN}, and its file's path as seen from the table's folder.

    Raises:
        AnatomyGuidedError: A column that it names is empty in the row.
    """
    if not expert.startswith(FILE_PREFIX):
        return expert
    empty = [column for column in _columns(expert) if not row[column]]
    if empty:
        raise AnatomyGuidedError(f"{where}: the column {empty[0]} is empty, but an expert needs it.")
    named = re.sub(_COLUMN, lambda found: row[found[1]], expert.removeprefix(FILE_PREFIX))
    return f"{FILE_PREFIX}{folder / named}"


def require_columns(experts: Sequence[str], header: Sequence[str], table: str) -> None:
    """Nothing, if the table has all columns that the experts name.

    Raises:
        UsageError: It lacks one.
    """
    for expert in experts:
        for column in _columns(expert):
            if column not in header:
                raise UsageError(
                    f"An expert names the column {column!r}, which {table} lacks; it has {', '.join(header)}."
                )


def _columns(expert: str) -> list[str]:
    return re.findall(_COLUMN, expert)
