"""Fits, divergences and affected structures of a cohort, against scipy, numpy and tables worked out by hand."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from AnatomyGuidedLib.grid import GridMismatch
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.labels import id_of
from DAPAtlasLib.insights.divergence import average_divergences, jensen_shannon
from DAPAtlasLib.insights.fits import quadratic_fit
from DAPAtlasLib.insights.made_cohort import HU_LAWS, VOLUME_LAWS, CohortParameters, made_cohort
from DAPAtlasLib.insights.measurements import Patient, affected
from DAPAtlasLib.insights.tables import affected_rows, divergence_rows, fit_rows
from made_images import grid, labelmap
from scipy.spatial.distance import jensenshannon

AGES = np.linspace(20, 85, 40)


def test_a_parabola_without_noise_is_found_exactly():
    fit = quadratic_fit(AGES, 900 + 26 * AGES - 0.26 * AGES**2)
    assert fit.coefficients == pytest.approx((900, 26, -0.26))
    assert fit.r_squared == pytest.approx(1.0)
    assert fit.at([50])[0] == pytest.approx(900 + 26 * 50 - 0.26 * 2500)


def test_coefficients_and_intervals_are_numpys_and_students():
    rng = np.random.default_rng(4)
    values = 60 + 2 * AGES - 0.02 * AGES**2 + rng.normal(0, 5, AGES.size)
    fit = quadratic_fit(AGES, values)
    coefficients, covariance = np.polyfit(AGES, values, 2, cov=True)
    assert fit.coefficients == pytest.approx(coefficients[::-1], rel=1e-6)
    half = 2.026192 * np.sqrt(np.diag(covariance))[::-1]  # Student's t, 97.5 percent, 37 degrees of freedom
    assert np.subtract(fit.highest, fit.coefficients) == pytest.approx(half, rel=1e-4)
    assert np.subtract(fit.coefficients, fit.lowest) == pytest.approx(half, rel=1e-4)


def test_intervals_hold_the_truth_in_95_of_100_cohorts():
    rng = np.random.default_rng(5)
    true = (900.0, 26.0, -0.26)
    held = 0
    for _ in range(400):
        fit = quadratic_fit(AGES, true[0] + true[1] * AGES + true[2] * AGES**2 + rng.normal(0, 150, AGES.size))
        held += sum(low <= one <= high for low, one, high in zip(fit.lowest, true, fit.highest, strict=True))
    assert 0.93 < held / 1200 < 0.97


@pytest.mark.parametrize("ages", [[], [50, 60, 70, 80], [50, 50, 60, 60, 60]])
def test_too_few_patients_or_ages_have_no_fit(ages):
    assert quadratic_fit(ages, np.ones(len(ages))) is None


def test_the_divergence_is_scipys_distance_squared():
    rng = np.random.default_rng(6)
    one, other, edges = rng.normal(10, 2, 80), rng.normal(12, 3, 50), np.linspace(0, 25, 21)
    p, q = np.histogram(one, edges)[0], np.histogram(other, edges)[0]
    assert jensen_shannon(one, other, edges) == pytest.approx(jensenshannon(p, q, 2) ** 2)
    assert jensen_shannon(one, other, edges) == pytest.approx(jensen_shannon(other, one, edges))


def test_one_data_set_alone_has_no_divergence():
    assert average_divergences({"a": [1.0, 2.0]}) == {}


def patient(dataset: str, name: str, ml: float, **known: object) -> Patient:
    return Patient(dataset, name, "F", 50.0, {"Liver": ml}, {"Liver": 60.0}, **known)  # type: ignore[arg-type]


def test_a_data_set_of_small_livers_is_the_farthest_from_the_others():
    rng = np.random.default_rng(7)
    means = {"a": 1500, "b": 1500, "children": 700}
    cohort = [patient(name, str(n), float(rng.normal(mean, 120))) for name, mean in means.items() for n in range(60)]
    found = {row["dataset"]: row["divergence"] for row in divergence_rows(cohort)}
    assert found["children"] > 0.9
    assert max(found["a"], found["b"]) < 0.7  # the mean of little (to each other) and nearly 1 (to children)


def test_affected_patients_are_counted_by_diagnosis():
    held = [frozenset({"Liver"}), frozenset({"Liver", "Spleen"}), frozenset(), None]
    cohort = [patient("a", str(n), 1500, diagnosis="lymphoma", affected=one) for n, one in enumerate(held)]
    rows = affected_rows(cohort)
    assert [(row["structure"], row["affected"], row["patients"]) for row in rows] == [("Liver", 2, 3), ("Spleen", 1, 3)]
    assert rows[0]["share"] == 0.6667


def test_one_voxel_of_a_lesion_affects_a_structure_and_unknown_tissue_is_none():
    labels, lesions = np.zeros((3, 3, 3)), np.zeros((3, 3, 3))
    labels[0], labels[1], labels[2] = id_of("Liver"), id_of("Spleen"), 1
    lesions[0, 0, 0] = lesions[2] = 5
    assert affected(labelmap(labels), labelmap(lesions)) == {"Liver"}
    with pytest.raises(GridMismatch):
        affected(labelmap(labels), labelmap(lesions, grid((3, 3, 3), (1.0, 1.0, 1.0))))


def test_a_made_cohort_follows_its_laws():
    parameters = CohortParameters(patients=28, spacing_mm=10.0, with_lesions=2)
    cohort = made_cohort(parameters, lambda *_: None, lambda: False)
    assert sum(one.affected is not None for one in cohort) == 2
    rows = {(row["structure"], row["quantity"], row["sex"]): row for row in fit_rows(cohort, "atlas")}
    spleen = rows["Spleen", "mean_hu", "F"]
    assert spleen["constant_low"] <= HU_LAWS["Spleen"][0] <= spleen["constant_high"]
    liver = rows["Liver", "volume_ml", "M"]
    assert liver["age_squared_low"] <= VOLUME_LAWS["Liver"][2] <= liver["age_squared_high"]


# The study on a cohort of one's own


@pytest.fixture
def cohort(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(9)
    rows = []
    for number in range(24):
        age, sex = float(rng.uniform(20, 80)), "FM"[number % 2]
        with (folder / f"s{number}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerows([["name", "volume_ml", "mean_hu"], ["Liver", 900 + 20 * age, 70 - 0.2 * age]])
        rows.append(["ab"[number % 3 == 1], f"p{number}", sex, age, f"s{number}.csv", "lymphoma", "", ""])
    write_labelmap(labelmap(np.full((2, 2, 2), id_of("Liver"))), folder / "map.nii.gz")
    write_labelmap(labelmap(np.ones((2, 2, 2))), folder / "lesions.nii.gz")
    rows[0][-2:] = ["map.nii.gz", "lesions.nii.gz"]
    with (folder / "cohort.csv").open("w", newline="") as stream:
        header = ["dataset", "patient", "sex", "age", "statistics", "diagnosis", "labelmap", "lesions"]
        csv.writer(stream).writerows([header, *rows])
    return folder / "cohort.csv"


def test_the_study_writes_tables_and_figures_of_a_cohort(cohort, run_command, tmp_path):
    code, out, err = run_command("study", "atlas-insights", "--cohort", cohort, "-o", tmp_path / "out")
    assert code == 0, err
    written = json.loads((tmp_path / "out" / "study.json").read_text())
    assert all((tmp_path / "out" / name).stat().st_size for name in written["files"])
    fits = [*csv.DictReader((tmp_path / "out" / "fits.csv").open())]
    women = next(row for row in fits if (row["quantity"], row["sex"]) == ("volume_ml", "F"))
    assert float(women["age"]) == pytest.approx(20.0)
    assert float(women["constant"]) == pytest.approx(900.0)
    (row,) = csv.DictReader((tmp_path / "out" / "affected.csv").open())
    assert (row["structure"], row["share"]) == ("Liver", "1")
    assert "patients: 24" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks dataset"),
        (b"dataset,patient,sex,age,statistics\n", "names no patient"),
        (b"\xff\xfe\x00\x81", "no UTF-8 text"),
    ],
)
def test_a_file_that_is_no_cohort_ends_in_a_sentence(cohort, run_command, tmp_path, content, said):
    cohort.write_bytes(content)
    code, _, err = run_command("study", "atlas-insights", "--cohort", cohort, "-o", tmp_path / "out")
    assert code == 1
    assert said in err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dataset,patient", "dataset,name", "lacks patient"),
        ("s3.csv", "gone.csv", "gone.csv does not exist"),
        (",F,", ",X,", "the sex is 'X'"),
        ("lesions.nii.gz", "nothing.nii.gz", "nothing.nii.gz"),
    ],
)
def test_a_bad_cohort_ends_in_a_sentence_and_no_folder(cohort, run_command, tmp_path, old, new, said):
    cohort.write_text(cohort.read_text().replace(old, new, 1))
    code, _, err = run_command("study", "atlas-insights", "--cohort", cohort, "-o", tmp_path / "out")
    assert code == 1
    assert said in err
    assert not (tmp_path / "out").exists()
