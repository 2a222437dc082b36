"""Experts of many cases: what a column of the table names, and files by the role that a worker knows them by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.io import split_scheme

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


def with_roles(experts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The experts with roles in place of their files' paths, and the paths by role.

    >>> with_roles(["rules", "file:a.nii.gz@moose"])
    (['rules', 'file:expert_1@moose'], {'expert_1': 'a.nii.gz'})
    """
    words, files = [], {}
    for number, expert in enumerate(experts):
        if not expert.startswith(FILE_PREFIX):
            words.append(expert)
            continue
        path, scheme = split_scheme(expert.removeprefix(FILE_PREFIX))
        files[f"expert_{number}"] = str(path)
        words.append(f"{FILE_PREFIX}expert_{number}@{scheme}")
    return words, files


def without_roles(experts: Sequence[str], files: Mapping[str, str]) -> tuple[str, ...]:
    """The experts with their files' paths again."""
    return tuple(_with_path(expert, files) for expert in experts)


def _with_path(expert: str, files: Mapping[str, str]) -> str:
    if not expert.startswith(FILE_PREFIX):
        return expert
    role, scheme = split_scheme(expert.removeprefix(FILE_PREFIX))
    return f"{FILE_PREFIX}{files[str(role)]}@{scheme}"


def _columns(expert: str) -> list[str]:
    return re.findall(_COLUMN, expert)
