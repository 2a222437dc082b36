"""PET/CT cases with lesions, for training and benchmarks: from a table, or a folder in the layout it was published in.

    for case in cases_of(Path("autopet")):     # names and paths alone
        study, lesions = case.read()           # voxels, on one grid

| layout | files |
|---|---|
| table | CSV: `case,patient,ct,pet,lesions[,anatomy]` (LABELMAP[@SCHEME]) and facts; paths are relative to it |
| folders | `CASE/ct.nii.gz, pet.nii.gz, lesions.nii.gz[, anatomy.nii.gz]`, as `anatomyguided phantom --cases` writes |
| autopet | `PETCT_PATIENT/STUDY/CTres.nii.gz, SUV.nii.gz, SEG.nii.gz` (the CT on the PET's grid) |
| nnunet | `imagesTr/CASE_0000.nii.gz` (CT), `CASE_0001.nii.gz` (PET), `labelsTr/CASE.nii.gz`, as AutoPET III |
| hecktor | `imagesTr/CASE__CT.nii.gz, CASE__PT.nii.gz`, `labelsTr/CASE.nii.gz` (2022), or all in `CASE/` (2025) |

In all of them a PET is in SUV, and every value above 0 of the lesions is a lesion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume, require_overlap, require_same_grid
from AnatomyGuidedLib.io import read_anatomy, read_ct, read_labelmap, read_pet, split_scheme
from AnatomyGuidedLib.tables import read_rows, read_table

from PathologySegLib.lesions_on_grid import mask_on
from PathologySegLib.petct.inputs import ONTO_PET, PetCt, on_one_grid
from PathologySegLib.petct.pair import require_one_study

COLUMNS = ("case", "patient", "ct", "pet", "lesions")
ANATOMY = "anatomy"

_PATIENT_COLUMNS = ("patient", "Subject ID")

_CT, _PET = "_0000.nii.gz", "_0001.nii.gz"


@dataclass(frozen=True, eq=False)
class Images:
    """A study as it was read: HU, SUV, lesions (0 and 1) on one of their grids, and DAP ids where they are known."""

    ct: Volume
    pet: Volume
    lesions: Labelmap
    anatomy: Labelmap | None = None


@dataclass(frozen=True)
class PetCtCase:
    """One study: whose it is, where its files lie, and facts for strata (diagnosis, sex, ...); nothing is read yet.

    With `force` the CT is taken without a look at whether it is one, as coarse made ones must be, or at its frame.
    """

    name: str
    patient: str
    ct: Path
    pet: Path
    lesions: Path
    anatomy: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    force: bool = False

    def files(self) -> tuple[Path, ...]:
        """All files of the case."""
        own = (self.ct, self.pet, self.lesions)
        return own if self.anatomy is None else (*own, split_scheme(self.anatomy)[0])

    def read(self, *, onto: str = ONTO_PET) -> tuple[PetCt, Labelmap]:
        """The study and its lesions (0 and 1) on the PET's grid, or the CT's; one between its voxels stays a lesion.

        Raises:
            AnatomyGuidedError: A file cannot be read, or is not what it should be; the message names the case.
        """
        found = self.images()
        try:
            study = on_one_grid(found.ct, found.pet, found.anatomy, onto=onto)
        except AnatomyGuidedError as error:
            raise AnatomyGuidedError(f"The case {self.name}: {error}") from error
        return study, mask_on(found.lesions, study.grid)

    def images(self) -> Images:
        """The images as they are, each on its own grid, after all checks.

        Raises:
            AnatomyGuidedError: A file cannot be read, or is not what it should be; the message names the case.
        """
        try:
            require_one_study(self.ct, self.pet, force=self.force)
            ct, pet = read_ct(self.ct, force=self.force), read_pet(self.pet)
            require_overlap(ct.grid, pet.grid)
            anatomy = None if self.anatomy is None else read_anatomy(self.anatomy)
            if anatomy is not None:
                require_overlap(anatomy.grid, pet.grid, names=("The anatomy", "the PET"))
            lesions = read_labelmap(self.lesions)
            _require_drawn_on(lesions.grid, pet.grid, ct.grid, self.lesions.name)
        except AnatomyGuidedError as error:
            raise AnatomyGuidedError(f"The case {self.name}: {error}") from error
        return Images(ct, pet, Labelmap((lesions.values > 0).astype(np.uint8), lesions.grid), anatomy)


def cases_of(source: str | Path, *, needs_patient: bool = True) -> tuple[PetCtCase, ...]:
    """The cases of a CSV table, or of a folder in one of the layouts, by name.

    Unless it `needs_patient`, each case of a table without that column is of a patient of its own.

    Raises:
        AnatomyGuidedError: There is none, a name comes twice, or a file is missing; the message names it.
    """
    source = Path(source)
    cases = _from_table(source, needs_patient) if source.is_file() else _from_folder(source)
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnatomyGuidedError(f"{source.name} names the case {twice[0]} twice; each needs a name of its own.")
    for case in cases:
        absent = [file.name for file in case.files() if not file.exists()]
        if absent:
            raise AnatomyGuidedError(f"The case {case.name} of {source.name} lacks {', '.join(absent)}; check paths.")
    return tuple(sorted(cases, key=lambda case: case.name))


def patients_note(source: Path) -> str:
    """A sentence where a table does not tell whose its cases are; "" where it does, or where a folder's names do.

    Raises:
        AnatomyGuidedError: The table cannot be read.
    """
    if not source.is_file() or "patient" in read_table(source)[0]:
        return ""
    return (
        f"{source.name} has no column patient: each case counts as a patient of its own, so two studies of one patient "
        "may be learned from and scored."
    )


def with_facts(cases: Sequence[PetCtCase], table: Path) -> tuple[PetCtCase, ...]:
    """The cases with what a table says of their patients, such as diagnosis and sex; AutoPET comes with one.

    The patient's column is `patient`, or `Subject ID` as in AutoPET's; of several rows of a patient the first counts.

    Raises:
        AnatomyGuidedError: The table has neither column, or lacks a patient.
    """
    header, rows = read_table(table)
    column = next((name for name in _PATIENT_COLUMNS if name in header), None)
    if column is None:
        raise AnatomyGuidedError(f"{table.name} must have a column {' or '.join(_PATIENT_COLUMNS)}, but has neither.")
    facts: dict[str, dict[str, str]] = {}
    for _, cells in rows:
        row = dict(zip(header, cells, strict=False))
        facts.setdefault(row.pop(column), row)
    lacking = sorted({case.patient for case in cases} - facts.keys())
    if lacking:
        raise AnatomyGuidedError(f"{table.name} says nothing of {len(lacking)} patients, such as {lacking[0]}.")
    return tuple(replace(case, facts={**case.facts, **facts[case.patient]}) for case in cases)


def _from_table(table: Path, needs_patient: bool) -> list[PetCtCase]:
    needed = COLUMNS if needs_patient else tuple(name for name in COLUMNS if name != "patient")
    rows = read_rows(table, needed, "case")
    for line, row in rows:
        empty = [name for name in COLUMNS if name in row and not row[name]]
        if empty:
            raise AnatomyGuidedError(f"{table.name}, line {line}: {empty[0]} is empty.")
    return [_row_case(row, table.parent) for _, row in rows]


def _row_case(row: Mapping[str, str], where: Path) -> PetCtCase:
    facts = {name: value for name, value in row.items() if name not in (*COLUMNS, ANATOMY)}
    anatomy = str(where / row[ANATOMY]) if row.get(ANATOMY) else None
    ct, pet, lesions = (where / row[name] for name in ("ct", "pet", "lesions"))
    return PetCtCase(row["case"], row.get("patient", row["case"]), ct, pet, lesions, anatomy, facts)


def _from_folder(folder: Path) -> list[PetCtCase]:
    if not folder.is_dir():
        raise AnatomyGuidedError(f"{folder.name} does not exist; give a CSV table or a folder of cases.")
    for layout in _LAYOUTS:
        found = list(layout(folder))
        if found:
            return found
    raise AnatomyGuidedError(
        f"{folder.name} holds no PET/CT case with lesions in a layout that is known: CASE/ct.nii.gz, pet.nii.gz and "
        "lesions.nii.gz; AutoPET (CTres, SUV, SEG); nnU-Net (imagesTr, labelsTr); HECKTOR (__CT, __PT)."
    )


def _folders(folder: Path) -> Iterator[PetCtCase]:
    for pet in sorted(folder.glob("*/pet.nii.gz")):
        own = pet.parent
        anatomy = str(own / "anatomy.nii.gz") if (own / "anatomy.nii.gz").is_file() else None
        yield PetCtCase(own.name, own.name, own / "ct.nii.gz", pet, own / "lesions.nii.gz", anatomy)


def _autopet(folder: Path) -> Iterator[PetCtCase]:
    for pet in sorted(folder.glob("**/SUV.nii.gz")):
        own = pet.parent
        patient = own.parent.name if own.parent != folder else own.name
        name = f"{patient}_{own.name}" if own.parent != folder else own.name
        yield PetCtCase(name, patient, own / "CTres.nii.gz", pet, own / "SEG.nii.gz")


def _nnunet(folder: Path) -> Iterator[PetCtCase]:
    for ct in sorted((folder / "imagesTr").glob(f"*{_CT}")):
        name = ct.name.removesuffix(_CT)
        yield PetCtCase(
            name, _patient_of(name), ct, ct.with_name(f"{name}{_PET}"), folder / "labelsTr" / f"{name}.nii.gz"
        )


def _hecktor(folder: Path) -> Iterator[PetCtCase]:
    for ct in sorted(folder.glob("*/*__CT.nii.gz")):
        name = ct.name.removesuffix("__CT.nii.gz")
        labels = folder / "labelsTr" if ct.parent.name == "imagesTr" else ct.parent
        yield PetCtCase(name, name, ct, ct.with_name(f"{name}__PT.nii.gz"), labels / f"{name}.nii.gz")


def _patient_of(name: str) -> str:
    """AutoPET III calls its cases TRACER_PATIENT_DATE-...; other names are one patient each.

    >>> _patient_of("psma_95b833d65be26d9f_2018-04-15"), _patient_of("case_0001")
    ('psma_95b833d65be26d9f', 'case_0001')
    """
    words = name.split("_")
    return "_".join(words[:2]) if words[0] in ("fdg", "psma") and len(words) > 2 else name


def _require_drawn_on(lesions: Grid, pet: Grid, ct: Grid, name: str) -> None:
    """Nothing, if the lesions were drawn on the PET or on the CT."""
    try:
        require_same_grid(lesions, pet)
    except GridMismatch:
        require_same_grid(lesions, ct, names=(name, "the PET or the CT"))


_LAYOUTS: Sequence[Callable[[Path], Iterator[PetCtCase]]] = (_folders, _autopet, _nnunet, _hecktor)
