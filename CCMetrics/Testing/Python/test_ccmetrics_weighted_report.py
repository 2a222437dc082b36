"""`evaluate --weights`: lesions weighted by the structure they lie in, worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.labels import id_of
from made_images import labelmap


@pytest.fixture
def case(tmp_path):
    """A lesion in the brain, found; one in the liver, missed; both of four voxels."""
    reference, prediction, anatomy = (np.zeros((12, 4, 2)) for _ in range(3))
    reference[1:3, 1:3, 0] = reference[9:11, 1:3, 0] = 1
    prediction[1:3, 1:3, 0] = 1
    anatomy[:6], anatomy[6:] = id_of("Brain"), id_of("Liver")
    for name, values in (("reference", reference), ("prediction", prediction), ("anatomy", anatomy)):
        write_labelmap(labelmap(values), tmp_path / f"{name}.nii.gz")
    return tmp_path


def _evaluate(case, run_command, *more):
    return run_command("evaluate", case / "reference.nii.gz", case / "prediction.nii.gz", *more)


def test_a_lesion_counts_as_its_structure_weighs(case, run_command):
    (case / "weights.csv").write_text("structure,weight,pathway\nBrain,3,blood\nLiver,1,\n", encoding="utf-8")
    words = ("--anatomy", case / "anatomy.nii.gz", "--weights", case / "weights.csv", "--json", case / "r.json")
    code, out, _ = _evaluate(case, run_command, *words)
    assert code == 0
    assert "Weighted by anatomy, dice: 0.7500" in out
    dice = json.loads((case / "r.json").read_text())["weighted"]["dice"]
    assert (dice["value"], dice["total_weight"], dice["components"]) == (0.75, 4.0, 2)
    assert dice["pathways"]["blood"]["value"] == 1.0


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        ("structure,weight\nLever,2\n", 1, "Lever"),
        ("organ,weight\nLiver,2\n", 1, "needs a header"),
        ("structure,weight\nLiver,-2\n", 1, "Liver"),
        (None, 1, "weights.csv cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(case, run_command, content, code, sentence):
    if content is not None:
        (case / "weights.csv").write_text(content, encoding="utf-8")
    result = _evaluate(case, run_command, "--anatomy", case / "anatomy.nii.gz", "--weights", case / "weights.csv")
    assert result[0] == code
    assert sentence in result[2]


def test_weights_without_anatomy_are_a_wrong_call(case, run_command):
    assert _evaluate(case, run_command, "--weights", case / "weights.csv")[0] == 2
