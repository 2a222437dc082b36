"""The attention read-out as files: a table, and one patient's lesion with the structures attended to as segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.segments import Segment

from PathologySegLib.apex.anatomy_classes import AnatomyClasses
from PathologySegLib.apex.evaluation import THRESHOLD, lesion_chances
from PathologySegLib.apex.read_out import COLUMNS, attended_segments, attention_rows, summary
from PathologySegLib.apex.segmenter import Segmenter
from PathologySegLib.apex.slices import PatientSlices

TABLE, PICTURE = "attention.csv", "attended.seg.nrrd"
_LESION_COLOR = (222, 60, 40)


def write_attention(
    folder: Path,
    segmenter: Segmenter,
    patients: Sequence[PatientSlices],
    classes: AnatomyClasses,
    console: Console,
    *,
    threshold: float = THRESHOLD,
) -> dict[str, object]:
    """The summary of all predicted lesions; the folder gets their table, and segments of the largest true one."""
    rows = []
    for patient in patients:
        rows += attention_rows(segmenter, patient, classes, threshold=threshold, cancelled=console.cancelled)
    write_csv(folder / TABLE, rows, COLUMNS)
    true = [row for row in rows if row["is_lesion"]]
    if true:
        largest = max(true, key=lambda row: int(str(row["voxels"])))
        patient = next(one for one in patients if one.name == largest["case"])
        _write_picture(folder / PICTURE, segmenter, patient, classes, largest, threshold)
    return {**summary(rows), "true_lesions": summary(true)}


def _write_picture(
    path: Path,
    segmenter: Segmenter,
    patient: PatientSlices,
    classes: AnatomyClasses,
    row: Mapping[str, object],
    threshold: float,
) -> None:
    found = connected_components(lesion_chances(segmenter, patient, classes, anatomy_input=False) >= threshold)
    top = str(row["attended"]).split("; ")
    shown = attended_segments(classes.of(patient.anatomy), found == int(str(row["lesion"])), top, classes)
    segments = [Segment(place, name, _color(name, classes)) for place, name in enumerate(top, start=1)]
    segments.append(Segment(len(top) + 1, f"Lesion {row['lesion']}", _LESION_COLOR))
    grid = Grid((shown.shape[1], shown.shape[2], shown.shape[0]), np.diag([*patient.spacing_mm, 1.0]))
    write_labelmap(Labelmap(np.ascontiguousarray(shown.transpose(1, 2, 0)), grid), path, segments)


def _color(name: str, classes: AnatomyClasses) -> tuple[int, int, int]:
    """The colour of the first structure of a class."""
    return label_by_id(classes.class_of.index(classes.names.index(name) + 1)).color
