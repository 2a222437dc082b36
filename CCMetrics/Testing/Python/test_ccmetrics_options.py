"""What an evaluation can be asked for: classes, numbered lesions, chosen metrics; and what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.cli import main
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.labels import id_of
from CCMetricsLib.evaluate import Evaluation, EvaluationParameters, evaluate
from CCMetricsLib.lesion_dice import LesionDiceParameters
from CCMetricsLib.metrics import METRICS, EmptyPolicy
from CCMetricsLib.report import COLUMNS, as_json, component_rows, summary_lines

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def scored(reference: np.ndarray, prediction: np.ndarray, **parameters) -> Evaluation:
    maps = [Labelmap(np.asarray(values), Grid(values.shape, AFFINE)) for values in (reference, prediction)]
    return evaluate(*maps, EvaluationParameters(**parameters))


def two_classes() -> tuple[np.ndarray, np.ndarray]:
    """Class 1: two lesions, one found. Class 2: one lesion, found as class 1."""
    reference, prediction = np.zeros((12, 4, 4), np.uint8), np.zeros((12, 4, 4), np.uint8)
    reference[0:2, 0, 0], reference[6, 0, 0], reference[11, 3, 3] = 1, 1, 2
    prediction[0:2, 0, 0], prediction[11, 3, 3] = 1, 1
    return reference, prediction


def test_each_class_is_scored_by_itself() -> None:
    result = scored(*two_classes(), classes=(2, 1))
    second, first = result.classes
    assert [(row.class_name, row.component, row.dice.value) for row in result.components] == [
        ("2", 1, 0.0),
        ("1", 1, 1.0),
        ("1", 2, 0.0),
    ]
    assert first.scores["dice"].value == pytest.approx(2 * 2 / (3 + 3))
    assert second.scores["dice"].value == 0
    assert result.dice.value == pytest.approx(first.scores["dice"].value / 2)
    assert result.scores["cc_dice"].value == pytest.approx((0.5 + 0) / 2)
    assert (result.missed, first.missed, second.missed) == (2, 1, 1)
    assert result.fp_volume_ml == pytest.approx(0.012)
    assert result.fn_volume_ml == pytest.approx(2 * 0.012)
    assert scored(*two_classes()).fn_volume_ml == pytest.approx(0.012)


def test_a_class_without_a_lesion_has_no_part_in_the_mean() -> None:
    reference, prediction = two_classes()
    prediction[5, 2, 2] = 3
    result = scored(reference, prediction, classes=(1, 3))
    assert result.scores["cc_dice"].value == result.classes[0].scores["cc_dice"].value
    assert result.classes[1].scores["cc_dice"].reason == "the reference has no lesion"
    assert result.classes[1].fp_volume_ml == pytest.approx(0.012)
    told = as_json(result)["classes"]
    assert [entry["class"] for entry in told] == ["1", "3"]
    assert "dice" in told[1]["reasons"]


def test_a_class_that_neither_file_has_is_an_error() -> None:
    with pytest.raises(AnatomyGuidedError, match="Neither the reference nor the prediction has a voxel of class 7"):
        scored(*two_classes(), classes=(1, 7))


def test_numbered_lesions_on_both_sides() -> None:
    """Touching lesions 4 and 9; the prediction numbers them as one, which then touches the reference."""
    reference, prediction = np.zeros((8, 3, 3), np.uint16), np.zeros((8, 3, 3), np.uint16)
    reference[0:2, 1, 1], reference[2:4, 1, 1], prediction[0:4, 1, 1] = 400, 900, 5
    rows = {
        instances: scored(reference, prediction, instances=instances) for instances in ("none", "reference", "both")
    }
    assert {name: [row.component for row in result.components] for name, result in rows.items()} == {
        "none": [1],
        "reference": [400, 900],
        "both": [400, 900],
    }
    assert [row.dice.value for row in rows["both"].components] == [1.0, 1.0]


def test_more_lesions_than_16_bits_can_number_are_all_scored() -> None:
    reference = np.zeros((2 * 260, 2 * 260, 1), np.uint8)
    reference[::2, ::2] = 1
    result = scored(reference, reference, metrics=("dice", "nsd"))
    assert len(result.components) == 260 * 260 > 65_535
    assert [row.component for row in result.components] == list(range(1, 260 * 260 + 1))
    assert result.scores["cc_dice"].value == result.scores["cc_nsd"].value == 1


def test_instance_values_beyond_16_bits_are_kept() -> None:
    reference = np.zeros((4, 2, 2), np.uint32)
    reference[0], reference[3] = 70_000, 4_000_000_000
    result = scored(reference, reference, instances="reference", metrics=("dice",))
    assert [row.component for row in result.components] == [70_000, 4_000_000_000]


def test_only_the_metrics_asked_for_are_there() -> None:
    result = scored(*two_classes(), metrics=("nsd", "dice"))
    assert list(result.scores) == ["nsd", "dice", "cc_nsd", "cc_dice"]
    (row, *_) = component_rows(result)
    assert [name for name in METRICS if row[name] is not None] == ["dice", "nsd"]
    assert list(row) == list(COLUMNS)


def test_only_a_rival_can_be_asked_for() -> None:
    result = scored(*two_classes(), metrics=("pq", "fpv_ml"))
    assert list(result.scores) == ["pq", "fpv_ml"]
    assert "Panoptic quality" in "\n".join(summary_lines(result))


def test_the_missed_lesions_are_always_told() -> None:
    for metrics in (("pq",), ("hd95_mm",)):
        assert any("1 of 3" in line for line in summary_lines(scored(*two_classes(), metrics=metrics)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ("accuracy",)}, "metrics must be one of dice"),
        ({"metrics": ()}, "one metric at least"),
        ({"surface": "itk"}, "surface must be one of monai, deepmind"),
        ({"tolerance_mm": -1.0}, "tolerance_mm"),
        ({"boundary_mm": float("nan")}, "boundary_mm"),
        ({"classes": (0,)}, "classes"),
        ({"classes": (1, 1)}, "classes"),
        ({"classes": (1,), "instances": "reference"}, "choose classes or instances"),
        ({"detection_iou": 1.0}, "detection_iou"),
        ({"inclusion": 0.0}, "inclusion"),
    ],
)
def test_what_means_nothing_is_refused(options, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        EvaluationParameters(**options)


def test_parameters_come_back_from_json() -> None:
    parameters = EvaluationParameters(
        metrics=("dice", "pq"),
        classes=(1, 4),
        policy=EmptyPolicy(worst="clamped", worst_mm=9.0),
        lesion_dice=LesionDiceParameters(dilation=2),
    )
    assert EvaluationParameters.from_mapping(json.loads(json.dumps(asdict(parameters)))) == parameters


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = []
    for name, values in zip(("a.nii.gz", "b.nii.gz"), two_classes(), strict=True):
        write_labelmap(Labelmap(values, Grid(values.shape, AFFINE)), tmp_path / name)
        paths.append(str(tmp_path / name))
    return paths


def test_every_option_of_the_command_reaches_the_report(files: list[str], tmp_path: Path) -> None:
    chosen = {
        "classes": "1,2",
        "metrics": "hd95_mm,nsd,lesion_dice",
        "surface": "deepmind",
        "tolerance": 3,
        "boundary": 1,
        "worst": "clamped",
        "worst-mm": 90,
        "detection-iou": 0.1,
        "inclusion": 0.7,
        "lesion-dice": "GLI",
    }
    options = [f"--{name}={value}" for name, value in chosen.items()]
    assert main(["evaluate", *files, *options, "--json", str(tmp_path / "r.json")]) == 0
    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    expected = {
        "classes": [1, 2],
        "metrics": ["hd95_mm", "nsd", "lesion_dice"],
        "surface": "deepmind",
        "tolerance_mm": 3,
        "boundary_mm": 1,
        "detection_iou": 0.1,
        "inclusion": 0.7,
    }
    assert {name: told["parameters"][name] for name in expected} == expected
    assert told["parameters"]["lesion_dice"]["dilation"] == 3
    assert (told["policies"]["worst"], told["policies"]["worst_mm"]) == ("clamped", 90)
    assert [row["class"] for row in told["components"]] == ["1", "1", "2"]
    assert [row["hd95_mm"] for row in told["components"]] == pytest.approx([0, 217**0.5, 90])  # 10, 6, 9 mm


def test_the_csv_tells_the_structure_of_each_lesion(files: list[str], tmp_path: Path) -> None:
    values = np.zeros((12, 4, 4), np.uint8)
    values[:4] = id_of("Liver")
    write_labelmap(Labelmap(values, Grid(values.shape, AFFINE)), tmp_path / "atlas.nii.gz")
    options = ["--anatomy", str(tmp_path / "atlas.nii.gz"), "--csv", str(tmp_path / "r.csv")]
    assert main(["evaluate", *files, *options]) == 0
    with (tmp_path / "r.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["structure"], float(row["structure_distance_mm"])) for row in rows] == [
        ("Liver", 0),
        ("Liver", 2 * 3),
        ("Liver", 2 * 8),
    ]
    assert rows[1]["hd_from_fp"] == ""


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--classes", "7"], 1, "class 7"),
        (["--classes", "one"], 2, "whole numbers"),
        (["--metrics", "dice,accuracy"], 2, "accuracy"),
        (["--classes", "1", "--instances", "both"], 2, "choose classes or instances"),
        (["--anatomy", "absent.nii.gz"], 1, "absent.nii.gz"),
        (["--anatomy", "atlas.nii.gz@nobodys"], 2, "nobodys"),
    ],
)
def test_bad_input_and_a_wrong_call_are_told_in_one_sentence(files, options, code, said, tmp_path, capsys) -> None:
    assert main(["evaluate", *files, *options, "--csv", str(tmp_path / "r.csv")]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert not (tmp_path / "r.csv").exists()
