"""The data set's tables: what was taken (ready for `study atlas-insights`), and what was left out and why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from DAPAtlasLib.dataset import places
from DAPAtlasLib.dataset.build import LeftOut, Taken

CASE_COLUMNS = (
    *("dataset", "patient", "sex", "age", "diagnosis", "statistics", "labelmap", "lesions"),
    *("slice_thickness_mm", "structures", "share_named", "pass", "warn", "fail"),
)
LEFT_OUT_COLUMNS = ("case", "state", "reason")

Row = dict[str, object]


def case_rows(taken: Sequence[Taken], folder: Path, dataset: str) -> list[Row]:
    """A row a case of the data set; files are named relative to the folder."""
    return [_case_row(one, folder, dataset) for one in taken]


def left_out_rows(left_out: Sequence[LeftOut]) -> list[Row]:
    """A row a case that is not in the data set: left out by its rules, or failed."""
    return [
        {"case": one.study.name, "state": "failed" if one.has_failed else "left out", "reason": one.reason}
        for one in left_out
    ]


def _case_row(one: Taken, folder: Path, dataset: str) -> Row:
    study, verdicts = one.study, cast(dict[str, int], one.told["verdicts"])
    return {
        "dataset": dataset,
        "patient": study.name,
        "sex": study.sex,
        "age": study.age,
        "diagnosis": study.diagnosis,
        "statistics": places.statistics(folder, study.name).relative_to(folder).as_posix(),
        "labelmap": places.label_map(folder, study.name).relative_to(folder).as_posix(),
        "lesions": _seen_from(folder, study.lesions) if study.lesions else "",
        "slice_thickness_mm": one.thickness_mm,
        "structures": one.told["structures"],
        "share_named": one.told["share_named"],
        **{verdict: verdicts.get(verdict, 0) for verdict in CASE_COLUMNS[-3:]},
    }


def _seen_from(folder: Path, path: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()
