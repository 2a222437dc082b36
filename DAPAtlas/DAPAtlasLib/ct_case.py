"""A CT as a case of a cohort: its files by role, and the parameters of its atlas as text that workers understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.cohort_case import Case
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.io import read_ct, split_scheme

from DAPAtlasLib.parameters import FILE_PREFIX, AtlasParameters

_CT = "ct"


def ct_case(name: str, ct: Path, parameters: AtlasParameters, folder: Path, more: Mapping[str, Any]) -> Case:
    """The case, whose files go into the folder; `more` are settings of the caller's own."""
    experts, files = _with_roles(parameters.experts)
    settings = {**asdict(parameters), "experts": experts, "folder": str(folder), **more}
    return Case(name, {_CT: str(ct), **files}, settings)


def ct_of(case: Case) -> Volume:
    """The case's CT.

    Raises:
        AnatomyGuidedError: It cannot be read.
    """
    return read_ct(case.files[_CT])


def parameters_of(case: Case) -> AtlasParameters:
    """The parameters that `ct_case` was given."""
    told = {entry.name: case.settings[entry.name] for entry in fields(AtlasParameters)}
    told["experts"] = tuple(_with_path(expert, case.files) for expert in told["experts"])
    return AtlasParameters(**told)


def folder_of(case: Case) -> Path:
    """Where the case's files go."""
    return Path(case.settings["folder"])


def _with_roles(experts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The experts with roles in place of their files' paths, and the paths by role.

    >>> _with_roles(["rules", "file:a.nii.gz@moose"])
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


def _with_path(expert: str, files: Mapping[str, str]) -> str:
    if not expert.startswith(FILE_PREFIX):
        return expert
    role, scheme = split_scheme(expert.removeprefix(FILE_PREFIX))
    return f"{FILE_PREFIX}{files[str(role)]}@{scheme}"
