"""`anatomyguided dataset build` from the table to the review sheet, on made patients and boxes worked out by hand."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from DAPAtlasLib.dataset.patients import Study, age_in_years, read_studies
from DAPAtlasLib.dataset.population import population_rows
from DAPAtlasLib.dataset.review import chosen_for_review
from DAPAtlasLib.dataset.selection import commonest_mm, slice_thickness_mm, why_not_whole_body
from DAPAtlasLib.dataset.settings import Selection
from made_images import FLIPS, grid, reoriented

UID = "1.2.826.0.1.3680043.8.498."
KNOWN = {id_of(name) for name in ("Brain", "Hip Left", "Hip Right")}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def patient():
    return make_patient(PatientOptions(spacing_mm=6.0, seed=2, sex="F"))


@pytest.fixture
def cohort(tmp_path, patient):
    """Five studies: whole, cut through the skull, of other slices, mirrored (a rule refuses it), and without a CT."""
    on, hu, labels = patient.ct.grid, patient.ct.values, patient.anatomy.values
    assert on.axis_codes[2] == "S"
    below = int(np.argwhere(labels == id_of("Brain"))[:, 2].min())
    every_second = Grid((*on.shape[:2], len(range(0, on.shape[2], 2))), on.affine @ np.diag([1.0, 1.0, 2.0, 1.0]))
    images = {
        "whole": (hu, labels, on),
        "headless": (hu[:, :, :below], labels[:, :, :below], Grid((*on.shape[:2], below), on.affine)),
        "coarse": (hu[:, :, ::2], labels[:, :, ::2], every_second),
        "mirrored": (hu, labels[::-1], on),
    }
    lines = ["subject,study_uid,ct,organs,sex,age,diagnosis"]
    for number, (name, (values, organs, own)) in enumerate(images.items()):
        write_volume(Volume(np.ascontiguousarray(values), own, "HU"), tmp_path / f"{name}.nii.gz")
        write_labelmap(Labelmap(np.ascontiguousarray(organs), own), tmp_path / f"{name}_organs.nii.gz")
        lines.append(f"PETCT_{name},{UID}1044{number},{name}.nii.gz,{name}_organs.nii.gz,F,06{number}Y,MELANOMA")
    lines.append(f"PETCT_gone,{UID}10449,gone.nii.gz,gone_organs.nii.gz,F,,")
    (tmp_path / "studies.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def settings(folder: Path, text: str = "") -> Path:
    path = folder / "dataset.toml"
    top = 'cohort = "studies.csv"\noutput = "atlas"\nexperts = ["rules", "file:{organs}"]\n'
    path.write_text(top + text)
    return path


def test_a_cohort_becomes_a_data_set_and_every_study_left_out_has_its_reason(cohort, run_command):
    code, out, err = run_command("dataset", "build", "--config", settings(cohort), "--workers", 2)
    assert code == 1, err
    assert "1 of 5 studies failed" in err
    atlas = cohort / "atlas"
    name = "AutoPET_whole_10440"
    assert [path.name for path in (atlas / "labels").iterdir()] == [f"{name}.nii.gz"]
    told = {row["case"]: (row["state"], row["reason"]) for row in rows_of(atlas / "left_out.csv")}
    assert list(told) == [f"AutoPET_{n}" for n in ("headless_10441", "coarse_10442", "mirrored_10443", "gone_10449")]
    assert "The head is cut off" in told["AutoPET_headless_10441"][1]
    assert "12 mm apart, those of the data set 6 mm" in told["AutoPET_coarse_10442"][1]
    assert "left-right was refused" in told["AutoPET_mirrored_10443"][1]
    assert told["AutoPET_gone_10449"] == ("failed", "gone.nii.gz does not exist; check the path.")
    assert "taken: 1" in out
    assert rows_of(atlas / "review.csv")[0]["case"] == name
    assert (atlas / "figure35_population.png").stat().st_size > 10_000
    assert name in (atlas / "review.html").read_text()

    # the same label map as the command for one CT gives
    expert = f"rules,file:{cohort / 'whole_organs.nii.gz'}"
    one = cohort / "one.nii.gz"
    run_command("atlas", cohort / "whole.nii.gz", "--experts", expert, "--sex", "F", "--age", 60, "-o", one)
    assert np.array_equal(read_labelmap(atlas / "labels" / f"{name}.nii.gz").values, read_labelmap(one).values)

    # provenance without a path, and a table that the study of insights reads
    report = json.loads((atlas / "reports" / f"{name}.json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", report["provenance"]["inputs"]["ct"]["sha256"])
    assert {finding["rule"] for finding in report["atlas"]["rules"]["findings"]} >= {"left-right", "ribs"}
    for path in atlas.rglob("*.json"):
        assert str(cohort) not in path.read_text(), path.name
    row = rows_of(atlas / "cases.csv")[0]
    assert (row["patient"], row["sex"], row["age"]) == (name, "F", "60")
    assert (atlas / row["statistics"]).is_file()


def test_a_second_run_keeps_what_is_done_and_makes_again_what_is_lost(cohort, run_command):
    config = settings(cohort)
    run_command("dataset", "build", "--config", config, "--workers", 1)
    labels = cohort / "atlas" / "labels" / "AutoPET_whole_10440.nii.gz"
    first = labels.read_bytes()
    assert "1 kept" in run_command("dataset", "build", "--config", config, "--resume", "--workers", 1)[1]
    leftover = labels.with_name(".1234.part.nii.gz")  # of a worker that was killed
    leftover.touch()
    labels.unlink()
    assert "0 kept" in run_command("dataset", "build", "--config", config, "--resume", "--workers", 1)[1]
    assert not leftover.exists()
    assert labels.read_bytes()[10:] == first[10:]  # but for the time in gzip's header
    settings(cohort, "[selection]\nbelow_hips_mm = 5000\n")
    code, _, err = run_command("dataset", "build", "--config", config, "--resume", "--workers", 1)
    assert code == 1
    assert "5000 mm were expected" in err
    assert not labels.exists()


def test_rules_that_leave_cases_out_can_be_switched_off(cohort, run_command):
    text = "strict = false\nreview_cases = 0\n[selection]\nwhole_body = false\nslice_thickness_mm = 6\n"
    run_command("dataset", "build", "--config", settings(cohort, text), "--workers", 2)
    taken = {row["patient"] for row in rows_of(cohort / "atlas" / "cases.csv")}
    assert taken == {"AutoPET_whole_10440", "AutoPET_headless_10441", "AutoPET_mirrored_10443"}
    assert rows_of(cohort / "atlas" / "review.csv") == []


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("colour = 1\n", 2, "colour is unknown"),
        ('experts = ["oracle"]\n', 2, "no expert 'oracle'"),
        ('prefix = "../x"\n', 2, "letters, digits"),
        ('rules = "gravity"\n', 2, "no rule 'gravity'"),
        ("[selection]\ntolerance_mm = -1.0\n", 2, "0 or more mm"),
    ],
)
def test_a_bad_setting_is_a_wrong_call_and_nothing_is_written(cohort, run_command, text, code, said):
    path = cohort / "dataset.toml"
    path.write_text('cohort = "studies.csv"\noutput = "atlas"\n' + text)
    got, _, err = run_command("dataset", "build", "--config", path)
    assert (got, said in err) == (code, True), err
    assert not (cohort / "atlas").exists()


def test_an_output_that_is_a_file_is_told_before_any_work(cohort, run_command):
    (cohort / "atlas").touch()
    code, _, err = run_command("dataset", "build", "--config", settings(cohort))
    assert (code, err) == (1, "atlas is a file, but a folder's name was expected as output.\n")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("subject,ct\na,b\n", "lacks study_uid"),
        ("subject,study_uid,ct\n", "names no study"),
        (f"subject,study_uid,ct\na,{UID}10000,b\na,{UID}10000,c\n", "lines 2 and 3"),
        ("subject,study_uid,ct\na,12,b\n", "at least five digits"),
        (f"subject,study_uid,ct\na,{UID}10000,\n", "ct is empty"),
        (f"subject,study_uid,ct,sex\na,{UID}10000,b,X\n", "the sex is 'X'"),
        (f"subject,study_uid,ct,age\na,{UID}10000,b,old\n", "the age is 'old'"),
    ],
)
def test_a_bad_table_is_told_by_its_line(tmp_path, lines, said):
    path = tmp_path / "s.csv"
    path.write_text(lines)
    with pytest.raises(AnatomyGuidedError, match=re.escape(said)):
        read_studies(path, "AutoPET", ("rules",))


def test_an_expert_may_name_a_column_and_must_name_one_that_is_there(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(f"subject;study_uid;ct;organs\na;{UID}10000;b.nii.gz;c d.nii.gz\n")
    study = read_studies(path, "X", ("file:{organs}@totalsegmentator",))[0]
    assert study.experts == (f"file:{tmp_path / 'c d.nii.gz'}@totalsegmentator",)
    assert study.name == "X_a_10000"
    with pytest.raises(AnatomyGuidedError, match="names the column 'bones'"):
        read_studies(path, "X", ("file:{bones}",))
    path.write_text(f"subject;study_uid;ct;organs\na;{UID}10000;b.nii.gz;\n")
    with pytest.raises(AnatomyGuidedError, match="line 2: the column organs is empty"):
        read_studies(path, "X", ("file:{organs}",))


@pytest.mark.parametrize(("text", "years"), [("061Y", 61.0), ("018M", 1.5), (" 7 ", 7.0), ("", None), ("26W", 0.498)])
def test_ages_are_years_or_dicoms(text, years):
    found = age_in_years(text)
    assert found == (None if years is None else pytest.approx(years, abs=1e-3))


def body(head: slice, hips: slice) -> Labelmap:
    """Twenty slices of 4 mm along S: the brain and both hips in these slices."""
    values = np.zeros((6, 5, 20), np.uint8)
    values[1:3, 1:3, hips] = id_of("Hip Left")
    values[3:5, 1:3, hips] = id_of("Hip Right")
    values[2:4, 2:4, head] = id_of("Brain")
    return Labelmap(values, grid(values.shape))


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize(
    ("head", "hips", "reason"),
    [
        (slice(16, 19), slice(3, 7), ""),
        (slice(16, 20), slice(3, 7), "upper edge"),
        (slice(16, 19), slice(2, 7), "It ends 8 mm below Hip Left; 10 mm were expected."),
        (slice(16, 16), slice(3, 7), "The head is not in view"),
        (slice(16, 19), slice(3, 3), "The hips are not in view"),
    ],
)
def test_the_whole_body_is_told_on_any_grid(head, hips, reason, order, flips):
    plain = body(head, hips)
    values, on = reoriented(plain.values, plain.grid, order, tuple(flip < 0 for flip in flips))
    told = why_not_whole_body(Labelmap(values, on), KNOWN, Selection())
    assert (reason in told) if reason else told == ""
    assert slice_thickness_mm(on) == 4.0


def test_without_an_expert_for_head_or_hips_nothing_is_claimed():
    plain = body(slice(16, 19), slice(3, 7))
    assert "no expert names the brain or the skull" in why_not_whole_body(plain, set(), Selection())
    assert "no expert names Hip Right" in why_not_whole_body(plain, KNOWN - {id_of("Hip Right")}, Selection())


def test_the_commonest_thickness_is_the_smallest_of_equals():
    assert commonest_mm([5.0, 3.0, 3.0, 5.0, 2.0]) == 3.0


def test_the_population_is_counted_with_quartiles_of_known_ages():
    def study(name, sex, age, diagnosis):
        return Study(name, Path(name), (), sex, age, diagnosis, None)

    cohort = [
        study("a", "F", 20.0, "NEGATIVE"),
        study("b", "F", 40.0, "NEGATIVE"),
        study("c", "M", 60.0, "MELANOMA"),
        study("d", None, None, ""),
    ]
    rows = {(r["set"], r["diagnosis"], r["sex"]): r for r in population_rows(cohort, cohort[:1], ("NEGATIVE",))}
    women = rows["cohort", "healthy", "F"]
    assert (women["patients"], women["age_q1"], women["age_median"], women["age_q3"]) == (2, 25.0, 30.0, 35.0)
    assert rows["cohort", "with a finding", "all"]["patients"] == 1
    unknown = rows["cohort", "unknown", "unknown"]
    assert (unknown["patients"], unknown["with_age"], "age_min" in unknown) == (1, 0, False)
    assert rows["taken", "all", "all"]["patients"] == 1
    assert sum(r["patients"] for (s, d, x), r in rows.items() if s == "cohort" and d == "all" and x != "all") == 4


def test_the_review_draws_the_same_cases_whatever_their_order():
    names = [f"case_{number:03d}" for number in range(200)]
    drawn = chosen_for_review(names, 25, 7)
    assert len(set(drawn)) == 25
    assert drawn == chosen_for_review(names[::-1], 25, 7)
    assert drawn != chosen_for_review(names, 25, 8)
