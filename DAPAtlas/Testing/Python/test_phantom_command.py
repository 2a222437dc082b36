"""`anatomyguided phantom`: what lies in the folder, many cases, and calls that are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from AnatomyGuidedLib.io import read_ct, read_labelmap, read_pet


def test_a_patient_with_everything_lies_in_one_folder(run_command, tmp_path):
    words = ("--spacing", 8, "--sex", "M", "--seed", 3, "--pattern", "lymphoma", "--dicom", "--xray")
    code, out, _ = run_command("phantom", tmp_path / "p", *words, "--fault", "left-right-swap")
    assert (code, out) == (0, "")
    case = json.loads((tmp_path / "p" / "case.json").read_text())
    assert case["sex"] == "M"
    assert case["pattern"] == "lymphoma"
    lesions = read_labelmap(tmp_path / "p" / "lesions.nii.gz")
    assert case["lesions"] == lesions.values.max() == len(case["lesion_list"]) >= 1
    true, faulty = (read_labelmap(tmp_path / "p" / name).values for name in ("anatomy.nii.gz", "anatomy_fault.nii.gz"))
    told = json.loads((tmp_path / "p" / "fault.json").read_text())
    assert told["changed_voxels"] == (true != faulty).sum() > 0
    assert (tmp_path / "p" / "xray" / "image.png").read_bytes().startswith(b"\x89PNG")
    for name, read, tolerance in (("ct", read_ct, 0.0), ("pet", read_pet, 0.01)):
        nifti, dicom = read(tmp_path / "p" / f"{name}.nii.gz"), read(tmp_path / "p" / "dicom" / name)
        assert np.allclose(nifti.grid.affine, dicom.grid.affine, atol=1e-3)
        assert np.abs(nifti.values - dicom.values).max() <= tolerance


def test_a_second_patient_in_the_same_folder_leaves_no_slices_of_the_first(run_command, tmp_path):
    for words in (("--seed", 1), ("--seed", 2, "--sex", "M")):
        assert run_command("phantom", tmp_path / "p", "--spacing", 10, "--dicom", *words)[0] == 0
    slices = read_ct(tmp_path / "p" / "ct.nii.gz").grid.shape[2]
    assert len(list((tmp_path / "p" / "dicom" / "ct").glob("*.dcm"))) == slices


def test_many_cases_are_a_folder_each_with_seed_after_seed_and_both_sexes(run_command, tmp_path):
    code, _, err = run_command(
        "phantom", tmp_path / "c", "--cases", 4, "--spacing", 10, "--variants", "--xray", "--json", tmp_path / "r.json"
    )
    told = json.loads((tmp_path / "r.json").read_text())
    assert code == 0
    assert [(case["case"], case["seed"], case["sex"]) for case in told["cases"]] == [
        (f"case_{n:04d}", n, "FM"[n % 2]) for n in range(4)
    ]
    for case in told["cases"]:
        folder = tmp_path / "c" / case["case"]
        assert json.loads((folder / "case.json").read_text())["seed"] == case["seed"]
        assert ("not_possible" in case["xray"]) != (folder / "xray").exists()
        assert ("not_possible" in case["xray"]) == (f"{case['case']} has no xray" in err)


def test_a_fault_that_one_body_does_not_allow_is_a_failed_case(run_command, tmp_path):
    words = ("--spacing", 10, "--variants", "--fault", "colon-in-head")
    codes = {seed: run_command("phantom", tmp_path / str(seed), *words, "--seed", seed)[0] for seed in range(4)}
    assert set(codes.values()) == {0, 1}
    for seed, code in codes.items():
        assert (tmp_path / str(seed)).exists() == (code == 0)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--fault", "nope"), 2, "left-right-swap"),
        (("--cases", 0), 2, "1 or more"),
        (("--pattern", "gout"), 2, "lymphoma"),
        (("--randomised", 2), 1, "0 to 1"),
        (("--seed", -1), 1, "0 or more"),
        (("--spacing", 0.5), 1, "1 to 10 mm"),
    ],
)
def test_wrong_calls_are_refused_in_a_sentence_and_write_nothing(run_command, tmp_path, words, code, told):
    found, out, err = run_command("phantom", tmp_path / "p", *words)
    assert (found, out) == (code, "")
    assert told in err
    assert not (tmp_path / "p").exists()
