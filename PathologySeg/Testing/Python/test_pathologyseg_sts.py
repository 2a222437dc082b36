"""The table of the two real sarcoma cases, against Dice by its formula."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.io import read_labelmap, read_pet
from benchmarks import sts_table
from scipy import ndimage


def test_the_table_has_every_reading_of_both_cases_and_says_what_is_not_evaluable(realdata):
    rows = sts_table.table(realdata, [], "dap-demo")
    assert [(row["reading"], row["case"]) for row in rows] == [
        (reading, case) for reading in ("suv4", "suv4 from 2.5", "suv41", "percist") for case in sts_table.CASES
    ]
    assert [row["note"].startswith("not evaluable: no liver") for row in rows[-2:]] == [True, True]
    for row, (threshold, case) in zip(rows[:4], [(4, 0), (4, 1), (2.5, 0), (2.5, 1)], strict=True):
        name = sts_table.CASES[case]
        found = read_pet(realdata / f"{name}_PET_image.nii.gz").values >= threshold
        reference = read_labelmap(realdata / f"{name}_PET_mask.nii.gz").values > 0
        dice = 2 * (found & reference).sum() / (found.sum() + reference.sum())
        assert float(row["dice"]) == pytest.approx(dice, abs=6e-4)
        assert float(row["ml"]) <= float(row["reference_ml"])


def test_a_model_that_cannot_be_read_has_a_line_that_says_why(realdata):
    reader = [*sts_table.readers(["no-such-model"])][-1]
    row = sts_table.row(reader, realdata, "STS_001", "dap-demo")
    assert "There is no model 'no-such-model'" in row["note"]
    assert "dice" not in row


def test_an_evaluated_reading_counts_its_lesions(realdata):
    reader = next(sts_table.readers([]))
    row = sts_table.row(reader, realdata, "STS_004", "dap-demo")
    suv = read_pet(realdata / "STS_004_PET_image.nii.gz").values
    assert int(row["lesions"]) == ndimage.label(suv >= 4, np.ones((3, 3, 3)))[1]
