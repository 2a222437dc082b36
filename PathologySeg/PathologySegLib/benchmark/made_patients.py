"""A made cohort in files: the table and images that a real one would come as, so that both take one way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.progress import CancelCheck, Progress, stop_if

from PathologySegLib.benchmark.plan import DataSet
from PathologySegLib.data_sets import COLUMNS
from PathologySegLib.learning.phantom_cases import PhantomSettings, make_case

TABLE = "cohort.csv"

_DIAGNOSES = ("melanoma", "lymphoma", "lung cancer")
_COLUMNS = (*COLUMNS, "data_set", "diagnosis", "sex")


def made_cohort(data_sets: tuple[DataSet, ...], folder: Path, progress: Progress, cancelled: CancelCheck) -> Path:
    """The table of all data sets' patients; those that are in the folder, made by the same settings, stay as they are.

    The diagnosis is a name for folds to spread (by turns, "none" without a lesion); the images do not show it.
    """
    rows = []
    for data_set in data_sets:
        for number in range(data_set.patients):
            stop_if(cancelled)
            progress(number / data_set.patients, f"Making patient {number + 1} of {data_set.patients}, {data_set.name}")
            rows.append(_patient(data_set, number, folder))
    write_csv(folder / TABLE, rows, _COLUMNS)
    return folder / TABLE


def _patient(data_set: DataSet, number: int, folder: Path) -> dict[str, str]:
    name = f"{data_set.name}_{number:03d}"
    place = f"{file_name(data_set.name)}_{_digest(data_set.phantoms)}/{file_name(name)}"
    files = {kind: f"{place}/{kind}.nii.gz" for kind in ("ct", "pet", "lesions")}
    facts = folder / place / "diagnosis.txt"
    if not facts.is_file():
        facts.parent.mkdir(parents=True, exist_ok=True)
        case = make_case(data_set.phantoms, number)
        write_volume(Volume(case.ct, case.grid, "HU"), folder / files["ct"])
        write_volume(Volume(np.maximum(case.pet, 0.0), case.grid, "SUV"), folder / files["pet"])
        write_labelmap(Labelmap(case.lesions.astype(np.uint8), case.grid), folder / files["lesions"], [])
        facts.write_text("none" if case.healthy else _DIAGNOSES[number // 2 % 3], encoding="utf-8")
    told = {"data_set": data_set.name, "diagnosis": facts.read_text(encoding="utf-8"), "sex": "FM"[number % 2]}
    return {"case": name, "patient": name, **files, **told}


def _digest(phantoms: PhantomSettings) -> str:
    return hashlib.sha256(json.dumps(asdict(phantoms), sort_keys=True).encode()).hexdigest()[:8]
