"""The study of crop, window and box size: means, changes and intervals by hand, and its files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from LIMISLib.box import Box
from LIMISLib.prompt import Window
from LIMISLib.random_walk import RandomWalk
from LIMISLib.studies.box_cases import BoxCase, box_cases, dice, enlarged, off_box
from LIMISLib.studies.limis_ablation import ARMS, scores, summary


def _volume(spacing=(2.0, 2.0, 5.0)):
    """A CT with a liver of 20 x 24 x 20 mm and a stomach of one voxel."""
    grid = Grid((30, 32, 6), np.diag([-spacing[0], -spacing[1], spacing[2], 1.0]))
    labels = np.zeros(grid.shape, np.uint8)
    labels[5:15, 8:20, 1:5] = id_of("Liver")
    labels[6, 6, 3] = id_of("Stomach")
    hu = np.where(labels == id_of("Liver"), 60, -100).astype(np.float32)
    hu[:, :3] = -1000
    return Volume(hu, grid, "HU"), Labelmap(labels, grid)


def test_the_thesiss_five_arms_in_its_order_beside_its_figures():
    assert [arm.thesis_percent for arm in ARMS] == [53, 58, 63, 66, 54]
    assert [(arm.is_cropped, arm.in_window, arm.more_px) for arm in ARMS] == [
        *((False, False, 0), (True, False, 0), (True, True, 0)),
        *((True, True, 10), (True, True, 20)),
    ]


def test_cases_are_the_organs_in_view_at_pixels_of_1_mm():
    (case,) = box_cases("a", *_volume())
    assert (case.name, case.structure) == ("a: Liver", "Liver")
    assert case.pixels_hu.shape == case.reference.shape == (64, 60)
    assert (case.box.width, case.box.height) == (20, 24)
    assert np.count_nonzero(case.reference) == 20 * 24
    assert case.pixels_hu[case.reference].mean() == pytest.approx(60, abs=8)


def test_dice_and_boxes_by_hand():
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    one[:2], other[1:3] = True, True
    assert dice(one, other) == 0.5
    assert enlarged(Box(5, 6, 8, 9), 2) == Box(3, 4, 10, 11)
    assert off_box(Box(0, 0, 40, 20), 0.0, np.random.default_rng(0)) == Box(0, 0, 40, 20)
    off = [off_box(Box(0, 0, 40, 20), 0.1, np.random.default_rng(seed)) for seed in range(400)]
    assert np.std([box.left for box in off]) == pytest.approx(4.0, rel=0.15)
    assert np.std([box.bottom for box in off]) == pytest.approx(2.0, rel=0.15)
    shut = [off_box(Box(0, 0, 4, 4), 5.0, np.random.default_rng(seed)) for seed in range(50)]
    assert min(box.width for box in shut) >= 2


def test_each_arm_is_shown_the_window_and_the_box_that_it_says():
    asked = []

    class Noting(RandomWalk):
        def chances(self, pixels_hu, prompt, *, pixel_mm):  # noqa: ARG002
            asked.append((prompt.box, prompt.window))
            return np.ones(pixels_hu.shape, np.float32)

    mask = np.zeros((50, 60), bool)
    mask[20:30, 20:40] = True
    case = BoxCase("a", "Liver", np.zeros((50, 60), np.float32), mask, Box(20, 20, 40, 30))
    rows = scores(case, Noting())
    assert [row["arm"] for row in rows] == [arm.name for arm in ARMS if arm.is_cropped]  # it sees the box alone anyway
    liver = Window(60, 160)
    assert asked == [(case.box, None), (case.box, liver), (Box(10, 10, 50, 40), liver), (Box(0, 0, 60, 50), liver)]
    assert rows[0]["dice"] == round(2 * 200 / (3000 + 200), 4)


def test_the_table_by_hand():
    values = {"whole image": (0.2, 0.4), "crop to box and margin": (0.5, 0.5), "organ window": (0.6, 0.8)}
    rows = [
        {"case": case, "segmenter": "s", "arm": arm, "dice": value}
        for arm, both in values.items()
        for case, value in zip("ab", both, strict=True)
    ]
    whole, crop, window = summary(rows, seed=0)
    assert (whole["dice"], whole["change"], whole["cases"], whole["thesis_dice"]) == (0.3, None, 2, 0.53)
    assert (crop["dice"], crop["change"]) == (0.5, 0.2)
    assert (window["dice"], window["change"]) == (0.7, 0.2)
    assert (crop["change_low"], crop["change_high"]) == (0.1, 0.3)  # two cases: means of 0.1 and 0.3
    assert (whole["low"], whole["high"]) == (0.2, 0.4)


@pytest.fixture
def cohort(tmp_path):
    image, anatomy = _volume()
    write_volume(image, tmp_path / "ct.nii.gz")
    write_labelmap(anatomy, tmp_path / "labels.nii.gz")
    write_labelmap(replace(anatomy, values=np.zeros_like(anatomy.values)), tmp_path / "empty.nii.gz")
    (tmp_path / "c.csv").write_text("case,ct,labels\na,ct.nii.gz,labels.nii.gz@dap\n")
    (tmp_path / "none.csv").write_text("case,ct,labels\na,ct.nii.gz,empty.nii.gz@dap\n")
    return tmp_path


def test_the_study_on_a_cohort_writes_tables_and_a_page(cohort, run_command):
    pytest.importorskip("torch")
    code, out, _ = run_command("study", "limis-ablation", "--cohort", cohort / "c.csv", "-o", cohort / "out", "--json",
                               cohort / "r.json")  # fmt: skip
    assert code == 0
    rows = list(csv.DictReader((cohort / "out" / "cases.csv").open()))
    assert len(rows) == 5 + 4  # one organ; five arms of the network, four of the walk
    table = list(csv.DictReader((cohort / "out" / "table.csv").open()))
    thesis = ["0.53", "0.58", "0.63", "0.66", "0.54"]
    assert [row["thesis_dice"] for row in table] == [*thesis, *thesis[1:]]
    assert "random_walk, box + 10 px" in out
    page = (cohort / "out" / "ablation.html").read_text()
    assert "scribbleprompt" in page
    assert "0.53" in page
    result = json.loads((cohort / "r.json").read_text())
    assert len(result["weights_sha256"]["scribbleprompt"]) == 64
    assert result["findings"] == json.loads((cohort / "out" / "study.json").read_text())["findings"]


def test_made_patients_without_a_cohort(tmp_path, run_command):
    (tmp_path / "s.json").write_text(json.dumps({"patients": 1, "spacing_mm": 6.0, "segmenters": ["seeded_growth"]}))
    assert run_command("study", "limis-ablation", "--config", tmp_path / "s.json", "-o", tmp_path / "out")[0] == 0
    organs = {row["structure"] for row in csv.DictReader((tmp_path / "out" / "cases.csv").open())}
    assert {"Liver", "Spleen", "Bladder"} <= organs


def test_a_cohort_without_an_organ_and_an_unknown_segmenter_are_refused(cohort, run_command):
    (cohort / "growth.json").write_text(json.dumps({"segmenters": ["seeded_growth"]}))
    study = ("study", "limis-ablation", "-o", cohort / "out")
    code, _, err = run_command(*study, "--cohort", cohort / "none.csv", "--config", cohort / "growth.json")
    assert code == 1
    assert "No organ" in err
    (cohort / "s.json").write_text(json.dumps({"segmenters": ["nothing"]}))
    code, _, err = run_command("study", "limis-ablation", "--config", cohort / "s.json", "-o", cohort / "out")
    assert code == 2
    assert "no segmenter 'nothing'" in err
    assert not (cohort / "out").exists()
