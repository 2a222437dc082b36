"""Slices of a study wherever it lies, data sets that are prepared once, folds by patient, made cohorts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_labelmap
from PathologySegLib.apex import training
from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.data_patients import data_patients
from PathologySegLib.apex.finder import read_finder
from PathologySegLib.apex.held_apart import require_apart
from PathologySegLib.apex.phantom_cohort import PhantomCohort, held_out_patients, learning_patients, made_patient
from PathologySegLib.apex.slice_grid import model_grid, study_slices
from PathologySegLib.apex.slice_source import SliceSource
from PathologySegLib.apex.stray import Augmentation
from PathologySegLib.model_lesions import atlas_of
from PathologySegLib.parameters import ModelChoice
from PathologySegLib.petct.inputs import PetCt

Run = Callable[..., tuple[int, str, str]]
SMALL = PhantomCohort(patients=2, test=1, spacing_mm=10.0, frame=(48, 32))
STILL = Augmentation(with_lesion=1.0, shift_pixels=0, turn=0, scale=0, pet_gain=0, ct_noise=0)


def box(shape: tuple[int, int, int], low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
    values = np.zeros(shape, np.uint8)
    values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    return values


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_slices_follow_the_body_not_the_order_of_voxels(flips: tuple[int, int, int]) -> None:
    """A body of 80 x 60 x 100 mm off the middle; a lesion 20 mm to its right, 10 mm in front of its middle."""
    body, lesion = box((40, 40, 20), (4, 6, 0), (24, 21, 20)), box((40, 40, 20), (20, 13, 8), (26, 19, 12))
    affine = np.diag([4.0, 4.0, 5.0, 1.0])
    affine[:3, 3] = [-30.0, 7.0, 100.0]
    order = tuple(slice(None, None, step) for step in flips)
    for axis, step in enumerate(flips):
        if step < 0:
            affine[:3, 3] += affine[:3, axis] * (body.shape[axis] - 1)
            affine[:3, axis] *= -1
    grid = Grid(body.shape, affine)
    ct = Volume(np.where(body[order] > 0, 40.0, -1000.0).astype(np.float32), grid, "HU")
    pet = Volume((lesion[order] * 10.0).astype(np.float32), grid, "SUV")
    anatomy = Labelmap(np.ascontiguousarray(body[order] * 13), grid)
    found = model_grid(ct, (24, 20), 5.0)
    assert found.shape == (24, 20, 20)
    patient = study_slices("s", PetCt(ct, pet, anatomy), found, Labelmap(np.ascontiguousarray(lesion[order]), grid))
    assert patient.images.shape == (20, 2, 24, 20)
    shown = np.argwhere(patient.lesions)
    middle = found.ras_from_ijk(shown[:, [1, 2, 0]].mean(0))
    np.testing.assert_allclose(middle, [-30 + 4 * 22.5, 7 + 4 * 15.5, 100 + 5 * 9.5], atol=2.6)
    assert set(np.unique(patient.anatomy)) == {0, 13}
    assert patient.images[:, 1].max() == pytest.approx(0.5, abs=0.01)  # SUV 10 of 20
    assert patient.images[0, 0, 0, 0] == 0  # air beside the body


def test_a_made_patient_has_lesions_and_is_the_same_in_any_cohort() -> None:
    first, again = made_patient(SMALL, 1), made_patient(PhantomCohort(9, 5, 10.0, (48, 32)), 1)
    np.testing.assert_array_equal(first.images, again.images)
    assert len(first.with_lesion)
    learned, held_out = learning_patients(SMALL), held_out_patients(SMALL)
    assert not {p.name for p in learned} & {p.name for p in held_out}


def test_examples_are_the_same_each_time_and_the_third_channel_is_empty_or_anatomy() -> None:
    patient, classes = made_patient(SMALL, 0), anatomy_classes("merged")
    plain, again = (SliceSource([patient], classes, Augmentation()) for _ in range(2))
    for one, other in zip(plain.example(5), again.example(5), strict=True):
        np.testing.assert_array_equal(one, other)
    image, layers = SliceSource([patient], classes, STILL).example(0)
    assert image.shape == (3, 48, 32)
    assert not image[2].any()
    assert layers[1].any()  # with_lesion is 1
    shown, told = SliceSource([patient], classes, STILL, anatomy_input=True).example(0)
    np.testing.assert_allclose(shown[2], told[0] / 99, atol=1e-6)


def test_a_data_set_is_prepared_once_and_read_from_disk(tmp_path: Path, run_command: Run) -> None:
    assert run_command("phantom", tmp_path / "cases", "--spacing", "10", "--cases", "2")[0] == 0
    asked = []

    def predict(ct: Volume) -> Labelmap:
        asked.append(ct)
        return Labelmap(np.full(ct.grid.shape, 13, np.uint8), ct.grid)

    (tmp_path / "cases" / "case_0001" / "anatomy.nii.gz").unlink()
    patients = data_patients(tmp_path / "cases", SMALL, tmp_path / "p", predict)
    assert [patient.name for patient in patients] == ["case_0000", "case_0001"]
    assert len(asked) == 1
    assert isinstance(patients[0].images, np.memmap)
    assert all(len(patient.with_lesion) for patient in patients)
    assert set(np.unique(patients[1].anatomy)) <= {0, 13}
    again = data_patients(tmp_path / "cases", SMALL, tmp_path / "p", predict)
    assert len(asked) == 1
    np.testing.assert_array_equal(again[1].lesions, patients[1].lesions)
    data_patients(tmp_path / "cases", SMALL, tmp_path / "p", predict, models={"mine": "trained anew"})
    assert len(asked) == 2  # by other weights
    with pytest.raises(AnatomyGuidedError):
        data_patients(tmp_path / "absent", SMALL, tmp_path / "q", predict)


def test_a_mask_that_is_corrected_in_place_is_learned_from(tmp_path: Path, run_command: Run) -> None:
    assert run_command("phantom", tmp_path / "cases", "--spacing", "10", "--cases", "2")[0] == 0
    first, other = data_patients(tmp_path / "cases", SMALL, tmp_path / "p", None)
    kept = (tmp_path / "p" / "case_0001" / "images.npy").stat().st_mtime_ns
    assert first.lesions.any()
    mask = tmp_path / "cases" / "case_0000" / "lesions.nii.gz"
    drawn = read_labelmap(mask)
    write_labelmap(Labelmap(np.zeros_like(drawn.values), drawn.grid), mask)
    again, same = data_patients(tmp_path / "cases", SMALL, tmp_path / "p", None)
    assert not again.lesions.any()
    np.testing.assert_array_equal(same.lesions, other.lesions)
    assert (tmp_path / "p" / "case_0001" / "images.npy").stat().st_mtime_ns == kept


def test_lesions_that_are_smaller_than_the_slices_pixels_are_learned_from(tmp_path: Path, run_command: Run) -> None:
    """One voxel of 10 mm, wherever it lies between pixels of 25 mm."""
    assert run_command("phantom", tmp_path / "cases" / "a", "--spacing", "10")[0] == 0
    mask = tmp_path / "cases" / "a" / "lesions.nii.gz"
    drawn = read_labelmap(mask)
    middle = np.argwhere(drawn.values).mean(0).astype(int)
    for shift in np.ndindex(3, 3, 3):
        values = np.zeros_like(drawn.values)
        values[tuple(middle + shift)] = 1
        write_labelmap(Labelmap(values, drawn.grid), mask)
        coarse = PhantomCohort(2, 1, 25.0, (24, 16))
        (patient,) = data_patients(tmp_path / "cases", coarse, tmp_path / "p", None)
        assert patient.lesions.sum() == 1


def test_what_an_earlier_version_prepared_is_not_prepared_again(tmp_path: Path, run_command: Run) -> None:
    assert run_command("phantom", tmp_path / "cases" / "a", "--spacing", "10")[0] == 0
    data_patients(tmp_path / "cases", SMALL, tmp_path / "p", None)
    (prepared,) = (tmp_path / "p").iterdir()
    (prepared / "stamps.json").unlink()
    made = (prepared / "images.npy").stat().st_mtime_ns
    data_patients(tmp_path / "cases", SMALL, tmp_path / "p", None)
    assert (prepared / "images.npy").stat().st_mtime_ns == made


def test_train_apex_learns_from_a_data_set_and_tries_the_held_out_one(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert run_command("phantom", tmp_path / "cases", "--spacing", "10", "--cases", "3")[0] == 0
    (tmp_path / "cases" / "case_0002").rename(tmp_path / "case_0002")
    (tmp_path / "held").mkdir()
    (tmp_path / "case_0002").rename(tmp_path / "held" / "case_0002")
    settings = {
        "arm": "unet", "data": "cases", "test_data": "held", "folds": 2,
        "shape": {"embedding": 4, "features": [4, 4, 4, 4]}, "training": {"steps": 1, "batch": 1},
        "cohort": {"spacing_mm": 10.0, "frame": [48, 32]},
    }  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps(settings))
    code, out, said = run_command("train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / "m")
    assert code == 0, said
    assert "fold of 1 patients" in out
    assert "test of 1 patients" in out
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    assert card["training"].startswith("1 steps on the data set cases")


class Unread:
    """An image on disk that nobody may read."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise AssertionError("read")


def test_images_to_learn_from_are_read_only_where_a_held_out_one_may_be_the_same() -> None:
    held_out = np.arange(6.0).reshape(2, 3)
    require_apart([("a", Unread(2, 3))], [])
    require_apart([("a", Unread(4, 3)), ("b", held_out + 1)], [("c", held_out)])
    with pytest.raises(UsageError, match=r"^c of test_data is the same image as b of data"):
        require_apart([("a", Unread(4, 3)), ("b", held_out.copy())], [("c", held_out)])
    with pytest.raises(Cancelled):
        require_apart([("a", Unread(2, 3))], [("c", held_out)], cancelled=lambda: True)


@pytest.mark.parametrize("name", ["../../escaped", "ward/7", "con"])
def test_no_name_of_a_case_leads_out_of_the_folder(name: str, tmp_path: Path, run_command: Run) -> None:
    assert run_command("phantom", tmp_path / "p", "--spacing", "10")[0] == 0
    (tmp_path / "t.csv").write_text(
        f"case,patient,ct,pet,lesions,anatomy\n{name},eve,p/ct.nii.gz,p/pet.nii.gz,p/lesions.nii.gz,p/anatomy.nii.gz\n"
    )
    before = set(tmp_path.iterdir())
    patients = data_patients(tmp_path / "t.csv", SMALL, tmp_path / "deep" / "deeper" / "out", lambda _: None)
    assert [(one.name, one.whose) for one in patients] == [(name, "eve")]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "deep"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["deeper"]
    assert [path.name for path in (tmp_path / "deep" / "deeper").iterdir()] == ["out"]


SHAPE: dict[str, Any] = {
    "stem": 2, "depths": [1, 1, 1, 1], "block": "basic", "hidden": 32, "heads": 4, "queries": 8, "layers": 1,
    "pixel_layers": 1, "feedforward": 16, "pixel_feedforward": 16,
}  # fmt: skip
HELD_OUT: dict[str, Any] = {
    "arm": "unet", "data": "train/cases", "test_data": "test/cases", "folds": 2,
    "shape": {"embedding": 4, "features": [4, 4, 4, 4]}, "training": {"steps": 1, "batch": 1},
    "cohort": {"spacing_mm": 10.0, "frame": [48, 32]},
}  # fmt: skip


def test_sets_whose_folders_and_cases_are_called_alike_stay_apart(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    for name, count, seed in (("train", 3, 1), ("test", 1, 77)):
        assert (
            run_command("phantom", tmp_path / name / "cases", "--spacing", "10", "--cases", count, "--seed", seed)[0]
            == 0
        )
    (tmp_path / "r.json").write_text(json.dumps(HELD_OUT))
    code, out, said = run_command("train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / "m")
    assert code == 0, said
    assert "test of 1 patients" in out
    assert "in both data and test_data, by name: case_0000." in said
    prepared = [
        np.load(tmp_path / "m" / "prepared" / name / "case_0000" / "images.npy") for name in ("data", "test_data")
    ]
    assert prepared[0].shape != prepared[1].shape or not np.array_equal(*prepared)


def test_anatomy_is_predicted_only_for_arms_that_need_it_and_the_model_says_by_what(
    tmp_path: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert run_command("phantom", tmp_path / "train" / "cases", "--spacing", "10", "--cases", "3")[0] == 0
    for name in ("case_0000", "case_0001"):
        (tmp_path / "train" / "cases" / name / "anatomy.nii.gz").unlink()
    healthy = read_labelmap(tmp_path / "train" / "cases" / "case_0001" / "lesions.nii.gz")
    write_labelmap(
        Labelmap(np.zeros_like(healthy.values), healthy.grid),
        tmp_path / "train" / "cases" / "case_0001" / "lesions.nii.gz",
    )
    asked = []

    def predict(ct: Volume, model: str, **_: Any) -> Labelmap:
        asked.append(model)
        return Labelmap(np.full(ct.grid.shape, 13, np.uint8), ct.grid)

    monkeypatch.setattr(training, "predicted_anatomy", predict)
    settings = {**HELD_OUT, "test_data": "", "atlas": "ours"}
    for arm, expected in (("unet", 0), ("anatomy-input", 1)):
        own = {**settings, "arm": arm, "shape": {**SHAPE, **HELD_OUT["shape"]}}
        (tmp_path / "r.json").write_text(json.dumps(own))
        code, _, said = run_command("train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / arm)
        assert code == 0, said
        assert asked == ["ours"] * expected
        told = "2 of 3 cases of cases have no anatomy; ours predicts it."
        assert (told in said) == (told in (tmp_path / arm / "model.json").read_text()) == bool(expected)
    model = read_finder(tmp_path / "anatomy-input", {}, ModelChoice())
    assert atlas_of(model) == "ours"


def test_a_held_out_image_that_is_learned_from_is_refused_under_another_name(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert run_command("phantom", tmp_path / "train" / "cases", "--spacing", "10", "--cases", "2")[0] == 0
    shutil.copytree(tmp_path / "train" / "cases" / "case_0001", tmp_path / "test" / "cases" / "somebody")
    (tmp_path / "r.json").write_text(json.dumps(HELD_OUT))
    code, _, said = run_command("train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / "m")
    assert (code, "somebody of test_data is the same image as case_0001 of data" in said) == (2, True)
    assert not (tmp_path / "m" / "training").exists()


def test_a_held_out_set_that_is_not_there_is_told_before_anything_is_learned(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert run_command("phantom", tmp_path / "train" / "cases", "--spacing", "10", "--cases", "2")[0] == 0
    (tmp_path / "r.json").write_text(json.dumps(HELD_OUT))
    code, _, said = run_command("train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / "m")
    assert code == 1
    assert "cases does not exist" in said
    assert not (tmp_path / "m" / "training").exists()


LATE = """
import os, sys, time
from AnatomyGuidedLib.cli import main

time.sleep(4.0 if os.environ["RANK"] == "0" else 0.0)
sys.exit(main(sys.argv[1:]))
"""


def test_of_two_processes_the_first_prepares_the_data_even_where_it_comes_late(
    tmp_path: Path, run_command: Run
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert run_command("phantom", tmp_path / "train" / "cases", "--spacing", "10", "--cases", "3")[0] == 0
    (tmp_path / "r.json").write_text(json.dumps({**HELD_OUT, "test_data": ""}))
    (tmp_path / "late.py").write_text(LATE)
    words = ["train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / "m"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", tmp_path / "late.py",
         *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (
        json.loads((tmp_path / "m" / "model.json").read_text())["results"]["fold"]["patients"] == 2
    )  # every second of three
