"""Cases in every published layout, and every way in which a table or a folder can be wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from made_images import grid
from PathologySegLib.data_sets import PetCtCase, cases_of, with_facts
from PathologySegLib.splits import random_splits, stratified_folds
from testing_data import ct_values

CT_GRID = grid((16, 14, 12), (4.0, 4.0, 5.0))
PET_GRID = grid((8, 7, 6), (8.0, 8.0, 10.0))


def put(ct: Path, pet: Path, lesions: Path, on=PET_GRID, lesions_on=None) -> None:
    for file in (ct, pet, lesions):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_volume(Volume(ct_values(CT_GRID.shape).astype(np.float32), CT_GRID, "HU"), ct)
    suv = np.full(on.shape, 0.9, np.float32)
    suv[3, 3, 3] = 8.0
    write_volume(Volume(suv, on, "SUV"), pet)
    where = lesions_on or on
    drawn = np.zeros(where.shape, np.uint8)
    drawn[3, 3, 3], drawn[2, 2, 2] = 2, 1
    write_labelmap(Labelmap(drawn, where), lesions)


def phantom_like(root: Path) -> None:
    for name in ("case_0000", "case_0001"):
        put(*(root / name / f"{kind}.nii.gz" for kind in ("ct", "pet", "lesions")))
    anatomy = Labelmap(np.full(CT_GRID.shape, id_of("Liver"), np.uint8), CT_GRID)
    write_labelmap(anatomy, root / "case_0001" / "anatomy.nii.gz")


def autopet(root: Path) -> None:
    for study in ("PETCT_01/11-2002-A", "PETCT_01/12-2003-B", "PETCT_02/01-2001-C"):
        put(*(root / "FDG-PET-CT-Lesions" / study / f"{kind}.nii.gz" for kind in ("CTres", "SUV", "SEG")))


def nnunet(root: Path) -> None:
    for name in ("fdg_ab12_2001-01-01-NA", "psma_ab13_2002-02-02"):
        images = root / "imagesTr"
        put(images / f"{name}_0000.nii.gz", images / f"{name}_0001.nii.gz", root / "labelsTr" / f"{name}.nii.gz")


def hecktor_2022(root: Path) -> None:
    for name in ("CHUM-001", "MDA-002"):
        images = root / "imagesTr"
        put(images / f"{name}__CT.nii.gz", images / f"{name}__PT.nii.gz", root / "labelsTr" / f"{name}.nii.gz",
            lesions_on=CT_GRID)  # fmt: skip


def hecktor_2025(root: Path) -> None:
    own = root / "CHUP-009"
    put(own / "CHUP-009__CT.nii.gz", own / "CHUP-009__PT.nii.gz", own / "CHUP-009.nii.gz", lesions_on=CT_GRID)


@pytest.mark.parametrize(
    ("layout", "names", "patients"),
    [
        (phantom_like, ["case_0000", "case_0001"], ["case_0000", "case_0001"]),
        (
            autopet,
            ["PETCT_01_11-2002-A", "PETCT_01_12-2003-B", "PETCT_02_01-2001-C"],
            ["PETCT_01", "PETCT_01", "PETCT_02"],
        ),
        (nnunet, ["fdg_ab12_2001-01-01-NA", "psma_ab13_2002-02-02"], ["fdg_ab12", "psma_ab13"]),
        (hecktor_2022, ["CHUM-001", "MDA-002"], ["CHUM-001", "MDA-002"]),
        (hecktor_2025, ["CHUP-009"], ["CHUP-009"]),
    ],
)
@pytest.mark.parametrize("onto", ["pet", "ct"])
def test_every_layout_gives_its_cases_by_name_with_their_lesions_as_one(tmp_path, layout, names, patients, onto):
    layout(tmp_path)
    cases = cases_of(tmp_path)
    assert [case.name for case in cases] == names
    assert [case.patient for case in cases] == patients
    study, lesions = cases[-1].read(onto=onto)
    assert study.grid == lesions.grid == (PET_GRID if onto == "pet" else CT_GRID)
    assert study.ct.unit == "HU"
    assert lesions.values.max() == 1
    assert (study.anatomy is not None) == (layout is phantom_like)
    if onto == "pet":
        assert study.pet.values[3, 3, 3] == 8.0


def test_a_lesion_of_the_ct_that_is_smaller_than_the_pets_voxels_stays_one(tmp_path):
    """Single voxels of the CT, in every place between the PET's, whose voxels have twice the sides."""
    hecktor_2025(tmp_path)
    for place in np.ndindex(2, 2, 2):
        drawn = np.zeros(CT_GRID.shape, np.uint8)
        drawn[tuple(np.array(place) + 6)] = 1
        write_labelmap(Labelmap(drawn, CT_GRID), tmp_path / "CHUP-009" / "CHUP-009.nii.gz")
        _, lesions = cases_of(tmp_path)[0].read()
        assert lesions.values.sum() == 1


def test_a_table_names_files_patients_anatomy_and_facts(tmp_path):
    phantom_like(tmp_path / "in")
    (tmp_path / "in" / "cases.csv").write_text(
        "case,patient,ct,pet,lesions,anatomy,diagnosis\n"
        "b,P1,case_0001/ct.nii.gz,case_0001/pet.nii.gz,case_0001/lesions.nii.gz,case_0001/anatomy.nii.gz@dap,LUNG\n"
        "a,P1,case_0000/ct.nii.gz,case_0000/pet.nii.gz,case_0000/lesions.nii.gz,,MELANOMA\n"
    )
    first, second = cases_of(str(tmp_path / "in" / "cases.csv"))
    assert (first.name, first.patient, first.anatomy, first.facts) == ("a", "P1", None, {"diagnosis": "MELANOMA"})
    assert second.read()[0].anatomy.values[0, 0, 0] == id_of("Liver")
    assert len(second.files()) == 4


def test_facts_of_patients_come_from_a_table_of_their_own(tmp_path):
    autopet(tmp_path / "set")
    table = tmp_path / "clinical.csv"
    table.write_text(
        "Series UID,Subject ID,diagnosis,sex\n1,PETCT_01,LUNG_CANCER,F\n2,PETCT_01,X,F\n3,PETCT_02,NEGATIVE,M\n"
    )
    cases = with_facts(cases_of(tmp_path / "set"), table)
    assert [case.facts["diagnosis"] for case in cases] == ["LUNG_CANCER", "LUNG_CANCER", "NEGATIVE"]
    assert [case.facts["sex"] for case in cases] == ["F", "F", "M"]
    table.write_text("Subject ID,sex\nPETCT_01,F\n")
    with pytest.raises(AnatomyGuidedError, match="says nothing of 1 patients, such as PETCT_02"):
        with_facts(cases, table)
    table.write_text("name,sex\nPETCT_01,F\n")
    with pytest.raises(AnatomyGuidedError, match="must have a column patient or Subject ID"):
        with_facts(cases, table)


HEADER = "case,patient,ct,pet,lesions\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case,ct,pet,lesions\na,1,2,3\n", "must have the columns case, patient, ct, pet, lesions, but lacks patient"),
        (HEADER, "names no case"),
        (HEADER + "a,P,ct.nii.gz\n", "line 2: the header has 5 columns, but this line 3"),
        (HEADER + "a,,c.nii.gz,p.nii.gz,l.nii.gz\n", "line 2: patient is empty"),
        (HEADER + "a,P,c.nii.gz,p.nii.gz,l.nii.gz\n", "The case a of t.csv lacks c.nii.gz, p.nii.gz, l.nii.gz"),
        (HEADER + "a,P,c,p,l\na,Q,c,p,l\n", "names the case a twice"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(AnatomyGuidedError) as refused:
        cases_of(tmp_path / "t.csv")
    assert words in str(refused.value)


def test_a_table_without_patients_is_read_where_each_case_may_be_one_of_its_own(tmp_path):
    phantom_like(tmp_path)
    files = [",".join(f"case_000{number}/{kind}.nii.gz" for kind in ("ct", "pet", "lesions")) for number in (0, 1)]
    (tmp_path / "t.csv").write_text(f"case,ct,pet,lesions\nb,{files[1]}\na,{files[0]}\n")
    assert [(case.name, case.patient) for case in cases_of(tmp_path / "t.csv", needs_patient=False)] == [
        ("a", "a"),
        ("b", "b"),
    ]


def test_a_folder_without_cases_and_one_that_lacks_a_file_are_refused(tmp_path):
    with pytest.raises(AnatomyGuidedError, match="does not exist"):
        cases_of(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnatomyGuidedError, match="holds no PET/CT case"):
        cases_of(tmp_path / "empty")
    nnunet(tmp_path / "set")
    (tmp_path / "set" / "labelsTr" / "psma_ab13_2002-02-02.nii.gz").unlink()
    with pytest.raises(AnatomyGuidedError, match=r"psma_ab13_2002-02-02 of set lacks psma_ab13_2002-02-02\.nii\.gz"):
        cases_of(tmp_path / "set")


def test_a_case_whose_files_do_not_fit_is_refused_by_its_name(tmp_path):
    phantom_like(tmp_path)
    odd = Labelmap(np.ones((3, 3, 3), np.uint8), grid((3, 3, 3)))
    write_labelmap(odd, tmp_path / "case_0001" / "lesions.nii.gz")
    with pytest.raises(AnatomyGuidedError, match=r"The case case_0001: lesions\.nii\.gz and the PET or the CT"):
        cases_of(tmp_path)[1].read()
    pet = tmp_path / "case_0000" / "pet.nii.gz"
    write_volume(Volume(ct_values(CT_GRID.shape).astype(np.float32), CT_GRID, "HU"), pet)
    with pytest.raises(AnatomyGuidedError, match=r"The case case_0000: pet\.nii\.gz was taken for no PET"):
        cases_of(tmp_path)[0].read()


def made_cases(count: int) -> list[PetCtCase]:
    """Two studies a patient; 2 of 5 patients have lymphoma, every other is a woman."""
    nothing = Path("x")
    return [
        PetCtCase(
            f"{patient:03d}{study}", f"P{patient:03d}", nothing, nothing, nothing, None,
            {"diagnosis": "LYMPHOMA" if patient % 5 < 2 else "LUNG", "sex": "FM"[patient % 2]},
        )
        for patient in range(count) for study in "ab"
    ]  # fmt: skip


def test_random_splits_are_70_to_30_by_patient_and_differ():
    splits = list(random_splits(made_cases(20), rng=np.random.default_rng(0)))
    assert len(splits) == 5
    for learned, tested in splits:
        assert (len(learned), len(tested)) == (28, 12)
        assert not {case.patient for case in learned} & {case.patient for case in tested}
    assert len({tuple(case.name for case in learned) for learned, _ in splits}) == 5
    again = list(random_splits(made_cases(20), rng=np.random.default_rng(0)))
    assert again == splits


def test_folds_test_every_case_once_and_spread_diagnosis_and_sex():
    cases = made_cases(50)
    folds = list(stratified_folds(cases, rng=np.random.default_rng(1), strata=("diagnosis", "sex")))
    assert sorted(case.name for _, tested in folds for case in tested) == [case.name for case in cases]
    for learned, tested in folds:
        assert not {case.patient for case in learned} & {case.patient for case in tested}
        counts = Counter((case.facts["diagnosis"], case.facts["sex"]) for case in tested)
        # 10 + 10 + 15 + 15 patients in 5 folds, two studies each
        assert sorted(counts.values()) == [4, 4, 6, 6]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda rng: list(random_splits(made_cases(1), rng=rng)), "1 patients cannot be split 70% to 30%"),
        (lambda rng: list(stratified_folds(made_cases(4), rng=rng)), "4 patients cannot make 5 folds"),
        (lambda rng: list(stratified_folds(made_cases(9), rng=rng, strata=["stage"])), "has no stage to spread"),
    ],
)
def test_splits_that_cannot_be_are_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call(np.random.default_rng(0))
