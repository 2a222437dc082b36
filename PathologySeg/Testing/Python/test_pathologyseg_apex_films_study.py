"""The study apex-films: every arm with its interval and gain, and Table 12's methods that do not run by name."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import recipe_file
from PathologySegLib.apex.films_settings import CI, CPU, GPU, FilmsParameters
from PathologySegLib.apex.ladder import NOT_RUN
from PathologySegLib.apex.recipe import ApexRecipe

Run = Callable[..., tuple[int, str, str]]


def test_the_tiers_are_of_films_and_ci_is_the_recipe_that_one_trains_by_hand() -> None:
    small = with_settings(ApexRecipe(), read_settings(recipe_file("apex-xray-small")))
    assert (CI.recipe.shape, CI.recipe.training, CI.recipe.film_anatomy) == (
        small.shape, small.training, small.film_anatomy,
    )  # fmt: skip
    for tier in (CI, CPU, GPU):
        assert set(tier.arms) == {"baseline", "maskformer", "cross-attention"}
        assert tier.recipe.films.pixels % tier.recipe.shape.strides[-1] == 0
    with pytest.raises(UsageError, match="domain is 'petct'"):
        FilmsParameters(recipe=ApexRecipe())
    with pytest.raises(UsageError, match="makes its own films"):
        with_settings(CI, {"recipe": {"data": "train.json"}})
    with pytest.raises(UsageError, match="does not run here"):
        with_settings(CI, {"recipe": {"arm": "maskdino"}})


def test_the_study_tells_every_arm_with_its_interval_and_names_those_that_do_not_run(
    tmp_path: Path, run_command: Run
) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    settings = {
        "arms": ["maskformer", "cross-attention"], "folds": [0, 1],
        "recipe": {"films": {"bodies": 4, "test": 2, "films": 1, "spacing_mm": 10.0}, "folds": 2,
                   "shape": {"layers": 1}, "training": {"steps": 2, "batch": 1, "warm_up_steps": 1}},
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(settings))
    words = ["study", "apex-films", "--config", tmp_path / "s.json", "-o", tmp_path / "out"]
    code, out, said = run_command(*words)
    assert code == 0, said
    result = json.loads((tmp_path / "out" / "study.json").read_text())
    assert list(result["arms"]) == ["baseline", "maskformer", "cross-attention"]
    assert result["not_run"] == dict(NOT_RUN)
    assert result["arms"]["baseline"]["vs_baseline"]["map"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    for arm in result["arms"].values():
        assert arm["map"]["low"] <= arm["map"]["mean"] <= arm["map"]["high"] <= 1
        assert set(arm["by_category"]) <= set(CATEGORIES)
        mean = sum(one["mean"] for one in arm["by_category"].values()) / len(arm["by_category"])
        assert arm["map"]["mean"] == pytest.approx(mean, abs=1e-3)
    with (tmp_path / "out" / "films.csv").open() as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert list(rows) == [*result["arms"], *NOT_RUN]
    assert all(rows[name]["map"] == "" and rows[name]["not_run"] == f"it {NOT_RUN[name]}" for name in NOT_RUN)
    for name in rows:
        assert f"{name} " in out
    code, again, _ = run_command(*words)  # the trainings are kept: nothing is learned anew, and nothing differs
    assert (code, again) == (0, out)
    code, _, said = run_command(*words, "--cohort", tmp_path / "s.json")
    assert code == 2
    assert "makes its own films" in said


def test_an_arm_that_finds_no_instances_is_refused_before_anything_is_filmed(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    for arm, words in (("unet", "finds no instances"), ("mask-rcnn", "does not run here: it needs torchvision")):
        (tmp_path / "s.json").write_text(json.dumps({"arms": [arm]}))
        code, _, said = run_command("study", "apex-films", "--config", tmp_path / "s.json", "-o", tmp_path / "out")
        assert code == 2
        assert words in said
        assert not (tmp_path / "out").exists()
