"""Label maps that are none, given to rules, plausibility and atlas: one sentence, no traceback, no file."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from made_images import cylinder_body, grid, labelmap

LIVER = id_of("Liver")
ON = cylinder_body().grid


def stored(values: np.ndarray, folder, dtype: type = np.uint8):
    path = folder / "in" / "map.nii.gz"
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(values.astype(dtype), ON.affine), path)
    return path


def one_structure() -> np.ndarray:
    values = np.zeros(ON.shape)
    values[10:20, 10:20, 5:10] = LIVER
    return values


@pytest.fixture(params=["rules", "plausibility", "atlas"])
def call(request, run_command, tmp_path):
    """A command with the label map; and the file that it would write."""
    output = tmp_path / {"rules": "out.nii.gz", "plausibility": "out.csv", "atlas": "out.nii.gz"}[request.param]
    ct = tmp_path / "ct.nii.gz"
    write_volume(cylinder_body(), ct)

    def run(path, scheme="dap"):
        words = {
            "rules": ["rules", f"{path}@{scheme}", "-o", output],
            "plausibility": ["plausibility", f"{path}@{scheme}", "--csv", output],
            "atlas": ["atlas", ct, "--experts", f"file:{path}@{scheme}", "-o", output],
        }[request.param]
        return *run_command(*words), output

    return run


@pytest.mark.parametrize(
    ("values", "dtype", "said"),
    [
        (one_structure() + 0.5, np.float32, "not whole numbers"),
        (one_structure() * 0 - 1, np.int16, "negative"),
        (np.where(one_structure() > 0, 11, 0), np.uint8, "11"),
        (np.where(one_structure() > 0, 145, 0), np.uint8, "145"),
        (np.where(one_structure() > 0, 4711, 0), np.uint16, "4711"),
        (np.where(one_structure() > 0, 70000, 0), np.int32, "70000"),
        (one_structure() * 0, np.uint8, ""),
        (np.stack([one_structure()] * 2, axis=-1), np.uint8, "4 axes"),
    ],
    ids=["fractions", "negative", "a gap of the table", "beyond the table", "16 bits", "32 bits", "empty", "4D"],
)
def test_what_is_no_label_map_ends_in_a_sentence(call, tmp_path, values, dtype, said):
    code, _, err, output = call(stored(values, tmp_path, dtype))
    last = err.strip().splitlines()[-1]
    assert (code, output.exists()) == (1, False)
    assert said in last
    assert "Traceback" not in err


def test_whole_numbers_stored_as_fractions_and_a_map_of_one_structure_are_taken(call, tmp_path):
    code, _, err, output = call(stored(one_structure(), tmp_path, np.float64))
    assert code == 0, err
    assert output.exists()


def test_a_scheme_that_is_not_there_is_a_wrong_call(call, tmp_path):
    code, _, err, output = call(stored(one_structure(), tmp_path), "atlantis")
    assert (code, output.exists()) == (2, False)
    assert "atlantis" in err


def test_a_map_of_one_structure_comes_back_whole_and_every_rule_says_what_it_lacks(run_command, tmp_path):
    path = stored(one_structure(), tmp_path)
    code, out, _ = run_command("rules", f"{path}@dap", "-o", tmp_path / "out.nii.gz")
    assert code == 0
    assert out.count("not evaluable") >= 4
    assert np.array_equal(read_labelmap(tmp_path / "out.nii.gz").values, one_structure())


@pytest.mark.parametrize("command", ["rules", "plausibility"])
def test_a_ct_of_another_patients_grid_is_refused(command, run_command, tmp_path):
    write_labelmap(labelmap(one_structure()[:-1], grid((43, 44, 20))), tmp_path / "other.nii.gz")
    write_volume(cylinder_body(), tmp_path / "ct.nii.gz")
    output = ["-o", tmp_path / "o.nii.gz"] if command == "rules" else ["--csv", tmp_path / "o.csv"]
    code, _, err = run_command(command, f"{tmp_path / 'other.nii.gz'}@dap", "--ct", tmp_path / "ct.nii.gz", *output)
    assert code == 1
    assert "other.nii.gz" in err
    assert not output[1].exists()
