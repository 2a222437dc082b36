"""A cohort in nnU-Net's form: every image turned to RAS, labels consecutive, and the way back to their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import read_ct, read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import scheme
from AnatomyGuidedLib.predictors.preparation import Turn
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if
from AnatomyGuidedLib.tables import read_rows

ORIENTATION = "RAS"
NAME, NUMBER = "Dataset500_AnatomyGuided", 500
_VALUES = "values.json"


@dataclass(frozen=True)
class LabelledCt:
    """One row of a cohort's table; `labels` is None where the CT has none yet."""

    name: str
    ct: Path
    labels: Path | None


def read_cohort(path: Path, *, labelled: bool) -> list[LabelledCt]:
    """The rows of a table with the columns case, ct and, if `labelled`, labels; paths are relative to it.

    Raises:
        AnatomyGuidedError: The table is unusable, or two cases have one name.
    """
    needed = ("case", "ct", "labels") if labelled else ("case", "ct")
    folder, found = path.absolute().parent, []
    for line, row in read_rows(path, needed, "case"):
        empty = [name for name in needed if not row[name]]
        if empty:
            raise AnatomyGuidedError(f"{path.name}, line {line}: the column {empty[0]} is empty.")
        found.append(
            LabelledCt(file_name(row["case"]), folder / row["ct"], folder / row["labels"] if labelled else None)
        )
    names = [case.name for case in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnatomyGuidedError(f"{path.name} names the case {twice[0]} twice.")
    return found


def export_dataset(
    cases: Sequence[LabelledCt],
    scheme_name: str,
    raw: Path,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> tuple[int, ...]:
    """By class the label's value; nnU-Net's raw data set lies in the folder. A case that is there is not made again.

    Raises:
        AnatomyGuidedError: A file cannot be read, a label is none of the scheme's, or grids differ.
        Cancelled: The user stopped.
    """
    folder, known = raw / NAME, scheme(scheme_name)
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    values = _occurring(cases, progress, cancelled)
    lacking = sorted(set(values) - set(known.names))
    if lacking:
        raise AnatomyGuidedError(f"The labels hold {lacking[0]}, which the scheme {scheme_name} lacks.")
    for number, case in enumerate(cases):
        stop_if(cancelled)
        progress(0.3 + 0.7 * number / len(cases), f"Exporting case {number + 1} of {len(cases)}")
        _export(case, folder, values)
    names = {"background": 0} | {known.names[value]: place for place, value in enumerate(values, start=1)}
    described: Mapping[str, object] = {
        "channel_names": {"0": "CT"},
        "labels": names,
        "numTraining": len(cases),
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "SimpleITKIO",
    }
    write_json(folder / "dataset.json", described)
    write_json(folder / _VALUES, [0, *values])
    return (0, *values)


def turned(values: npt.NDArray[Any], grid: Grid) -> tuple[npt.NDArray[Any], Grid]:
    """The same voxels at the same places, with axes that run towards right, front and head."""
    turn = Turn.towards(ORIENTATION, grid)
    affine = np.array(grid.affine)
    for axis, is_reversed in zip(turn.axes, turn.reversed_axes, strict=True):
        if is_reversed:
            affine[:3, 3] += affine[:3, axis] * (grid.shape[axis] - 1)
            affine[:3, axis] *= -1.0
    affine[:, :3] = affine[:, list(turn.axes)]
    result = np.ascontiguousarray(turn.applied(values))
    i, j, k = result.shape
    return result, Grid((i, j, k), affine)


def _occurring(cases: Sequence[LabelledCt], progress: Progress, cancelled: CancelCheck) -> tuple[int, ...]:
    """The values above 0 that any case has."""
    found: set[int] = set()
    for number, case in enumerate(cases):
        stop_if(cancelled)
        progress(0.3 * number / len(cases), f"Reading the labels of case {number + 1} of {len(cases)}")
        found |= set(np.unique(read_labelmap(_labels_of(case)).values).tolist())
    return tuple(sorted(found - {0}))


def _export(case: LabelledCt, folder: Path, values: Sequence[int]) -> None:
    image, label = folder / "imagesTr" / f"{case.name}_0000.nii.gz", folder / "labelsTr" / f"{case.name}.nii.gz"
    if image.is_file() and label.is_file():
        return
    ct, labelmap = read_ct(case.ct), read_labelmap(_labels_of(case))
    require_same_grid(ct.grid, labelmap.grid, names=(f"the CT of {case.name}", "its labels"))
    class_of = np.zeros(max(values, default=0) + 1, np.uint8 if len(values) < 256 else np.uint16)
    class_of[list(values)] = np.arange(1, len(values) + 1)
    classes, grid = turned(class_of[labelmap.values], labelmap.grid)
    write_volume(Volume(*turned(ct.values, ct.grid), "HU"), image.with_name(f"part_{image.name}"))
    write_labelmap(Labelmap(classes, grid), label.with_name(f"part_{label.name}"), [])
    for file in (image, label):
        file.with_name(f"part_{file.name}").replace(file)


def _labels_of(case: LabelledCt) -> Path:
    if case.labels is None:
        raise AnatomyGuidedError(f"The case {case.name} has no labels.")
    return case.labels
