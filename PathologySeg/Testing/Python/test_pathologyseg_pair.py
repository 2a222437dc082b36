"""A CT and a PET as DICOM through the command: what belongs together is read, all else refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.dicom_identity import read_identity
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.io import read_labelmap, read_pet, write_labelmap
from PathologySegLib.data_sets import cases_of
from testing_data import ct_values, dicom_slices, pet_tags, save_dicom

SHAPE = (16, 14, 12)
SPACING = (4.0, 4.0, 5.0)
WHOLE = {"PatientID": "P1", "FrameOfReferenceUID": "1.2.3"}
HOT_BQ = 9.0 * 350e6 * 2**-0.6 / 70_000


def ct_folder(tmp_path, **tags):
    stored = (ct_values(SHAPE) + 1024).astype(np.int16)
    return save_dicom(tmp_path / "ct", dicom_slices(stored, spacing_mm=SPACING, **{**WHOLE, **tags}))


def pet_folder(tmp_path, **tags):
    stored = np.full(SHAPE, 300, np.uint16)
    stored[6:9, 5:8, 4:7] = 20000
    slopes = [HOT_BQ / 20000] * SHAPE[2]
    given = {**WHOLE, **tags}
    return save_dicom(tmp_path / "pet", dicom_slices(stored, slopes=slopes, spacing_mm=SPACING, **pet_tags(**given)))


def call(run_command, tmp_path, ct, pet, *more):
    return run_command("lesions", ct, pet, "-o", tmp_path / "out" / "l.nii.gz", *more)


def test_a_study_of_one_patient_is_read_in_suv(run_command, tmp_path):
    code, out, err = call(run_command, tmp_path, ct_folder(tmp_path), pet_folder(tmp_path))
    assert code == 0, err
    assert "9.00" in out
    assert int(read_labelmap(tmp_path / "out" / "l.nii.gz").values.sum()) == 27


@pytest.mark.parametrize(
    ("ct", "pet", "words"),
    [
        ({"PatientID": "P2"}, {}, "of different patients (PatientID)"),
        ({"FrameOfReferenceUID": "1.2.4"}, {}, "different frames of reference"),
        ({"first_lps": (4000.0, 0.0, 0.0)}, {}, "do not overlap in space"),
        ({}, {"SeriesType": ["GATED", "IMAGE"]}, "The PET is gated"),
        ({}, {"SeriesType": ["DYNAMIC", "IMAGE"]}, "The PET is dynamic"),
        ({}, {"PatientWeight": None}, "has no PatientWeight"),
        ({}, {"RadionuclideTotalDose": None}, "has no RadionuclideTotalDose"),
        ({}, {"RadionuclideTotalDose": 350.0}, "is 350 Bq, but"),
        ({}, {"RadionuclideHalfLife": None}, "has no RadionuclideHalfLife"),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused_in_one_sentence(run_command, tmp_path, ct, pet, words):
    code, out, err = call(run_command, tmp_path, ct_folder(tmp_path, **ct), pet_folder(tmp_path, **pet))
    assert (code, out) == (1, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    for secret in ("P1", "P2", "Secret"):
        assert secret not in err


def test_images_in_two_frames_that_are_aligned_are_used_with_force(run_command, tmp_path):
    ct = ct_folder(tmp_path, FrameOfReferenceUID="1.2.4")
    assert call(run_command, tmp_path, ct, pet_folder(tmp_path), "--force")[0] == 0


def test_other_patients_are_refused_with_force_too(run_command, tmp_path):
    code, _, err = call(run_command, tmp_path, ct_folder(tmp_path, PatientID="P2"), pet_folder(tmp_path), "--force")
    assert code == 1
    assert "different patients" in err


@pytest.mark.parametrize("removed", ["", None])
def test_an_identifier_that_was_removed_says_nothing(run_command, tmp_path, removed):
    ct = ct_folder(tmp_path, PatientID=removed, FrameOfReferenceUID=removed)
    assert call(run_command, tmp_path, ct, pet_folder(tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("ct", "words"),
    [({"PatientID": "P2"}, "of different patients"), ({"FrameOfReferenceUID": "1.2.4"}, "different frames")],
)
def test_a_table_that_pairs_images_of_two_studies_is_refused_with_the_cases_name(tmp_path, ct, words):
    ct_folder(tmp_path, **ct)
    pet = read_pet(pet_folder(tmp_path))
    write_labelmap(Labelmap((pet.values > 5).astype(np.uint8), pet.grid), tmp_path / "lesions.nii.gz")
    (tmp_path / "cases.csv").write_text("case,patient,ct,pet,lesions\nmixed,P1,ct,pet,lesions.nii.gz\n")
    (case,) = cases_of(tmp_path / "cases.csv")
    with pytest.raises(AnatomyGuidedError, match=rf"The case mixed: The CT and the PET .*{words}"):
        case.read()
    ct_folder(tmp_path)
    assert case.read()[1].values.sum() == 27


def test_an_identity_is_a_digest_and_none_for_what_is_no_dicom_image(tmp_path):
    identity = read_identity(ct_folder(tmp_path))
    assert "P1" not in identity.patient
    assert len(identity.patient) == 64
    assert identity == read_identity(tmp_path / "ct" / "slice_003.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    assert read_identity(tmp_path / "notes.txt") is None
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(b"\0" * 128 + b"DICM" + b"\x08\x00")
    assert read_identity(damaged) is None
