"""The list of a cohort's cases: what a row may hold, and what is said about one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from CCMetricsLib.cohort_pairs import Pair, read_pairs


def listed(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "pairs.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_relative_paths_are_relative_to_the_list_and_other_columns_are_models(tmp_path) -> None:
    absolute = tmp_path / "elsewhere" / "r.nii.gz"
    path = listed(
        tmp_path,
        f"case,reference,anatomy,unet,prediction\np1,{absolute},atlas.nii.gz@totalsegmentator,u.nii.gz,a/p.nii.gz\n",
    )
    pairs = read_pairs(path)
    anatomy = f"{tmp_path / 'atlas.nii.gz'}@totalsegmentator"
    assert pairs.models == ("prediction", "unet")
    assert pairs.pairs == (
        Pair("p1", "prediction", absolute, tmp_path / "a" / "p.nii.gz", anatomy),
        Pair("p1", "unet", absolute, tmp_path / "u.nii.gz", anatomy),
    )
    assert pairs.failures == ()


def test_models_may_be_chosen_so_that_other_columns_are_left_alone(tmp_path) -> None:
    path = listed(tmp_path, "case,reference,prediction,unet,site\np1,r.nii,p.nii,u.nii,Leipzig\n")
    assert read_pairs(path, models=["unet", "prediction"]).models == ("prediction", "unet")
    assert [pair.model for pair in read_pairs(path, models=["unet"]).pairs] == ["unet"]
    with pytest.raises(UsageError, match=r"no column of predictions 'swin'; it has prediction, unet, site"):
        read_pairs(path, models=["swin"])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_spreadsheets_write_is_read(tmp_path, separator, encoding) -> None:
    rows = ["", '"case",reference,prediction', "", ' Jörg , "r.nii",p q.nii ', ",,", ""]
    text = "\r\n".join(rows).replace(",", separator).replace("r.nii", "r,1;2\t3.nii")
    (pair,) = read_pairs(listed(tmp_path, text, encoding)).pairs
    assert (pair.case, pair.reference.name, pair.prediction.name) == ("Jörg", "r,1;2\t3.nii", "p q.nii")


def test_a_case_on_two_lines_fails_on_both_and_is_scored_on_neither(tmp_path) -> None:
    rows = "case,reference,prediction\na,r.nii,p.nii\nb,r.nii,p.nii\nA,r.nii,q.nii\n"
    pairs = read_pairs(listed(tmp_path, rows))
    assert [pair.case for pair in pairs.pairs] == ["b"]
    assert [(failure.case, failure.line) for failure in pairs.failures] == [("a", 2), ("A", 4)]
    assert all("stands on lines 2, 4" in failure.reason for failure in pairs.failures)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,r.nii", "the header has 4 columns, but this line 2"),
        ("a,r.nii,p.nii,u.nii,x.nii", "the header has 4 columns, but this line 5"),
        (",r.nii,p.nii,u.nii", "the case has no name"),
        ("a,,p.nii,u.nii", "there is no path under reference"),
        ("a,r.nii,p.nii,", "there is no path under unet"),
    ],
)
def test_an_unusable_row_is_a_failure_with_its_line_and_the_others_stay(tmp_path, row, reason) -> None:
    pairs = read_pairs(listed(tmp_path, f"case,reference,prediction,unet\nb,r.nii,p.nii,u.nii\n{row}\n"))
    assert [failure.line for failure in pairs.failures] == [3]
    assert pairs.failures[0].reason == f"Line 3: {reason}."
    assert [pair.model for pair in pairs.pairs if pair.case == "b"] == ["prediction", "unet"]
    assert len(pairs.pairs) == (3 if "unet" in reason else 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("case,reference\na,r.nii\n", "lacks the column prediction; expected are case, reference, prediction"),
        ("a,r.nii,p.nii\nb,r.nii,p.nii\n", "lacks the column case and reference and prediction"),
        ("case,reference,prediction,prediction\na,r,p,q\n", "must name each column once, but has prediction"),
        ("case,reference,prediction,\na,r,p,q\n", r"must name each column once, but has \(no name\)"),
        ("case,reference,prediction\n", "has no case"),
        ("", "has no case"),
        ('case,reference,prediction\n"a,r,p\n', "is no CSV"),
    ],
)
def test_an_unusable_list_is_refused(tmp_path, text, sentence) -> None:
    with pytest.raises(AnatomyGuidedError, match=sentence):
        read_pairs(listed(tmp_path, text))


def test_a_list_in_another_encoding_or_without_a_file_is_refused(tmp_path) -> None:
    with pytest.raises(AnatomyGuidedError, match="no UTF-8 text"):
        read_pairs(listed(tmp_path, "case,reference,prediction\nJörg,r.nii,p.nii\n", "latin-1"))
    with pytest.raises(AnatomyGuidedError, match=r"absent\.csv cannot be read"):
        read_pairs(tmp_path / "absent.csv")
