"""`anatomyguided lesions` as a user calls it: CT and PET on different grids, real images, and every way to go wrong."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from AnatomyGuidedLib.cli import main
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_image, read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from made_images import cylinder_body, grid, labelmap

PET_GRID = grid((26, 26, 10), (7.0, 7.0, 8.0), flips=(-1, -1, 1), origin_ras=(175.0, 175.0, 2.0))


@pytest.fixture
def study(tmp_path):
    """A limb on a fine grid and its PET on a coarse, flipped one, with one hot focus."""
    folder = tmp_path / "in"
    folder.mkdir()
    write_volume(cylinder_body(), folder / "ct.nii.gz")
    suv = np.full(PET_GRID.shape, 0.8, dtype=np.float32)
    suv[12:15, 12:15, 4:7] = 9.0
    write_volume(Volume(suv, PET_GRID, "SUV"), folder / "pet.nii.gz")
    return folder


def _words(study, tmp_path, *more):
    return ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "-o", tmp_path / "out" / "l.nii.gz", *more]


def test_lesions_lie_on_the_pets_grid_and_with_grid_ct_on_the_cts(study, run_command, tmp_path):
    assert run_command(*_words(study, tmp_path, "--csv", tmp_path / "out" / "l.csv"))[0] == 0
    found = read_labelmap(tmp_path / "out" / "l.nii.gz")
    assert found.grid == read_image(study / "pet.nii.gz").grid
    assert np.array_equal(np.argwhere(found.values).min(axis=0), (12, 12, 4))
    assert int((found.values > 0).sum()) == 27
    (row,) = csv.DictReader((tmp_path / "out" / "l.csv").open())
    expected = PET_GRID.ras_from_ijk((13, 13, 5))
    assert [float(row[f"centroid_{axis}_mm"]) for axis in "ras"] == pytest.approx(expected, abs=0.01)
    assert run_command(*_words(study, tmp_path, "--grid", "ct"))[0] == 0
    on_ct = read_labelmap(tmp_path / "out" / "l.nii.gz")
    assert on_ct.grid == read_image(study / "ct.nii.gz").grid
    center = np.argwhere(on_ct.values > 0).mean(axis=0)
    assert on_ct.grid.ras_from_ijk(center) == pytest.approx(expected, abs=4.0)


def test_the_report_holds_every_note_that_was_said_once(study, run_command, tmp_path):
    ct = read_image(study / "ct.nii.gz")
    write_labelmap(Labelmap(np.full(ct.grid.shape, id_of("Fat"), np.uint8), ct.grid), study / "fat.nii.gz")
    words = _words(study, tmp_path, "--anatomy", study / "fat.nii.gz", "--json", tmp_path / "l.json")
    code, _, said = run_command(*words)
    assert code == 0, said
    notes = json.loads((tmp_path / "l.json").read_text())["notes"]
    assert len(set(notes)) == len(notes)
    assert {*said.splitlines()} <= {*notes}
    assert any("names no @SCHEME" in note for note in notes)
    assert any("no organ with physiological uptake" in note for note in notes)


@pytest.mark.parametrize("case", ["STS_001", "STS_004"])
def test_percist_on_a_real_thigh_is_not_evaluable_and_writes_nothing(realdata, run_command, tmp_path, case):
    ct, pet = (realdata / f"{case}_{kind}_image.nii.gz" for kind in ("CT", "PET"))
    code, out, err = run_command("lesions", ct, pet, "--model", "percist", "-o", tmp_path / "out" / "l.nii.gz")
    assert (code, out) == (1, "")
    assert err.startswith("not evaluable: no liver")
    assert not (tmp_path / "out").exists()


def test_a_threshold_on_a_real_tumour_takes_exactly_the_voxels_above_it(realdata, run_command, tmp_path):
    ct, pet = (realdata / f"STS_001_{kind}_image.nii.gz" for kind in ("CT", "PET"))
    assert run_command("lesions", ct, pet, "--threshold", "2.25", "-o", tmp_path / "l.seg.nrrd")[0] == 0
    suv = read_image(pet)
    found = read_labelmap(tmp_path / "l.seg.nrrd")
    assert np.array_equal(found.values > 0, suv.values >= 2.25)
    assert found.grid == suv.grid


def test_an_anatomy_that_a_model_saw_in_a_thigh_is_not_to_be_believed(realdata, run_command, tmp_path):
    """The bundled atlas model knows made whole bodies, and sees a skull there."""
    pytest.importorskip("torch", reason="torch is not installed")
    ct, pet = (realdata / f"STS_001_{kind}_image.nii.gz" for kind in ("CT", "PET"))
    words = ["lesions", ct, pet, "--threshold", "2.5", "--json", tmp_path / "l.json", "-o", tmp_path / "l.nii.gz"]
    code, _, said = run_command(*words, "--anatomy-model", "dap-demo")
    assert code == 0, said
    assert "The predicted anatomy is not to be believed: " in said
    assert any("not to be believed" in note for note in json.loads((tmp_path / "l.json").read_text())["notes"])


def test_every_note_of_the_report_is_said_once(study, run_command, tmp_path):
    """A threshold's own warning, a predicted anatomy's doubt and the anatomy's missing scheme alike."""
    ct = read_image(study / "ct.nii.gz")
    write_labelmap(labelmap(np.full(ct.grid.shape, id_of("Liver")), ct.grid), tmp_path / "liver.nii.gz")
    words = _words(study, tmp_path, "--json", tmp_path / "l.json", "--anatomy", tmp_path / "liver.nii.gz")
    code, _, said = run_command(*words)
    assert code == 0, said
    notes = json.loads((tmp_path / "l.json").read_text())["notes"]
    assert [said.splitlines().count(note) for note in notes] == [1] * len(notes)
    for words in ("A threshold reading is a baseline", "taken for DAP ids", "nothing was taken off"):
        assert sum(words in note for note in notes) == 1


def test_a_reading_without_anatomy_says_that_healthy_uptake_counts_and_calls_its_sum_no_tumour_volume(
    study, run_command, tmp_path
):
    code, out, said = run_command(*_words(study, tmp_path, "--json", tmp_path / "l.json"))
    assert code == 0, said
    assert said.count("healthy uptake (brain, heart, kidneys, bladder, bowel) counts as lesions") == 1
    assert "tumour volume" not in out
    assert any("the sum is no tumour volume" in note for note in json.loads((tmp_path / "l.json").read_text())["notes"])


def test_a_reading_with_organs_gives_the_tumour_volume_without_that_note(study, run_command, tmp_path):
    ct = read_image(study / "ct.nii.gz")
    values = np.full(ct.grid.shape, id_of("Liver"))
    values[:2] = id_of("Bladder")
    write_labelmap(labelmap(values, ct.grid), tmp_path / "organs.nii.gz")
    code, out, said = run_command(*_words(study, tmp_path, "--anatomy", tmp_path / "organs.nii.gz"))
    assert code == 0, said
    assert "(total metabolic tumour volume)" in out
    assert "counts as lesions" not in said


def test_the_first_example_of_the_help_gives_an_anatomy(capsys):
    with pytest.raises(SystemExit):
        main(["lesions", "--help"])
    assert "--anatomy" in capsys.readouterr().out.split("examples:")[1].strip().splitlines()[0]


def test_a_peak_above_the_maximum_is_explained(study, run_command, tmp_path):
    """A focus of SUV 9 beside a bladder of SUV 90 that is taken off with 5 mm around it; the balls reach 6.2 mm."""
    pet = read_image(study / "pet.nii.gz")
    suv, organs = pet.values.copy(), np.zeros(PET_GRID.shape, np.uint8)
    suv[10:17, 12:15, 4:7] = 9.0
    suv[10:12, 12:15, 4:7], organs[10:12, 12:15, 4:7] = 90.0, id_of("Bladder")
    where = Grid(suv.shape, PET_GRID.affine @ np.diag([0.8, 1, 1, 1]))
    write_volume(Volume(suv, where, "SUV"), study / "pet.nii.gz")
    write_labelmap(labelmap(organs, where), tmp_path / "bladder.nii.gz")
    code, out, said = run_command(*_words(study, tmp_path, "--anatomy", tmp_path / "bladder.nii.gz"))
    assert code == 0, out
    assert "1 lesion," in out
    assert said.count("SUVpeak is above SUVmax (lesion 1): ") == 1


def test_a_models_own_warning_is_said(realdata, run_command, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    ct, pet = (realdata / f"STS_001_{kind}_image.nii.gz" for kind in ("CT", "PET"))
    words = ["lesions", ct, pet, "--model", "grasp-demo", "--json", tmp_path / "l.json", "-o", tmp_path / "l.nii.gz"]
    code, _, said = run_command(*words)
    assert code == 0, said
    notes = json.loads((tmp_path / "l.json").read_text())["notes"]
    assert said.count("not for clinical use") == 1
    assert said.count("dap-demo predicts it from the CT") == 1
    assert said.count("not to be believed") == 1
    assert [note for note in said.splitlines() if note in notes] == notes


def test_anatomy_may_lie_on_the_cts_grid(study, run_command, tmp_path):
    ct = read_image(study / "ct.nii.gz")
    everywhere = Labelmap(np.full(ct.grid.shape, id_of("Bladder"), np.uint8), ct.grid)
    write_labelmap(everywhere, tmp_path / "bladder.nii.gz")
    code, out, _ = run_command(*_words(study, tmp_path, "--anatomy", tmp_path / "bladder.nii.gz"))
    assert code == 0
    assert "0 lesions" in out


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        (["--model", "suv5"], 2, "There is no model 'suv5'"),
        (["--threshold", "-1"], 2, "an SUV above 0 was expected"),
        (["--threshold", "hot"], 2, "invalid float"),
        (["--model", "percist", "--threshold", "4"], 2, "leave --threshold away"),
        (["--device", "cpu"], 2, "suv4 is no network and computes on the processor; leave --device away"),
        (["--model", "percist"], 1, "have it predicted (--anatomy-model dap-demo)"),
        (["--anatomy", "missing.nii.gz"], 1, "missing.nii.gz does not exist"),
        (["--anatomy", "x.nii.gz@nothing"], 2, "nothing"),
    ],
)
def test_wrong_calls_say_so_in_one_line_and_write_nothing(study, run_command, tmp_path, more, code, sentence):
    result = run_command(*_words(study, tmp_path, *more))
    assert result[0] == code
    assert sentence in result[2]
    assert len(result[2].strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_anatomy_on_a_third_grid_is_refused(study, run_command, tmp_path):
    write_labelmap(labelmap(np.ones((5, 5, 5))), tmp_path / "other.nii.gz")
    code, _, err = run_command(*_words(study, tmp_path, "--anatomy", tmp_path / "other.nii.gz"))
    assert code == 1
    assert "the anatomy and the CT or the PET must lie on one grid" in err


@pytest.mark.parametrize(
    ("factor", "offset", "sentence"),
    [(3000.0, 0.0, "activity in Bq/ml"), (0.1, 0.0, "scaled to 0..1"), (1.0, -40.0, "a CT?"), (0.0, 0.0, "constant")],
)
def test_a_pet_that_is_no_suv_is_refused(study, run_command, tmp_path, factor, offset, sentence):
    pet = read_image(study / "pet.nii.gz")
    write_volume(Volume(pet.values * factor + offset, pet.grid), study / "pet.nii.gz")
    code, _, err = run_command(*_words(study, tmp_path))
    assert code == 1
    assert sentence in err


def test_a_ct_and_a_pet_that_do_not_overlap_are_refused(study, run_command, tmp_path):
    pet = read_image(study / "pet.nii.gz")
    away = grid(PET_GRID.shape, (7.0, 7.0, 8.0), origin_ras=(5000.0, 0.0, 0.0))
    write_volume(Volume(pet.values, away, "SUV"), study / "pet.nii.gz")
    code, _, err = run_command(*_words(study, tmp_path))
    assert code == 1
    assert "do not overlap" in err


def test_lesions_outside_the_ct_are_named_when_its_grid_is_asked_for(study, run_command, tmp_path):
    pet = read_image(study / "pet.nii.gz")
    suv = pet.values.copy()
    suv[0:2, 10:12, 4:6] = 12.0  # beyond the CT, since the PET is moved by 40 mm to the right
    moved = grid(PET_GRID.shape, (7.0, 7.0, 8.0), flips=(-1, -1, 1), origin_ras=(215.0, 175.0, 2.0))
    write_volume(Volume(suv, moved, "SUV"), study / "pet.nii.gz")
    report = tmp_path / "r.json"
    code, _, err = run_command(*_words(study, tmp_path, "--grid", "ct", "--json", report))
    assert code == 0
    assert "Without a voxel on the CT's grid (outside it, or where another is): 1 lesion of 2" in err
    assert json.loads(report.read_text())["lesions_without_voxels_on_this_grid"] == [1]


def test_a_lesion_between_the_cts_thick_slices_has_voxels_on_its_grid(study, run_command, tmp_path):
    """The CT's slices are four times as thick as the PET's, and the focus is in a PET slice between their middles."""
    suv = np.full(PET_GRID.shape, 0.8, dtype=np.float32)
    suv[12:15, 12:15, 7] = 9.0
    suv[5:7, 12:14, 3:6] = 8.0
    write_volume(Volume(suv, PET_GRID, "SUV"), study / "pet.nii.gz")
    affine = PET_GRID.affine @ np.diag([1.0, 1.0, 4.0, 1.0])
    hu = np.full((26, 26, 3), -1000.0, np.float32)
    hu[4:20, 4:20] = 40.0
    write_volume(Volume(hu, Grid(hu.shape, affine), "HU"), study / "ct.nii.gz")
    report = tmp_path / "r.json"
    code, _, err = run_command(*_words(study, tmp_path, "--grid", "ct", "--json", report, "--force"))
    assert code == 0
    assert "Without a voxel" not in err
    assert json.loads(report.read_text())["lesions_without_voxels_on_this_grid"] == []
    found = read_labelmap(tmp_path / "out" / "l.nii.gz").values
    assert np.argwhere(found == 1).tolist() == [[i, j, 2] for i in (12, 13, 14) for j in (12, 13, 14)]
    assert np.argwhere(found == 2).tolist() == [[i, j, 1] for i in (5, 6) for j in (12, 13)]


def test_anatomy_on_the_cts_grid_is_used_where_both_images_have_one_shape(study, run_command, tmp_path):
    ct = read_image(study / "ct.nii.gz")
    shifted = Grid(
        ct.grid.shape, ct.grid.affine + np.array([[0, 0, 0, 1.3], [0, 0, 0, 0.7], [0, 0, 0, 2], [0, 0, 0, 0]])
    )
    suv = np.full(shifted.shape, 0.8, np.float32)
    suv[20:24, 20:24, 8:12] = 9.0
    write_volume(Volume(suv, shifted, "SUV"), study / "pet.nii.gz")
    write_labelmap(labelmap(np.full(ct.grid.shape, id_of("Liver")), ct.grid), tmp_path / "liver.nii.gz")
    code, out, err = run_command(*_words(study, tmp_path, "--anatomy", f"{tmp_path / 'liver.nii.gz'}"))
    assert code == 0
    assert "Liver" in out
    assert "holds no organ with physiological uptake" in err
    assert "taken for DAP ids" in err


def test_a_threshold_without_bound_is_a_wrong_call(study, run_command, tmp_path):
    assert run_command(*_words(study, tmp_path, "--threshold", "inf"))[0] == 2
