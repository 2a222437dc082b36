"""`anatomyguided atlas` as a user calls it: real and made images, and every way it can go wrong."""

from __future__ import annotations

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from AnatomyGuidedLib.io import read_anatomy, read_image, read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, scheme
from DAPAtlasLib.tissue_rules import FAT_HU, MUSCLE_HU
from made_images import cylinder_body, grid, labelmap


@pytest.fixture
def ct(tmp_path):
    path = tmp_path / "in" / "ct.nii.gz"
    path.parent.mkdir()
    write_volume(cylinder_body(), path)
    return path


def test_another_tools_map_of_a_real_abdomen_arrives_whole_under_dap_names(realdata, run_command, tmp_path):
    ct_path = realdata / "ct_abdomen_3mm.nii.gz"
    organs = realdata / "ct_abdomen_3mm_totalsegmentator.nii.gz"
    output, statistics, report = tmp_path / "a.seg.nrrd", tmp_path / "s.csv", tmp_path / "r.json"
    experts = f"rules,file:{organs}@totalsegmentator"
    code, out, _ = run_command(
        "atlas",
        ct_path,
        "--experts",
        experts,
        "--rules",
        "off",
        "-o",
        output,
        "--statistics",
        statistics,
        "--report",
        report,
    )
    assert code == 0
    assert "Liver" in out
    atlas, given = read_labelmap(output), read_labelmap(organs).values
    known = scheme("totalsegmentator")
    for value in np.unique(given[given > 0]):
        assert (atlas.values[given == value] == known.to_dap[int(value)]).all()
    named = np.isin(atlas.values, [0, id_of(UNKNOWN_TISSUE)], invert=True)
    assert named.sum() > 0.85 * (atlas.values > 0).sum()
    hu = read_image(ct_path).values
    for name, (low, high) in (("Fat", FAT_HU), ("Muscles", MUSCLE_HU)):
        inside = hu[atlas.values == id_of(name)]
        assert ((inside >= low) & (inside <= high)).mean() >= 0.95
    assert atlas.grid == read_image(ct_path).grid
    rows = {row["name"]: row for row in csv.DictReader(statistics.open())}
    liver = hu[np.isin(given, [5])]
    assert float(rows["Liver"]["mean_hu"]) == pytest.approx(float(liver.mean()), abs=0.01)
    assert {entry["expert"] for entry in json.loads(report.read_text())["covered"]} == {"rules"}


@pytest.mark.parametrize("suffix", [".nii.gz", ".seg.nrrd", ".nrrd"])
def test_the_output_lies_on_the_cts_grid_whatever_its_format(ct, run_command, tmp_path, suffix):
    assert run_command("atlas", ct, "-o", tmp_path / f"a{suffix}")[0] == 0
    assert read_labelmap(tmp_path / f"a{suffix}").grid == read_image(ct).grid


def test_a_segmentation_that_was_written_reads_back_as_anatomy(ct, run_command, tmp_path):
    run_command("atlas", ct, "-o", tmp_path / "a.seg.nrrd")
    run_command("atlas", ct, "-o", tmp_path / "a.nii.gz")
    first, second = (read_anatomy(str(tmp_path / name)).values for name in ("a.seg.nrrd", "a.nii.gz"))
    assert np.array_equal(first, second)


def test_without_an_expert_the_bundled_model_is_used_and_said_to_be_a_demonstration(ct, run_command, tmp_path):
    report = tmp_path / "r.json"
    code, _, err = run_command("atlas", ct, "-o", tmp_path / "a.nii.gz", "--report", report)
    assert code == 0
    assert "demonstration model" in err
    told = json.loads(report.read_text())
    assert told["experts"] == ["dap-demo"]
    assert any("demonstration model" in note for note in told["notes"])


def test_without_a_bundled_model_the_rules_are_used_and_said_so(ct, run_command, tmp_path, monkeypatch):
    monkeypatch.setattr("DAPAtlasLib.experts.model_names", tuple)
    assert "using rules" in run_command("atlas", ct, "-o", tmp_path / "a.nii.gz")[2]


def test_a_report_holds_no_folder_of_the_inputs(ct, run_command, tmp_path):
    organs = tmp_path / "in" / "organs.nii.gz"
    write_labelmap(labelmap(np.zeros((44, 44, 20)), read_image(ct).grid), organs)
    report = tmp_path / "r.json"
    run_command("atlas", ct, "--experts", f"rules,file:{organs}", "-o", tmp_path / "a.nii.gz", "--report", report)
    assert "organs.nii.gz" in report.read_text()
    assert str(tmp_path) not in report.read_text()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--experts", "moses"], 2, "There is no expert 'moses'"),
        (["--experts", "file:x.nii.gz@nothing"], 2, "nothing"),
        (["--experts", "file:missing.nii.gz"], 1, "missing.nii.gz does not exist"),
        (["--sex", "X"], 2, "invalid choice"),
        (["--rule", "on"], 2, "--rule"),
    ],
)
def test_wrong_calls_and_missing_files_say_so_and_write_nothing(ct, run_command, tmp_path, words, code, sentence):
    result = run_command("atlas", ct, "-o", tmp_path / "out" / "a.nii.gz", *words)
    assert result[0] == code
    assert sentence in result[2]
    assert len(result[2].strip().splitlines()) == 1
    assert result[1] == ""
    assert not (tmp_path / "out").exists()


def test_a_label_map_on_another_grid_is_refused_by_name(ct, run_command, tmp_path):
    write_labelmap(labelmap(np.ones((44, 44, 20)), grid((44, 44, 20))), tmp_path / "shifted.nii.gz")
    code, _, err = run_command(
        "atlas", ct, "--experts", f"file:{tmp_path / 'shifted.nii.gz'}", "-o", tmp_path / "a.nrrd"
    )
    assert code == 1
    assert "shifted.nii.gz and the CT must lie on one grid" in err


def test_a_value_that_the_scheme_lacks_is_named(ct, run_command, tmp_path):
    write_labelmap(labelmap(np.full((44, 44, 20), 200), read_image(ct).grid), tmp_path / "odd.nii.gz")
    code, _, err = run_command("atlas", ct, "--experts", f"file:{tmp_path / 'odd.nii.gz'}", "-o", tmp_path / "a.nrrd")
    assert code == 1
    assert "200" in err


def test_a_real_mr_is_refused_with_what_it_lacks_and_force_overrides(realdata, run_command, tmp_path):
    mr = realdata / "mr_abdomen_negative.nii.gz"
    code, _, err = run_command("atlas", mr, "-o", tmp_path / "a.nii.gz")
    assert code == 1
    assert "no air near -1000 HU and no fat near -100 HU" in err
    assert not list(tmp_path.iterdir())
    assert run_command("atlas", mr, "-o", tmp_path / "a.nii.gz", "--force")[0] == 0


def test_an_output_that_existed_stays_when_the_run_fails(ct, run_command, tmp_path):
    output = tmp_path / "a.nii.gz"
    run_command("atlas", ct, "-o", output)
    before = output.read_bytes()
    assert run_command("atlas", ct, "--experts", f"file:{tmp_path / 'missing.nii.gz'}", "-o", output)[0] == 1
    assert output.read_bytes() == before


@pytest.mark.parametrize("shape", [(1, 44, 20), (44, 1, 20), (44, 44, 1)])
def test_a_slab_of_one_voxel_works_or_is_refused_with_a_sentence(run_command, tmp_path, shape):
    values = cylinder_body().values[tuple(slice(20, 20 + n) if n == 1 else slice(n) for n in shape[:2])]
    values = values[:, :, : shape[2]]
    nib.save(nib.Nifti1Image(values, np.diag([4.0, 4.0, 4.0, 1.0])), tmp_path / "slab.nii.gz")
    code, _, err = run_command("atlas", tmp_path / "slab.nii.gz", "-o", tmp_path / "a.nii.gz")
    assert code in (0, 1)
    assert "Traceback" not in err
