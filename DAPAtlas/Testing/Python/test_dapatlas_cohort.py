"""Many CTs labelled side by side: the same label maps as one by one, failures alone, resumed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.io import read_labelmap

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from AnatomyGuidedLib.cli import main

    folder = tmp_path_factory.mktemp("patients")
    assert main(["phantom", str(folder), "--spacing", "8", "--cases", "2", "--progress", "none"]) == 0
    return folder


def listed(patients: Path, tmp_path: Path, *more: str) -> Path:
    rows = ["case,ct,organs,sex"]
    rows += [f"p{n},{patients}/case_000{n}/ct.nii.gz,{patients}/case_000{n}/anatomy.nii.gz,{sex}"
             for n, sex in enumerate("FM")]  # fmt: skip
    (tmp_path / "list.csv").write_text("\n".join([*rows, *more]) + "\n")
    return tmp_path / "list.csv"


def test_a_cohort_gives_the_label_maps_of_single_calls_and_is_resumed(
    patients: Path, tmp_path: Path, run_command: Run
) -> None:
    words = ["atlas", "--cohort", listed(patients, tmp_path), "--out", tmp_path / "out", "--workers", "1",
             "--experts", "rules,file:{organs}@dap"]  # fmt: skip
    assert run_command(*words)[0] == 0
    organs = patients / "case_0001" / "anatomy.nii.gz"
    one = tmp_path / "one.seg.nrrd"
    assert run_command("atlas", patients / "case_0001" / "ct.nii.gz", "--experts", f"rules,file:{organs}@dap",
                       "--sex", "M", "-o", one)[0] == 0  # fmt: skip
    np.testing.assert_array_equal(read_labelmap(tmp_path / "out" / "p1.seg.nrrd").values, read_labelmap(one).values)
    with (tmp_path / "out" / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["p0", "p1"]
    report = json.loads((tmp_path / "out" / "p0.json").read_text())
    assert report["sex"] == "F"
    assert str(patients) not in json.dumps(report)
    code, out, _ = run_command(*words, "--resume")
    assert (code, "2 kept" in out) == (0, True)


def test_a_case_that_fails_fails_alone(patients: Path, tmp_path: Path, run_command: Run) -> None:
    (tmp_path / "bad.nii.gz").write_bytes(b"nothing")
    table = listed(patients, tmp_path, f"p2,{tmp_path}/bad.nii.gz,,")
    code, _, said = run_command("atlas", "--cohort", table, "--out", tmp_path / "out", "--workers", "1",
                                "--experts", "rules")  # fmt: skip
    assert code == 1
    assert "1 of 3 cases failed" in said
    assert (tmp_path / "out" / "p1.seg.nrrd").is_file()
    with (tmp_path / "out" / "failures.csv").open() as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["p2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ct.nii.gz", "--cohort", "list.csv", "--out", "o"], "stand in the list"),
        (["--cohort", "list.csv"], "--out"),
        (["--cohort", "list.csv", "--out", "o", "--report", "r.json"], "--report is for one CT"),
        (["ct.nii.gz", "-o", "a.nii.gz", "--resume"], "--resume goes with --cohort only"),
        (["ct.nii.gz"], "an output with -o"),
    ],
)
def test_a_wrong_call_is_told(words: list[str], said: str, run_command: Run) -> None:
    code, _, answer = run_command("atlas", *words, "--experts", "rules")
    assert code == 2
    assert said in answer


@pytest.mark.parametrize(("row", "said"), [("p9,,,", "column ct is empty"), ("p9,a.nii.gz,,X", "F or M")])
def test_a_bad_row_is_told_by_its_line(patients: Path, tmp_path: Path, run_command: Run, row: str, said: str) -> None:
    table = listed(patients, tmp_path, row)
    code, _, answer = run_command("atlas", "--cohort", table, "--out", tmp_path / "o", "--experts", "rules")
    assert code in (1, 2)
    assert "line 4" in answer
    assert said in answer
    shutil.rmtree(tmp_path / "o", ignore_errors=True)
