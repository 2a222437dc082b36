"""CT and PET that are hardly one study in SUV are asked about, and those of real patients are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_ct, read_pet, write_volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.patient import Patient, PatientOptions, make_patient
from made_images import FLIPS, grid
from PathologySegLib.doubtful_study import doubtful_overlap, doubtful_suv


@pytest.fixture(scope="module")
def patient() -> Patient:
    return make_patient(PatientOptions(spacing_mm=6.0, seed=7))


def times(pet: Volume, factor: float) -> Volume:
    return Volume(pet.values * np.float32(factor), pet.grid, "SUV")


def slab(flips: tuple[int, int, int], length: int) -> Grid:
    """20 x 20 voxels of 10 mm and a length that begins at the same place whatever the flips."""
    return grid((20, 20, length), (10.0, 10.0, 10.0), flips=flips)


def test_real_and_made_patients_are_not_asked_about(realdata: Path, patient: Patient) -> None:
    for case in ("STS_001", "STS_004"):
        ct, pet = read_ct(realdata / f"{case}_CT_image.nii.gz"), read_pet(realdata / f"{case}_PET_image.nii.gz")
        assert doubtful_overlap(ct, pet) == doubtful_suv(ct, pet) == ""
    assert doubtful_overlap(patient.ct, patient.pet) == doubtful_suv(patient.ct, patient.pet, patient.anatomy) == ""


@pytest.mark.parametrize("factor", [5.0, 0.05])
def test_a_whole_body_in_another_unit_is_asked_about(patient: Patient, factor: float) -> None:
    """Activity in kBq/ml of a usual dose and weight is SUV times about 5."""
    found = doubtful_suv(patient.ct, times(patient.pet, factor))
    assert "within the body is" in found
    assert "is this SUV?" in found


def test_the_median_is_that_of_the_body_that_the_ct_shows() -> None:
    """Body: the 10 x 20 x 30 voxels of 1 ml above -300 HU, 9 of 10 of SUV 4, the rest and the air of 0.1."""
    where = grid((20, 20, 60), (10.0, 10.0, 10.0), rotation_degrees=(5, -10, 15))
    hu, suv = np.full(where.shape, -1000.0, np.float32), np.full(where.shape, 0.1, np.float32)
    hu[:10], suv[:9] = 40.0, 4.0
    found = doubtful_suv(Volume(hu, where, "HU"), Volume(suv, where, "SUV"))
    assert found.startswith("The PET's median within the body is 4, but in SUVbw 0.1 to 3 was expected")


def test_a_small_image_of_a_hot_organ_is_not_asked_about() -> None:
    """A head: 9.6 litres at SUV 8."""
    where = grid((20, 20, 24), (10.0, 10.0, 10.0))
    full = np.ones(where.shape, np.float32)
    assert doubtful_suv(Volume(40 * full, where, "HU"), Volume(8 * full, where, "SUV")) == ""


def test_a_liver_at_a_level_that_no_liver_has_is_asked_about() -> None:
    """Of 16 litres at SUV 1, 400 ml are a liver of SUV 16."""
    where = grid((20, 20, 40), (10.0, 10.0, 10.0))
    full = np.ones(where.shape, np.float32)
    suv, ids = full.copy(), np.zeros(where.shape, np.uint8)
    suv[:, :, 7], ids[:, :, 7] = 16.0, id_of("Liver")
    found = doubtful_suv(Volume(40 * full, where, "HU"), Volume(suv, where, "SUV"), Labelmap(ids, where))
    assert found.startswith("The PET's median within the liver is 16, but in SUVbw 0.3 to 15 was expected")


@pytest.mark.parametrize("flips", FLIPS[::3])
def test_the_share_is_that_of_the_pets_tissue_within_the_ct(flips: tuple[int, int, int]) -> None:
    """The CT has 12 of the PET's 40 slices; air beside the tissue does not count."""
    pet_grid = slab(flips, 40)
    suv = np.zeros(pet_grid.shape, np.float32)
    suv[5:15, 5:15] = 1.0
    ct = Volume(np.zeros((10, 10, 12), np.float32), _part(pet_grid, (5, 5, 28)), "HU")
    assert doubtful_overlap(ct, Volume(suv, pet_grid, "SUV")).startswith("The CT covers 30 % of the PET ")
    narrow = Volume(np.zeros((10, 10, 40), np.float32), _part(pet_grid, (5, 5, 0)), "HU")
    assert doubtful_overlap(narrow, Volume(suv, pet_grid, "SUV")) == ""
    assert doubtful_overlap(ct, Volume(suv * 0, pet_grid, "SUV")) == ""


@pytest.mark.parametrize(
    ("factor", "moved_mm", "told"), [(1, 0, []), (5, 0, ["is this SUV?"]), (1, 600, ["The CT covers "])]
)
def test_the_command_says_either(
    patient: Patient, run_command, tmp_path: Path, factor: float, moved_mm: float, told: list[str]
) -> None:
    affine = patient.pet.grid.affine.copy()
    affine[2, 3] += moved_mm
    pet = Volume(times(patient.pet, factor).values, Grid(patient.pet.grid.shape, affine), "SUV")
    write_volume(patient.ct, tmp_path / "ct.nii.gz")
    write_volume(pet, tmp_path / "pet.nii.gz")
    images = [tmp_path / "ct.nii.gz", tmp_path / "pet.nii.gz"]
    code, _, said = run_command("lesions", *images, "--threshold", "40", "-o", tmp_path / "l.nii.gz")
    assert code == 0, said
    assert [words for words in ("is this SUV?", "The CT covers ") if words in said] == told


def _part(whole: Grid, first: tuple[int, int, int]) -> Grid:
    affine = whole.affine.copy()
    affine[:3, 3] = whole.ras_from_ijk(first)
    return Grid(tuple(n - f if f in (28, 0) else 10 for n, f in zip(whole.shape, first, strict=True)), affine)
