"""The study apex-ladder: intervals by hand, paired with the baseline; all arms, and those that do not run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.io import read_labelmap
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import recipe_file
from PathologySegLib.apex.intervals import differences, mean_difference, score_intervals
from PathologySegLib.apex.ladder import ARMS, LADDER, NOT_RUN
from PathologySegLib.apex.paxray import film_classes
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmentation_scores import Counts

Run = Callable[..., tuple[int, str, str]]


def test_an_interval_is_that_of_patients_drawn_with_replacement() -> None:
    """Two patients of IoU 1 (10 of 10 pixels) and 0 (0 of 30): drawn twice they give 1, 10 / 40 or 0."""
    found = score_intervals([Counts(10, 10, 1, 1), Counts(0, 30, 0, 3)])
    assert found["iou"] == {"mean": 0.25, "low": 0.0, "high": 1.0}
    assert found["boundary_iou"]["mean"] == 0.25
    assert found["dice"]["mean"] == 0.4
    same = score_intervals([Counts(5, 10, 1, 2)] * 4)
    assert same["iou"] == {"mean": 0.5, "low": 0.5, "high": 0.5}


def test_differences_draw_the_same_patients_for_both_arms() -> None:
    """An arm that is better by the same on each patient has an interval of no width, however unlike patients are."""
    arm = [Counts(6, 10, 0, 1), Counts(60, 100, 0, 1), Counts(600, 1000, 0, 1)]
    baseline = [Counts(5, 10, 0, 1), Counts(50, 100, 0, 1), Counts(500, 1000, 0, 1)]
    assert differences(arm, baseline)["iou"] == {"mean": 0.1, "low": 0.1, "high": 0.1}
    assert differences(arm, arm)["dice"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    worse = differences(baseline[:1] + arm[1:], arm)["iou"]
    assert worse["low"] < worse["mean"] < worse["high"] == 0.0
    with pytest.raises(ValueError, match="3 and 2"):
        differences(arm, baseline[:2])
    assert mean_difference([1.0, 0.0], [0.0, 0.0])["mean"] == 0.5


def test_the_ladder_is_table_10_and_rivals_that_do_not_run_are_named() -> None:
    assert len(LADDER) == 14  # 7 rows of the left half, whose baseline the right half repeats, and its 7 others
    gammas = {name: arm.gamma for name, arm in LADDER.items() if arm.learned == "pasted" and not arm.anatomy_input}
    assert gammas == {"multitask-1": 1, "multitask-10": 10, "multitask-142": 142}
    assert {arm.exchange.mixer for arm in LADDER.values()} == {
        "", "sum", "mean", "sum-two-ways", "cross-attention", "cross-attention-per-level",
    }  # fmt: skip
    assert set(NOT_RUN) == {"mask-rcnn", "cascade-mask-rcnn", "pointrend", "maskdino"}
    assert len(ARMS) == 17


@pytest.mark.parametrize("name", ["apex-thesis", "apex-xray-thesis", "apex-demo", "apex-small", "apex-xray-small"])
def test_committed_recipes_are_recipes(name: str) -> None:
    recipe = with_settings(ApexRecipe(), read_settings(recipe_file(name)))
    side = recipe.shape.strides[-1]
    assert all(n % side == 0 for n in (recipe.cohort.frame if recipe.domain == "petct" else (recipe.films.pixels,)))
    if name.endswith("thesis"):
        shape, loss = recipe.shape, recipe.loss
        assert (shape.queries, shape.hidden, shape.layers, shape.depths) == (100, 256, 9, (3, 4, 6, 3))
        assert (loss.classes, loss.mask, loss.dice) == (2, 5, 5)
        assert (recipe.arm, recipe.folds) == ("cross-attention", 5)
    if name == "apex-thesis":
        assert (recipe.anatomy, recipe.cohort.patients, recipe.cohort.test) == ("dap", 185, 125)
    if name == "apex-xray-thesis":
        assert (recipe.domain, len(film_classes(recipe.film_anatomy))) == ("xray", 159)


def test_the_study_prints_all_arms_and_writes_the_read_out(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    training = {"steps": 8, "batch": 2, "warm_up_steps": 1}
    settings = {
        "arms": ["cross-attention", "anatomy-input", "unet"],
        "recipe": {"cohort": {"patients": 2, "test": 2}, "folds": 2, "training": training,
                   "shape": {"layers": 1, "queries": 8}},
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(settings))
    words = ["study", "apex-ladder", "--config", tmp_path / "s.json"]
    code, out, said = run_command(*words, "-o", tmp_path / "out")
    assert code == 0, said
    for name in ("baseline", *settings["arms"], *NOT_RUN):
        assert f"{name} " in out
    assert "(true anatomy)" in next(line for line in out.splitlines() if line.startswith("anatomy-input"))
    result = json.loads((tmp_path / "out" / "study.json").read_text())
    assert list(result["arms"]) == ["baseline", *settings["arms"]]
    assert result["arms"]["baseline"]["vs_baseline"]["iou"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    for arm in result["arms"].values():
        assert arm["iou"]["low"] <= arm["iou"]["mean"] <= arm["iou"]["high"]
    with (tmp_path / "out" / "ladder.csv").open() as file:
        assert [row["arm"] for row in csv.DictReader(file)] == list(result["arms"])
    with (tmp_path / "out" / "attention.csv").open() as file:
        rows = list(csv.DictReader(file))
    told = result["attention"]
    assert told["lesions"] == len(rows)
    if rows:
        assert told["share"] == pytest.approx(np.mean([row["hit"] == "True" for row in rows]), abs=1e-4)
    if (tmp_path / "out" / "attended.seg.nrrd").exists():
        assert read_labelmap(tmp_path / "out" / "attended.seg.nrrd").values.max() <= 6
    assert (
        len(list((tmp_path / "out" / "training").glob("*/*/fold_0/state.pt"))) == 4
    )  # another call goes on from there
    code, _, said = run_command(*words, "--cohort", tmp_path / "s.json", "-o", tmp_path / "other")
    assert (code, "without --cohort" in said) == (2, True)


def test_all_arms_with_a_resnet_begin_with_the_same_weights(
    tmp_path: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file lies beside the settings; with a rate of nearly 0 the weights after a step are those of the file."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    from PathologySegLib.apex import learning, segmenter, segmenters

    shape = {"stem": 2, "embedding": 4, "features": [4, 4, 4, 4], "depths": [1, 1, 1, 1], "block": "basic",
             "hidden": 32, "heads": 4, "queries": 4, "layers": 1, "pixel_layers": 1, "feedforward": 8,
             "pixel_feedforward": 8}  # fmt: skip
    recipe = with_settings(ApexRecipe(), {"arm": "deeplab", "shape": shape})
    made = segmenters.build_segmenter(recipe, segmenter.Classes(2)).network.backbone
    (tmp_path / "settings").mkdir()
    torch.save(made.resnet.state_dict(), tmp_path / "settings" / "resnet.pt")
    first = made.resnet.embedder.embedder.convolution.weight.detach().clone()
    begun = {}

    def looked_at(segmenter, recipe):
        begun[recipe.arm] = found(segmenter, recipe)
        return begun[recipe.arm]

    found = learning._backbone
    monkeypatch.setattr(learning, "_backbone", looked_at)
    settings = {
        "arms": ["maskformer", "deeplab", "unet"],
        "recipe": {"cohort": {"patients": 2, "test": 1}, "folds": 2, "backbone": "resnet.pt", "shape": shape,
                   "training": {"steps": 1, "batch": 1, "learning_rate": 1e-12}},
    }  # fmt: skip
    (tmp_path / "settings" / "s.json").write_text(json.dumps(settings))
    code, _, said = run_command(
        "study", "apex-ladder", "--config", tmp_path / "settings" / "s.json", "-o", tmp_path / "o"
    )
    assert code == 0, said
    assert "unet has no ResNet and begins with random weights" in said
    assert set(begun) == {"baseline", "maskformer", "deeplab"}
    for resnet in begun.values():
        own = resnet.embedder.embedder.convolution.weight
        torch.testing.assert_close(own.detach(), first, atol=1e-6, rtol=0)
