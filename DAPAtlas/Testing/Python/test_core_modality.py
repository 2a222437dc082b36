"""CT and SUV are told by their histograms, with the reason for a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_ct, read_image, read_pet
from AnatomyGuidedLib.modality import require_ct, require_suv
from AnatomyGuidedLib.phantom import Patient, PatientOptions, make_patient
from testing_data import ct_values, refusal


@pytest.fixture(scope="module")
def patient() -> Patient:
    return make_patient(PatientOptions(spacing_mm=8.0))


def mr_values(seed: int = 0) -> np.ndarray:
    """An MR's magnitudes: noise near 0 outside, tissues at 200 to 900 inside."""
    rng = np.random.default_rng(seed)
    values = np.abs(rng.normal(0, 8, (16, 14, 12)))
    values[3:13, 3:11, :] = rng.uniform(200, 900, (10, 8, 12))
    return values.astype(np.float32)


def of_kind(patient: Patient, kind: str) -> np.ndarray:
    hu, suv = patient.ct.values, patient.pet.values
    return {
        "MR": mr_values(),
        "MR, scaled to 0 mean": (mr_values() - 300) / 200,
        "PET": suv,
        "label map": patient.anatomy.values.astype(np.float32),
        "HU stored +1024": hu + 1024,
        "HU in thousandths": hu / 1000,
        "noise in air": np.random.default_rng(0).normal(-1000, 10, (9, 9, 9)),
        "bone alone": np.clip(hu, 300, 1500),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("MR", "no air near -1000 HU and no fat near -100 HU"),
        ("MR, scaled to 0 mean", "no air near -1000 HU and no fat near -100 HU"),
        ("PET", "no air near -1000 HU and no fat near -100 HU"),
        ("label map", "no air near -1000 HU and no fat near -100 HU"),
        ("HU stored +1024", "HU stored with 1024 added, subtract that first"),
        ("HU in thousandths", "no air near -1000 HU and no fat near -100 HU"),
        ("noise in air", "no soft-tissue peak between 0 and 100 HU"),
        ("bone alone", "no soft-tissue peak between 0 and 100 HU and no air"),
    ],
)
def test_what_is_no_ct_is_refused_with_the_reason(patient: Patient, kind: str, reason: str) -> None:
    message = refusal(lambda: require_ct(of_kind(patient, kind), "a.nii.gz"))
    assert message.startswith("a.nii.gz was taken for no CT")
    assert reason in message


def test_only_hu_stored_with_an_offset_get_the_hint_to_subtract_it(patient: Patient) -> None:
    for kind in ("MR", "PET", "label map", "bone alone"):
        assert "subtract" not in refusal(lambda kind=kind: require_ct(of_kind(patient, kind), "a.nii.gz"))


@pytest.mark.parametrize(
    "values",
    [
        ct_values(),
        np.clip(ct_values(), -160, 240),
        np.clip(ct_values(), -1000, 200),
        ct_values()[3:13, 3:11],
        ct_values()[5:13, 3:14],
    ],
    ids=["whole", "clipped to an abdominal window", "without bone", "only the body", "without fat"],
)
def test_a_ct_in_part_or_in_a_window_is_a_ct(values: np.ndarray) -> None:
    require_ct(values, "a.nii.gz")
    require_ct(values.astype(np.float32), "a.nii.gz")


def test_a_ct_of_lungs_is_a_ct_as_long_as_vessels_or_walls_show() -> None:
    lungs = np.full((20, 20, 20), -850, np.float32)
    lungs[0:2, 0:2] = 40
    require_ct(lungs, "a.nii.gz")


def test_the_phantoms_ct_and_pet_are_taken_for_what_they_are(patient: Patient) -> None:
    require_ct(patient.ct.values, "ct.nii.gz")
    require_suv(patient.pet.values, "pet.nii.gz")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("CT", "it goes down to -"),
        ("activity", "activity in Bq/ml?"),
        ("0..1", "scaled to 0..1?"),
        ("HU stored +1024", "activity in Bq/ml?"),
    ],
)
def test_what_is_no_suv_is_refused_with_the_reason(patient: Patient, kind: str, words: str) -> None:
    suv = patient.pet.values
    values = {
        "CT": patient.ct.values,
        "activity": suv * 5000,
        "0..1": suv / suv.max(),
        "HU stored +1024": patient.ct.values + 1024,
    }[kind]
    assert words in refusal(lambda: require_suv(values, "a.nii.gz"))


@pytest.mark.parametrize("kind", ["lesions", "one label", "anatomy in few labels"])
def test_a_label_map_is_no_pet(patient: Patient, kind: str) -> None:
    labels = {
        "lesions": patient.lesions.values,
        "one label": patient.lesions.values > 0,
        "anatomy in few labels": patient.anatomy.values % 37,
    }[kind]
    assert "(a label map?)" in refusal(lambda: require_suv(labels.astype(np.float32), "a.nii.gz"))


@pytest.mark.parametrize("stored", ["whole SUV", "tenths of SUV, unscaled", "with a scale"])
def test_a_pet_that_was_stored_in_whole_numbers_is_a_pet(patient: Patient, stored: str) -> None:
    """Rounded values are poor, but a PET's; a scale in the header makes them fractions before they come here."""
    suv = patient.pet.values
    values = {
        "whole SUV": np.rint(suv),
        "tenths of SUV, unscaled": np.rint(suv * 10),
        "with a scale": np.rint(suv / 0.0137) * np.float32(0.0137),
    }[stored]
    require_suv(values, "a.nii.gz")


@pytest.mark.parametrize("highest", [1.5, 8.0, 80.0, 400.0])
def test_hot_and_cold_pets_are_suv(highest: float) -> None:
    values = np.random.default_rng(0).gamma(1.0, 0.5, (20, 20, 20))
    values[10, 10, 10] = highest
    values[0, 0, 0] = -0.4  # filtered reconstructions have a little negative noise
    require_suv(values, "a.nii.gz")


def test_real_images_are_told_apart(realdata: Path) -> None:
    for name in ("ct_abdomen_3mm", "STS_001_CT_image", "STS_004_CT_image"):
        assert read_ct(realdata / f"{name}.nii.gz").unit == "HU"
    for name in ("STS_001_PET_image", "STS_004_PET_image"):
        assert read_pet(realdata / f"{name}.nii.gz").unit == "SUV"
        require_suv(np.rint(read_image(realdata / f"{name}.nii.gz").values), name)
    for name in ("STS_001_PET_mask", "STS_004_CT_mask", "ct_abdomen_3mm_totalsegmentator"):
        refusal(lambda name=name: read_pet(realdata / f"{name}.nii.gz"))
    for name in ("mr_abdomen_negative", "STS_001_PET_image", "ct_abdomen_3mm_totalsegmentator"):
        message = refusal(lambda name=name: read_ct(realdata / f"{name}.nii.gz"))
        assert "taken for no CT" in message
        assert "subtract" not in message
    assert read_ct(realdata / "mr_abdomen_negative.nii.gz", force=True).unit == "HU"
    for name in ("ct_abdomen_3mm", "mr_abdomen_negative"):
        assert "no PET in SUVbw" in refusal(lambda name=name: read_pet(realdata / f"{name}.nii.gz"))


def test_a_real_ct_stored_with_an_offset_is_found_out(realdata: Path) -> None:
    hu = read_image(realdata / "ct_abdomen_3mm.nii.gz").values
    assert "subtract" in refusal(lambda: require_ct(hu + 1024, "a.nii.gz"))


@pytest.mark.parametrize("offset_hu", [-150, -60, 60, 300, 500])
@pytest.mark.parametrize("name", ["ct_abdomen_3mm.nii.gz", "ct_liver_5mm.nii.gz", "STS_001_CT_image.nii.gz"])
def test_a_real_ct_whose_hu_are_shifted_is_refused_and_as_it_is_taken(realdata, name, offset_hu):
    values = read_image(realdata / name).values
    require_ct(values, name)
    with pytest.raises(AnatomyGuidedError, match="was taken for no CT"):
        require_ct(values + offset_hu, name)
