"""The simple made patient: the same seed is the same patient, organs lie on the right sides, lesions are hot."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import id_of, labels
from AnatomyGuidedLib.phantom import PatientOptions, make_patient


@pytest.fixture(scope="module")
def patients():
    return {sex: make_patient(PatientOptions(spacing_mm=5.0, sex=sex, seed=3)) for sex in "FM"}


def test_the_same_seed_gives_the_same_voxels_and_another_seed_others():
    first, again, other = (make_patient(PatientOptions(spacing_mm=8.0, seed=seed)) for seed in (1, 1, 2))
    for name in ("ct", "pet", "anatomy", "lesions"):
        assert np.array_equal(getattr(first, name).values, getattr(again, name).values)
    assert not np.array_equal(first.pet.values, other.pet.values)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_left_structures_lie_on_the_patients_left_and_right_ones_on_the_right(patients, sex):
    anatomy = patients[sex].anatomy
    for label in labels():
        if label.side and label.partner:
            voxels = np.argwhere(anatomy.values == label.id)
            if len(voxels):
                r_mm = anatomy.grid.ras_from_ijk(voxels)[:, 0].mean()
                assert (r_mm > 0) == (label.side == "right"), label.name


def test_each_sex_has_its_organs_and_not_the_others(patients):
    for sex, patient in patients.items():
        present = {*np.unique(patient.anatomy.values).tolist()}
        for label in labels():
            if label.sex:
                assert (label.id in present) == (label.sex == sex), label.name


def test_ribs_are_counted_from_below_and_vertebrae_follow_each_other_upwards(patients):
    anatomy = patients["F"].anatomy

    def height(name):
        return anatomy.grid.ras_from_ijk(np.argwhere(anatomy.values == id_of(name)))[:, 2].mean()

    ribs = [height(f"Costa {number} Left") for number in range(1, 13)]
    spine = [height(f"Vertebra {name}") for name in ("L5", "L1", "T12", "T6", "T1", "C7", "C3")]
    assert ribs == sorted(ribs)
    assert spine == sorted(spine)


def test_most_lesions_are_hotter_than_the_liver_and_all_are_counted_as_asked(patients):
    patient = patients["F"]
    liver = patient.pet.values[(patient.anatomy.values == id_of("Liver")) & (patient.lesions.values == 0)]
    assert patient.description["lesions"] == 4
    peaks = [patient.pet.values[patient.lesions.values == number].max() for number in range(1, 5)]
    assert sum(peak > 2 * np.median(liver) for peak in peaks) >= 3
    assert not make_patient(PatientOptions(spacing_mm=8.0, lesions=0)).lesions.values.any()


@pytest.mark.parametrize("wrong", [{"spacing_mm": 0.5}, {"spacing_mm": 50.0}, {"sex": "X"}, {"lesions": -1}])
def test_impossible_patients_are_refused(wrong):
    with pytest.raises(AnatomyGuidedError):
        make_patient(PatientOptions(**wrong))
