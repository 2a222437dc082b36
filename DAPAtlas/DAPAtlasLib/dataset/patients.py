"""The cohort's table: one row a study, with its CT, what is known of the patient, and columns that experts name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import split_scheme
from AnatomyGuidedLib.tables import read_rows

from DAPAtlasLib.parameters import FILE_PREFIX, SEXES
from DAPAtlasLib.table_experts import expert_of_row, require_columns

NEEDED = ("subject", "study_uid", "ct")
_SOURCE_PREFIX = "PETCT_"  # of the subjects of FDG-PET-CT-Lesions; its masks go by what follows
_UID_DIGITS = 5
_AGE = re.compile(r"(\d+(?:\.\d+)?)([YMWD]?)")
_PER_YEAR = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}


@dataclass(frozen=True)
class Study:
    """One CT to label. `name` is that of its label map; sex, age (years) and diagnosis are empty or None if unknown."""

    name: str
    ct: Path
    experts: tuple[str, ...]
    sex: str | None
    age: float | None
    diagnosis: str
    lesions: Path | None

    def inputs(self) -> list[Path]:
        """The files that are read for it."""
        files = [
            split_scheme(word.removeprefix(FILE_PREFIX))[0] for word in self.experts if word.startswith(FILE_PREFIX)
        ]
        return [self.ct, *files, *([self.lesions] if self.lesions else [])]


def read_studies(path: Path, prefix: str, experts: Sequence[str]) -> list[Study]:
    """The table's studies; its paths, and those of experts, are relative to it.

    Raises:
        AnatomyGuidedError: The table is unreadable, empty, or lacks a column; a value is bad (the line is named); two
            studies would share a name.
        UsageError: An expert names a column that the table lacks.
    """
    rows = read_rows(path, NEEDED, "study")
    require_columns(experts, list(rows[0][1]), path.name)
    studies = [(line, _study(row, path, line, prefix, experts)) for line, row in rows]
    _require_distinct(studies, path)
    return [study for _, study in studies]


def case_name(prefix: str, subject: str, study_uid: str) -> str:
    """The thesis's name (3.1.4): the prefix, the subject, and the last five digits of the study's UID.

    >>> case_name("AutoPET", "PETCT_0011f3deaf", "1.3.6.1.4.1.14519.5.2.1.4219.6651.10445")
    'AutoPET_0011f3deaf_10445'
    """
    digits = study_uid.replace(".", "")[-_UID_DIGITS:]
    return file_name(f"{prefix}_{subject.removeprefix(_SOURCE_PREFIX)}_{digits}")


def age_in_years(text: str) -> float | None:
    """A number of years, or DICOM's age string; None where nothing stands.

    >>> age_in_years("060Y"), age_in_years("018M"), age_in_years("61.5"), age_in_years("")
    (60.0, 1.5, 61.5, None)

    Raises:
        ValueError: It is neither.
    """
    if not text.strip():
        return None
    found = _AGE.fullmatch(text.strip().upper())
    if not found:
        raise ValueError(text)
    return float(found[1]) / _PER_YEAR[found[2]]


def _study(row: Mapping[str, str], path: Path, line: int, prefix: str, experts: Sequence[str]) -> Study:
    where = f"{path.name}, line {line}"
    empty = [name for name in NEEDED if not row[name]]
    if empty:
        raise AnatomyGuidedError(f"{where}: the column {empty[0]} is empty.")
    uid = row["study_uid"]
    if not re.fullmatch(r"[\d.]*\d{5}", uid.replace(".", "")):
        raise AnatomyGuidedError(f"{where}: the study_uid must be digits and dots, with at least five digits.")
    sex = row.get("sex", "").upper()
    if sex and sex not in SEXES:
        raise AnatomyGuidedError(f"{where}: the sex is {row['sex']!r}, but F, M or nothing was expected.")
    try:
        age = age_in_years(row.get("age", ""))
    except ValueError as error:
        raise AnatomyGuidedError(
            f"{where}: the age is {row['age']!r}, but years (61 or 061Y) were expected."
        ) from error
    folder = path.absolute().parent
    lesions = row.get("lesions", "")
    return Study(
        case_name(prefix, row["subject"], uid),
        folder / row["ct"],
        tuple(expert_of_row(expert, row, folder, where) for expert in experts),
        sex or None,
        age,
        row.get("diagnosis", ""),
        folder / lesions if lesions else None,
    )


def _require_distinct(studies: Sequence[tuple[int, Study]], path: Path) -> None:
    lines: dict[str, int] = {}
    for line, study in studies:
        first = lines.setdefault(study.name.casefold(), line)
        if first != line:
            raise AnatomyGuidedError(
                f"{path.name}, lines {first} and {line}: both studies would be named {study.name}; "
                "one of them is there twice, or their subjects need other names."
            )
