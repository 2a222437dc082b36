"""`anatomyguided evaluate` from files to a table, CSV and JSON, and what it says when it cannot."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.cli import main
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import read_labelmap, read_pet, write_labelmap
from CCMetricsLib.lesion_dice import LesionDiceParameters
from CCMetricsLib.metrics import METRICS, TABLE
from CCMetricsLib.report import COLUMNS
from CCMetricsLib.rivals import RIVALS

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def write(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    write_labelmap(Labelmap(np.asarray(values, np.uint8), Grid(values.shape, affine)), path)
    return str(path)


@pytest.fixture
def case(tmp_path: Path) -> list[str]:
    """A reference of a large and a small lesion, and a prediction that has the large one alone."""
    reference, prediction = np.zeros((12, 5, 4)), np.zeros((12, 5, 4))
    reference[0:4, 0:2, 0:2], reference[9, 3, 2], prediction[0:4, 0:2, 0:2] = 1, 1, 1
    return [write(tmp_path / "truth.nii.gz", reference), write(tmp_path / "found.nii.gz", prediction)]


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_table_on_standard_output_is_short_and_aligned(case, capsys) -> None:
    assert main(["evaluate", *case]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TABLE) + 3 + len(RIVALS)
    rows = [re.split(r" {2,}", line) for line in lines]
    assert len({line.index(f"  {row[1]}") for line, row in zip(lines, rows, strict=True)}) == 1
    assert rows[0] == ["Dice", f"{2 * 16 / 33:.4f}", "CC-Dice", "0.5000"]
    assert ["Missed lesions", "1 of 2"] in rows


def test_the_csv_has_a_row_a_lesion_with_the_documented_columns(case, tmp_path) -> None:
    assert main(["evaluate", *case, "--csv", str(tmp_path / "lesions.csv")]) == 0
    with (tmp_path / "lesions.csv").open(encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    assert [(row["case"], row["component"], row["missed"], float(row["dice"])) for row in rows] == [
        ("truth", "1", "0", 1.0),
        ("truth", "2", "1", 0.0),
    ]
    assert [float(rows[1][f"centroid_{axis}_mm"]) for axis in "ras"] == [-18, -6, 6]
    assert float(rows[0]["volume_ml"]) == pytest.approx(16 * 12 / 1000)


def test_the_json_names_format_version_parameters_and_policies(case, tmp_path) -> None:
    path = tmp_path / "result.json"
    options = ["--distance", "voxels", "--connectivity", "6", "--case", "patient 1"]
    assert main(["evaluate", *case, *options, "--json", str(path)]) == 0
    result = json.loads(path.read_text(encoding="utf-8"))
    assert (result["format"], result["version"]) == ("anatomyguided-evaluation", 2)
    assert result["case"] == "patient 1"
    assert result["parameters"] == {
        "distance": "voxels",
        "connectivity": 6,
        "instances": "none",
        "metrics": [*METRICS, *RIVALS],
        "classes": [],
        "surface": "monai",
        "tolerance_mm": 2.0,
        "boundary_mm": 2.0,
        "detection_iou": 0.0,
        "inclusion": 0.5,
        "lesion_dice": asdict(LesionDiceParameters()),
        "anatomy": False,
    }
    scores = {"both_empty": None, "no_reference": None, "no_prediction": 0.0, "empty_region": 0.0}
    assert result["policies"] == {**scores, "worst": "thesis", "worst_mm": 50.0}
    assert result["summary"]["cc_dice"] == 0.5
    assert (result["summary"]["components"], result["summary"]["missed_components"]) == (2, 1)
    assert [list(row) for row in result["components"]] == [list(COLUMNS)] * 2
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_the_json_is_documented_key_by_key(case, tmp_path) -> None:
    main(["evaluate", *case, "--json", str(tmp_path / "result.json")])
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    document = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    keys = {*result, *result["parameters"], *result["policies"], *result["summary"], *COLUMNS}
    assert [key for key in sorted(keys) if f"`{key}`" not in document] == []


def test_without_a_lesion_cc_dice_is_not_evaluable_and_the_volume_is_told(tmp_path, capsys) -> None:
    empty, found = np.zeros((4, 4, 4)), np.zeros((4, 4, 4))
    found[0, 0, 0:2] = 1
    paths = [write(tmp_path / "a.nii.gz", empty), write(tmp_path / "b.nii.gz", found)]
    assert main(["evaluate", *paths, "--json", str(tmp_path / "r.json"), "--csv", str(tmp_path / "r.csv")]) == 0
    assert "Not evaluable: the reference has no lesion (cc_dice, " in capsys.readouterr().out
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result["summary"]["cc_dice"] is None
    assert result["reasons"]["cc_dice"] == "the reference has no lesion"
    assert result["summary"]["fp_volume_ml"] == pytest.approx(0.024)
    assert (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines() == [",".join(COLUMNS)]


def test_a_reference_numbered_by_lesion_keeps_its_numbers(tmp_path) -> None:
    values = np.zeros((4, 2, 1))
    values[0:2], values[2:4] = 9, 4
    paths = [write(tmp_path / name, values) for name in ("a.nii.gz", "b.nii.gz")]
    assert main(["evaluate", *paths, "--instances", "reference", "--json", str(tmp_path / "r.json")]) == 0
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [row["component"] for row in result["components"]] == [4, 9]


def test_another_grid_ends_with_1_and_leaves_nothing_behind(case, tmp_path, capsys) -> None:
    other = write(tmp_path / "other.nii.gz", np.ones((12, 5, 4)), np.diag([2.0, 2.0, 3.0, 1.0]))
    before = listing(tmp_path)
    outputs = ["--csv", str(tmp_path / "new" / "r.csv"), "--json", str(tmp_path / "r.json")]
    assert main(["evaluate", case[0], other, *outputs]) == 1
    said = capsys.readouterr()
    assert "one grid" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert said.out == ""
    assert listing(tmp_path) == before


def test_a_missing_file_ends_with_1_and_keeps_the_older_table(case, tmp_path) -> None:
    table = tmp_path / "lesions.csv"
    table.write_text("older", encoding="utf-8")
    assert main(["evaluate", case[0], str(tmp_path / "absent.nii.gz"), "--csv", str(table)]) == 1
    assert table.read_text(encoding="utf-8") == "older"
    assert listing(tmp_path) == {"truth.nii.gz", "found.nii.gz", "lesions.csv"}


@pytest.mark.parametrize(
    "words",
    [
        ["--connectivity", "8"],
        ["--distance", "cm"],
        ["--instances", "all"],
        ["--anatomy"],
        ["--tolerance", "-1"],
        ["--worst-mm", "0"],
    ],
)
def test_a_wrong_call_ends_with_2(case, words, capsys) -> None:
    assert main(["evaluate", *case, *words]) == 2
    assert "--help" in capsys.readouterr().err


def test_a_real_tumour_and_a_threshold_reading_score_as_counted_by_hand(realdata, tmp_path) -> None:
    mask = realdata / "STS_001_PET_mask.nii.gz"
    pet, tumour = read_pet(realdata / "STS_001_PET_image.nii.gz"), read_labelmap(mask).values > 0
    reading = pet.values > 2.25
    write_labelmap(Labelmap(reading, pet.grid), tmp_path / "reading.nii.gz")
    assert main(["evaluate", str(mask), str(tmp_path / "reading.nii.gz"), "--json", str(tmp_path / "r.json")]) == 0
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result["summary"]["dice"] == 2 * (reading & tumour).sum() / (reading.sum() + tumour.sum())
    assert result["summary"]["cc_dice"] == result["summary"]["dice"]  # one tumour
    assert result["components"][0]["volume_ml"] == pytest.approx(tumour.sum() * 4.6875**2 * 3.27 / 1000)


def test_the_help_has_examples(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--help"])
    assert ended.value.code == 0
    assert "examples:" in capsys.readouterr().out
