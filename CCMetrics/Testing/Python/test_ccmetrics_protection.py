"""No table and no output takes the place of a file that a cohort reads, and what several classes add up to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap
from CCMetricsLib.evaluate import evaluate
from CCMetricsLib.parameters import EvaluationParameters
from CCMetricsLib.weighted_report import weighted_summary
from CCMetricsLib.weights import anatomy_weights

pytest.importorskip("distributed", reason="cohorts need dask and distributed")

GRID = Grid((8, 6, 4), np.diag([-1.0, 2.0, 3.0, 1.0]))


@pytest.fixture
def folder(tmp_path):
    values = np.zeros(GRID.shape, np.uint8)
    values[1:3, 1:3, 1] = 1
    for name in ("r", "p", "q"):
        write_labelmap(Labelmap(values, GRID), tmp_path / f"{name}.nii.gz")
    (tmp_path / "list.csv").write_text("case,reference,prediction,other\na,r.nii.gz,p.nii.gz,q.nii.gz\n")
    (tmp_path / "ranking.csv").write_text("model,rank\nprediction,1\nother,2\n")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--out", "out", "--json", "r.nii.gz"), "r.nii.gz"),
        (("--out", "out", "--json", "q.nii.gz"), "q.nii.gz"),
        (("--out", "out", "--json", "list.csv"), "list.csv"),
        (("--out", "out", "--json", "out/cases.csv"), "cases.csv"),
        (("--out", ".", "--expert-ranking", "ranking.csv"), "ranking.csv"),
    ],
)
def test_a_cohort_never_replaces_what_it_reads(folder, monkeypatch, run_command, words, named):
    monkeypatch.chdir(folder)
    before = contents(folder)
    code, _, err = run_command("evaluate", "--cohort", "list.csv", "--workers", 1, *words)
    assert code == 1
    assert named in err
    assert err.count("\n") == 1
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b,r.nii.gz,p.nii.gz,kept.nii.gz", ("--models", "prediction")),
        ("b,kept.nii.gz", ()),
        ("A,kept.nii.gz,p.nii.gz,q.nii.gz", ()),
        (",kept.nii.gz@dap,p.nii.gz,q.nii.gz", ()),
    ],
    ids=["a column that is not scored", "a short row", "a name on two lines", "no name"],
)
def test_a_file_of_a_row_or_column_that_is_not_scored_is_kept(folder, monkeypatch, run_command, row, words):
    monkeypatch.chdir(folder)
    shutil.copy("p.nii.gz", "kept.nii.gz")
    Path("list.csv").write_text(f"{Path('list.csv').read_text()}{row}\n")
    before = contents(folder)
    call = ("evaluate", "--cohort", "list.csv", "--workers", 1, "--out", "out", "--json", "kept.nii.gz", *words)
    code, _, err = run_command(*call)
    assert (code, err.count("\n")) == (1, 1)
    assert "kept.nii.gz" in err
    assert contents(folder) == before


def test_a_long_remark_in_a_column_that_is_not_scored_does_no_harm(folder, monkeypatch, run_command):
    monkeypatch.chdir(folder)
    Path("list.csv").write_text(f"case,reference,prediction,remark\na,r.nii.gz,p.nii.gz,{'seen again ' * 50}\n")
    call = ("evaluate", "--cohort", "list.csv", "--workers", 1, "--out", "out", "--models", "prediction")
    assert run_command(*call)[0] == 0


def test_a_list_named_like_a_table_is_refused_in_the_tables_folder(folder, monkeypatch, run_command):
    monkeypatch.chdir(folder)
    shutil.copy("list.csv", "cases.csv")
    code, _, err = run_command("evaluate", "--cohort", "cases.csv", "--workers", 1, "--out", ".")
    assert (code, err.count("\n")) == (1, 1)
    assert Path("cases.csv").read_bytes() == Path("list.csv").read_bytes()


def test_a_bad_row_counts_once_a_model(folder, monkeypatch, run_command):
    monkeypatch.chdir(folder)
    Path("list.csv").write_text(Path("list.csv").read_text() + ",r.nii.gz,p.nii.gz,q.nii.gz\n")
    code, _, err = run_command("evaluate", "--cohort", "list.csv", "--workers", 1, "--out", "out", "--metrics", "dice")
    assert code == 1
    assert "2 of 4 predictions failed" in err


@pytest.mark.parametrize("words", [("--seed", 5), ("--patience", 3), ("--resamples", 10)])
def test_options_of_cohorts_are_refused_for_one_case(folder, run_command, words):
    code, _, err = run_command("evaluate", folder / "r.nii.gz", folder / "p.nii.gz", *words)
    assert code == 2
    assert "goes with --cohort only" in err


def test_volumes_of_several_classes_add_up():
    """Class 1: 4 voxels, 2 of them predicted; class 2: 2 voxels, predicted elsewhere (2 voxels). A voxel is 6 ul."""
    reference, prediction = (np.zeros(GRID.shape, np.uint8) for _ in range(2))
    reference[0:4, 0, 0], reference[0:2, 5, 3] = 1, 2
    prediction[0:2, 0, 0], prediction[6:8, 5, 0] = 1, 2
    result = evaluate(Labelmap(reference, GRID), Labelmap(prediction, GRID), EvaluationParameters(classes=(1, 2)))
    assert result.scores["volume_difference_ml"].value == pytest.approx(-2 * 0.006)
    assert result.scores["fpv_ml"].value == pytest.approx(2 * 0.006)
    assert result.scores["fnv_ml"].value == pytest.approx(2 * 0.006)
    assert result.scores["dice"].value == pytest.approx((2 * 2 / 6 + 0) / 2)


def test_a_lesion_in_no_structure_weighs_1():
    """The first lesion lies in the left kidney (weight 9, found), the second beside it (missed): 9 of 10."""
    reference, prediction, anatomy = (np.zeros(GRID.shape, np.uint8) for _ in range(3))
    reference[0, 0, 0], reference[4, 0, 0], prediction[0, 0, 0], anatomy[0, 0, 0] = 1, 1, 1, 15
    maps = (Labelmap(values, GRID) for values in (reference, prediction))
    result = evaluate(*maps, EvaluationParameters(metrics=("dice",)), anatomy=Labelmap(anatomy, GRID))
    told = weighted_summary(result, anatomy_weights([{"structure": "Kidney Left", "weight": 9}]))
    assert told["dice"]["value"] == pytest.approx(9 / 10)
    assert told["dice"]["total_weight"] == 10


def test_a_page_without_dice_says_that_it_was_not_asked_for(folder, run_command):
    page = folder / "page.html"
    words = (folder / "r.nii.gz", folder / "p.nii.gz", "--metrics", "iou", "--html", page, "--json", folder / "j.json")
    assert run_command("evaluate", *words)[0] == 0
    assert "Dice was not asked for" in page.read_text()
    assert json.loads((folder / "j.json").read_text())


def test_models_are_ranked_on_the_cases_that_all_of_them_have(folder, monkeypatch, run_command):
    """The other model lacks the case in which nothing is found: on the common case it is worse."""
    monkeypatch.chdir(folder)
    empty, half = np.zeros(GRID.shape, np.uint8), np.zeros(GRID.shape, np.uint8)
    half[1, 1:3, 1] = 1
    write_labelmap(Labelmap(empty, GRID), "none.nii.gz")
    write_labelmap(Labelmap(half, GRID), "half.nii.gz")
    Path("list.csv").write_text(
        "case,reference,prediction,other\na,r.nii.gz,p.nii.gz,half.nii.gz\nb,r.nii.gz,none.nii.gz,gone.nii.gz\n"
    )
    code, _, _ = run_command("evaluate", "--cohort", "list.csv", "--workers", 1, "--out", "out", "--json", "out.json")
    assert code == 1
    ranks = {row["model"]: row for row in json.loads(Path("out.json").read_text())["ranking"]}
    better = {name for name in ranks["other"] if name != "model" and ranks["prediction"][name] < ranks["other"][name]}
    assert better
    assert not {name for name in ranks["other"] if name != "model" and ranks["prediction"][name] > ranks["other"][name]}


@pytest.mark.parametrize(("word", "mean"), [("0", 0.5), ("none", 1.0), ("0.5", 0.75)])
def test_what_an_empty_region_counts_is_an_option(folder, run_command, word, mean):
    """One lesion is found whole, one missed: the mean of 1 and what the option says, or of 1 alone."""
    both = np.zeros(GRID.shape, np.uint8)
    both[1:3, 1:3, 1], both[6, 4, 3] = 1, 1
    write_labelmap(Labelmap(both, GRID), folder / "both.nii.gz")
    words = ("--empty-region", word, "--metrics", "dice", "--json", folder / "j.json")
    assert run_command("evaluate", folder / "both.nii.gz", folder / "p.nii.gz", *words)[0] == 0
    told = json.loads((folder / "j.json").read_text())
    assert told["summary"]["cc_dice"] == pytest.approx(mean)
    assert run_command("evaluate", folder / "both.nii.gz", folder / "p.nii.gz", "--empty-region", "2")[0] == 2


def test_every_table_for_people_says_how_it_was_made(folder, monkeypatch, run_command):
    monkeypatch.chdir(folder)
    _, out, _ = run_command(
        "evaluate",
        "--cohort",
        "list.csv",
        "--workers",
        1,
        "--out",
        "out",
        "--worst",
        "clamped",
        "--no-prediction",
        "none",
    )
    for text in (out, Path("out/table16.md").read_text()):
        assert "Regions by distance in mm, connectivity 26" in text
        assert "no prediction undefined" in text
        assert "worst distance: clamped" in text
