"""Sixty cases on real Dask schedulers, each once though a worker dies; bad inputs fail alone; resume."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.cohort import CasesFailed
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.progress import never_cancelled
from CCMetricsLib.cohort_command import add_cohort_arguments, refuse_cohort_arguments, run_cohort_command
from CCMetricsLib.evaluate_options import add_metric_options

pytest.importorskip("distributed", reason="cohorts need dask and distributed")

from dask_processes import DaskProcesses, dask_processes

COUNT = 60
SHAPE = (26, 22, 18)
SPACING_MM = (2.0, 2.0, 3.0)
METRICS = ("--metrics", "dice,hd95_mm,nsd")
WITHOUT_LESION = 7  # the case whose reference is empty


@dataclass(frozen=True)
class Cohort:
    """The list of the cases, and each case's masks: reference, prediction, another model's."""

    pairs: Path
    masks: Mapping[str, tuple[npt.NDArray[np.bool_], ...]]


@dataclass
class Call:
    """What a call gave back or said."""

    result: Mapping[str, object]
    notes: str
    lines: str
    error: CasesFailed | None


def ellipsoids(rng: np.random.Generator, shifts: tuple[float, ...], count: int) -> list[npt.NDArray[np.bool_]]:
    """The same ellipsoids once for each shift along i."""
    masks = [np.zeros(SHAPE, np.bool_) for _ in shifts]
    position = np.moveaxis(np.indices(SHAPE), 0, -1)
    for _ in range(count):
        centre, radii = rng.uniform(5, np.array(SHAPE) - 5), rng.uniform(1.5, 4, 3)
        for mask, shift in zip(masks, shifts, strict=True):
            mask |= (((position - centre - (shift, 0, 0)) / radii) ** 2).sum(axis=-1) < 1
    return masks


def write(path: Path, values: npt.NDArray[np.generic], spacing_mm: tuple[float, float, float] = SPACING_MM) -> str:
    write_labelmap(Labelmap(np.asarray(values, np.uint8), Grid(values.shape, np.diag([*spacing_mm, 1.0]))), path)
    return path.name


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Sixty cases of ellipsoids in an anisotropic grid, two models; one case has no lesion in the reference."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(20)
    rows, masks = ["case,reference,prediction,unet"], {}
    for index in range(COUNT):
        reference, prediction, unet = ellipsoids(rng, (0.0, 1.0, 0.4), int(rng.integers(1, 5)))
        if index == WITHOUT_LESION:
            reference[...] = False
        case = f"case_{index:02}"
        masks[case] = (reference, prediction, unet)
        names = [write(folder / f"{case}_{role}.nii.gz", mask) for role, mask in zip("rpu", masks[case], strict=True)]
        rows.append(",".join([case, *names]))
    (folder / "pairs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Cohort(folder / "pairs.csv", masks)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """Two workers that the tests of this file share."""
    with dask_processes(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


def call(
    *words: object,
    progress: Callable[[float, str], None] = lambda *_: None,
    cancelled: Callable[[], bool] = never_cancelled,
    notes: io.StringIO | None = None,
) -> Call:
    notes, lines = notes or io.StringIO(), io.StringIO()
    parser = argparse.ArgumentParser()
    add_cohort_arguments(parser)
    add_metric_options(parser)
    for name in ("reference", "prediction", "csv", "html", "case", "anatomy"):
        parser.add_argument(f"--{name}", default=None)
    arguments = parser.parse_args([str(word) for word in ("--resamples", 200, *words)])
    speaking = Console(progress=progress, note_stream=notes, result_stream=lines, cancelled=cancelled)
    try:
        with Outputs() as outputs:
            result, error = run_cohort_command(arguments, speaking, outputs), None
    except CasesFailed as failed:
        result, error = failed.result, failed
    return Call(result, notes.getvalue(), lines.getvalue(), error)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def results(folder: Path, model: str = "prediction") -> dict[str, int]:
    """The finished cases on disk and when each was written."""
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "results" / model).glob("*.json")}


def listed(folder: Path, *rows: str, header: str = "case,reference,prediction") -> Path:
    path = folder / "pairs.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def dice(reference: npt.NDArray[np.bool_], prediction: npt.NDArray[np.bool_]) -> float:
    return 2 * int((reference & prediction).sum()) / int(reference.sum() + prediction.sum())


def require_sixty_rows(out: Path, cohort: Cohort) -> None:
    """Each case once, in the list's order, with the Dice counted here."""
    rows = table(out / "cases.csv")
    assert [row["case"] for row in rows] == list(cohort.masks)
    for row in rows:
        reference, prediction, _ = cohort.masks[row["case"]]
        if not reference.any():
            assert row["dice"] == ""
            assert float(row["fp_volume_ml"]) == pytest.approx(prediction.sum() * np.prod(SPACING_MM) / 1000, rel=1e-5)
        else:
            assert float(row["dice"]) == pytest.approx(dice(reference, prediction), rel=1e-5)
    assert len(results(out)) == COUNT
    assert table(out / "failures.csv") == []
    assert {row["case"] for row in table(out / "lesions.csv")} == {
        case for case, (reference, *_) in cohort.masks.items() if reference.any()
    }


def test_sixty_cases_are_all_there_once_though_a_worker_is_killed_half_way(cohort, tmp_path) -> None:
    seen: list[int] = []
    with dask_processes(tmp_path) as processes:

        def kill_one(_: float, text: str) -> None:
            if text == f"{COUNT // 3} of {COUNT} cases":
                processes.kill_worker(0)
                seen.append(len(results(tmp_path / "out")))

        words = ("--cohort", cohort.pairs, "--out", tmp_path / "out", "--models", "prediction", *METRICS)
        ended = call(*words, "--scheduler", processes.address, progress=kill_one)
        assert processes.worker_count() == 1
    assert COUNT // 3 <= seen[0] < COUNT
    assert ended.error is None
    require_sixty_rows(tmp_path / "out", cohort)


def test_sixty_cases_run_in_two_processes_of_this_machine_with_nothing_started_by_hand(cohort, tmp_path) -> None:
    out = tmp_path / "out"
    ended = call("--cohort", cohort.pairs, "--out", out, "--workers", 2, "--models", "prediction", *METRICS)
    assert ended.error is None
    require_sixty_rows(out, cohort)
    assert ended.result["scored"] == {"prediction": COUNT}
    assert ended.result["without_lesion"] == [f"case_{WITHOUT_LESION:02}"]
    assert "1 case has no lesion in the reference" in ended.notes
    assert json.loads((out / "cohort.json").read_text(encoding="utf-8")) == json.loads(json.dumps(ended.result))


@pytest.fixture(scope="module")
def compared(cohort, cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Call]:
    """The cohort with both models, compared, and ranked by an expert."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "expert.csv").write_text("model,rank\nunet,1\nprediction,2\n", encoding="utf-8")
    words = ("--cohort", cohort.pairs, "--out", folder / "out", "--scheduler", cluster.address, *METRICS)
    return folder / "out", call(*words, "--compare", "unet", "--expert-ranking", folder / "expert.csv")


def test_two_models_are_compared_case_by_case(cohort, compared) -> None:
    out, ended = compared
    pairs = [masks for masks in cohort.masks.values() if masks[0].any()]
    scores = np.array([[dice(reference, one) for one in others] for reference, *others in pairs])
    (found,) = [row for row in ended.result["comparison"]["metrics"] if row["metric"] == "dice"]
    assert found["n"] == COUNT - 1
    assert found["mean_difference"] == pytest.approx((scores[:, 1] - scores[:, 0]).mean())
    assert found["ci_low"] < found["mean_difference"] < found["ci_high"]
    assert found["other_better"] == (scores[:, 1] > scores[:, 0]).sum()
    assert found["wilcoxon_p"] < 1e-6
    assert [row["metric"] for row in table(out / "comparison.csv")][:2] == ["dice", "hd95_mm"]
    assert len(table(out / "comparison_cases.csv")) == COUNT - 1
    assert "unet minus prediction, Dice: +" in ended.lines


def test_the_tables_of_two_models_agree_with_each_other(compared) -> None:
    out, ended = compared
    rows = table(out / "cases.csv")
    assert [row["model"] for row in rows].count("unet") == COUNT == [row["model"] for row in rows].count("prediction")
    by_model = {row["model"]: row for row in table(out / "table16.csv")}
    values = [float(row["cc_hd95_mm"]) for row in rows if row["model"] == "unet" and row["cc_hd95_mm"]]
    assert float(by_model["unet"]["CC-HD"]) == pytest.approx(np.mean(values), rel=1e-4)
    (over_cases,) = [
        row for row in table(out / "cohort.csv") if (row["model"], row["metric"]) == ("unet", "cc_hd95_mm")
    ]
    assert float(over_cases["mean"]) == pytest.approx(float(by_model["unet"]["CC-HD"]))
    assert (over_cases["n"], over_cases["without_lesion"]) == (str(COUNT - 1), "1")
    assert (out / "table16.md").read_text(encoding="utf-8").count("|\n") == 4
    assert [row["Dice"] for row in table(out / "ranking.csv")] == ["2", "1"]
    assert {row["metric"]: row["kendall"] for row in table(out / "rank_correlation.csv")}["Dice"] == "1"
    gaps = [abs(float(row["difference"])) for row in table(out / "disagreements.csv") if row["model"] == "prediction"]
    assert gaps == sorted(gaps, reverse=True)
    assert ended.error is None


def test_every_file_column_and_key_is_documented(compared) -> None:
    out, ended = compared
    document = (Path(__file__).parents[3] / "docs" / "cohorts.md").read_text(encoding="utf-8")
    files = {path.name for path in out.iterdir()}
    header = {name for path in out.glob("*.csv") if path.name not in ("lesions.csv",) for name in table_header(path)}
    scores = {name for name in header if name in ended.result["statistics"][0].values()} | metric_names(ended.result)
    keys = {*ended.result, *ended.result["bootstrap"], *ended.result["comparison"], *files, *(header - scores)}
    assert [key for key in sorted(keys) if f"`{key}`" not in document] == []


def table_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream), [])


def metric_names(result: Mapping[str, object]) -> set[str]:
    return {row["metric"] for row in result["statistics"]}


def test_resume_repeats_nothing_and_gives_the_same_tables(cohort, compared, cluster) -> None:
    out, first = compared
    before = results(out) | results(out, "unet")
    tables = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    words = ("--cohort", cohort.pairs, "--out", out, "--scheduler", cluster.address, *METRICS, "--resume")
    again = call(*words, "--compare", "unet", "--expert-ranking", out.parent / "expert.csv")
    assert results(out) | results(out, "unet") == before
    assert f"{2 * COUNT} results of an earlier run were kept" in again.notes
    assert again.result == first.result
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == tables


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A list of three cases, a reference and prediction each."""
    rng = np.random.default_rng(3)
    rows = []
    for index in range(3):
        masks = ellipsoids(rng, (0.0, 1.0), 2)
        names = [write(tmp_path / f"{role}{index}.nii.gz", mask) for role, mask in zip("rp", masks, strict=True)]
        rows.append(",".join([f"c{index}", *names]))
    return listed(tmp_path, *rows)


def test_resume_repeats_what_other_options_or_inputs_ask_for(few, tmp_path, cluster) -> None:
    out = tmp_path / "out"
    words = ("--cohort", few, "--out", out, "--scheduler", cluster.address, "--resume", *METRICS)
    call(*words)
    before = results(out)
    write(tmp_path / "p1.nii.gz", ellipsoids(np.random.default_rng(9), (0.0,), 2)[0])
    call(*words)
    changed = results(out)
    assert [case for case in before if changed[case] != before[case]] == ["c1"]
    call(*words, "--tolerance", 4)
    assert all(results(out)[case] != changed[case] for case in changed)


def test_bad_inputs_fail_alone_with_a_sentence_each_and_the_cohort_goes_on(tmp_path, cluster) -> None:
    mask = ellipsoids(np.random.default_rng(1), (0.0,), 2)[0]
    good = write(tmp_path / "good.nii.gz", mask)
    coarse = write(tmp_path / "coarse.nii.gz", mask, (4.0, 4.0, 6.0))
    write_raw(tmp_path / "half.nii.gz", np.full(SHAPE, 0.5, np.float32))
    write_raw(tmp_path / "negative.nii.gz", -np.ones(SHAPE, np.int16))
    (tmp_path / "empty.nii.gz").write_bytes(b"")
    (tmp_path / "picture.jpg").write_bytes(b"no image of a patient")
    predictions = {
        "grid": (coarse, "must lie on one grid"),
        "empty": ("empty.nii.gz", "damaged, truncated or of another format"),
        "half": ("half.nii.gz", "not whole numbers"),
        "negative": ("negative.nii.gz", "negative value -1"),
        "format": ("picture.jpg", "none of the formats"),
        "missing": ("missing.nii.gz", "missing.nii.gz does not exist"),
    }
    rows = [f"{case},{good},{name}" for case, (name, _) in predictions.items()]
    pairs = listed(tmp_path, f"first,{good},{good}", *rows, f"last,{coarse},{coarse}", f"twice,{good},{good}", "short")
    ended = call("--cohort", pairs, "--out", tmp_path / "out", "--scheduler", cluster.address, *METRICS)
    assert str(ended.error) == "7 of 10 cases failed; failures.csv lists them."
    failures = {row["case"]: row["reason"] for row in table(tmp_path / "out" / "failures.csv")}
    for case, (_, sentence) in predictions.items():
        assert sentence in failures.pop(case)
        assert case in ended.notes
    assert failures == {"short": "Line 11: the header has 3 columns, but this line 1."}
    assert [row["case"] for row in table(tmp_path / "out" / "cases.csv")] == ["first", "last", "twice"]
    assert str(tmp_path) not in ended.notes + (tmp_path / "out" / "failures.csv").read_text(encoding="utf-8")
    assert "different spacings, each is scored in its own (2 x 2 x 3 mm: 2 cases; 4 x 4 x 6 mm: 1 case)" in ended.notes


def write_raw(path: Path, values: npt.NDArray[np.generic]) -> None:
    """A NIfTI file that no writer of ours would make."""
    import nibabel as nib

    image = nib.Nifti1Image(values, np.diag([*SPACING_MM, 1.0]))
    nib.save(image, path)


@pytest.mark.usefixtures("few")
def test_a_class_that_the_files_do_not_have_fails_for_that_case(tmp_path, cluster) -> None:
    two = np.zeros(SHAPE, np.uint8)
    two[2:6, 2:6, 2:6], two[12:16, 12:16, 12:16] = 1, 2
    name = write(tmp_path / "two.nii.gz", two)
    pairs = listed(tmp_path, "ones,r0.nii.gz,p0.nii.gz", f"both,{name},{name}")
    words = ("--cohort", pairs, "--out", tmp_path / "out", "--scheduler", cluster.address, *METRICS, "--classes", "1,2")
    ended = call(*words)
    assert [(row["case"], row["reason"]) for row in table(tmp_path / "out" / "failures.csv")] == [
        ("ones", "Neither the reference nor the prediction has a voxel of class 2.")
    ]
    assert [(row["case"], row["class"]) for row in table(tmp_path / "out" / "cases.csv")] == [
        ("both", "1"),
        ("both", "2"),
        ("both", "all"),
    ]
    assert ended.result["table16"][0]["cases"] == 1


@pytest.mark.usefixtures("few")
def test_lesions_are_placed_where_the_list_names_an_atlas(tmp_path, cluster) -> None:
    write(tmp_path / "atlas.nii.gz", np.full(SHAPE, 5))
    rows = [f"c{index},r{index}.nii.gz,p{index}.nii.gz,{atlas}" for index, atlas in enumerate(["atlas.nii.gz", ""])]
    pairs = listed(
        tmp_path, *rows, "c2,r2.nii.gz,p2.nii.gz,atlas.nii.gz@nobody", header="case,reference,prediction,anatomy"
    )
    ended = call("--cohort", pairs, "--out", tmp_path / "out", "--scheduler", cluster.address, *METRICS)
    placed = {row["case"]: bool(row["structure"]) for row in table(tmp_path / "out" / "lesions.csv")}
    assert placed == {"c0": True, "c1": False}
    assert "nobody" in table(tmp_path / "out" / "failures.csv")[0]["reason"]
    assert ended.error is not None


@pytest.mark.usefixtures("few")
def test_tables_of_an_earlier_comparison_do_not_stay_behind(tmp_path, cluster) -> None:
    out = tmp_path / "out"
    rows = [f"c{index},r{index}.nii.gz,p{index}.nii.gz,r{index}.nii.gz" for index in range(3)]
    pairs = listed(tmp_path, *rows, header="case,reference,prediction,other")
    words = ("--cohort", pairs, "--out", out, "--scheduler", cluster.address, *METRICS)
    call(*words, "--compare", "other")
    assert (out / "comparison.csv").exists()
    call(*words, "--models", "prediction", "--resume")
    assert {path.name for path in out.iterdir()} == {
        *("cases.csv", "lesions.csv", "cohort.csv", "cohort.json", "table16.csv", "table16.md"),
        *("disagreements.csv", "failures.csv", "results"),
    }


def test_when_every_case_fails_the_tables_are_there_and_empty(tmp_path, cluster) -> None:
    pairs = listed(tmp_path, "a,no.nii.gz,no.nii.gz")
    ended = call("--cohort", pairs, "--out", tmp_path / "out", "--scheduler", cluster.address)
    assert str(ended.error) == "1 of 1 cases failed; failures.csv lists them."
    assert table(tmp_path / "out" / "cases.csv") == []
    assert ended.result["statistics"] == []


def test_a_stopped_cohort_keeps_what_is_finished_and_says_so(few, tmp_path, cluster) -> None:
    out = tmp_path / "out"
    arguments = ("--cohort", few, "--out", out, "--scheduler", cluster.address, *METRICS)
    with pytest.raises(Cancelled, match="finished cases stay in out, --resume goes on from there"):
        call(*arguments, cancelled=lambda: len(results(out)) > 0)
    assert results(out)
    assert not (out / "cases.csv").exists()
    assert not [path.name for path in (out / "results" / "prediction").iterdir() if ".part" in path.name]
    assert call(*arguments, "--resume").error is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "needs --out DIR"),
        (("--out", "x", "--compare", "swin"), "'swin' is none that is scored; scored are prediction"),
        (("--out", "x", "--compare", "prediction"), "beside prediction"),
        (("--out", "x", "--models", "swin"), "no column of predictions 'swin'"),
        (("--out", "x", "--workers", "0"), "1 or more"),
        (("--out", "x", "--workers", "1", "--scheduler", "tcp://127.0.0.1:9"), "not both"),
        (("--out", "x", "--resamples", "0"), "must be positive numbers"),
        (("--out", "x", "--patience", "nan"), "must be positive numbers"),
        (("--out", "x", "--csv", "a.csv"), "--csv does not go with --cohort"),
        (("--out", "x", "--reference", "a.nii"), "REFERENCE does not go with --cohort"),
    ],
)
def test_a_wrong_call_is_refused_before_any_work(few, words, sentence, monkeypatch) -> None:
    monkeypatch.chdir(few.parent)
    with pytest.raises(UsageError, match=sentence):
        call("--cohort", few, *words)
    assert not (few.parent / "x").exists()


@pytest.mark.parametrize("text", ["model,rank\nprediction,1\n", "model,rank\nunet,1\nswin,2\n", "name\nx\n"])
def test_an_experts_ranking_of_other_models_is_refused_before_any_work(few, tmp_path, text) -> None:
    (tmp_path / "expert.csv").write_text(text, encoding="utf-8")
    words = ("--cohort", few, "--out", tmp_path / "out", "--expert-ranking", tmp_path / "expert.csv")
    with pytest.raises(AnatomyGuidedError):
        call(*words)
    with pytest.raises(AnatomyGuidedError, match="cannot be read as a table"):
        call(*words[:-1], tmp_path / "absent.csv")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reference": None}, "Name REFERENCE and PREDICTION"),
        ({"out": Path("x")}, "--out goes with --cohort only"),
        ({"expert_ranking": Path("x")}, "--expert-ranking goes with --cohort only"),
        ({"resume": True}, "--resume goes with --cohort only"),
    ],
)
def test_an_option_of_cohorts_is_refused_without_one(given, sentence) -> None:
    parser = argparse.ArgumentParser()
    add_cohort_arguments(parser)
    arguments = parser.parse_args([])
    arguments.reference, arguments.prediction = Path("r"), Path("p")
    refuse_cohort_arguments(arguments)
    for name, value in given.items():
        setattr(arguments, name, value)
    with pytest.raises(UsageError, match=sentence):
        refuse_cohort_arguments(arguments)
