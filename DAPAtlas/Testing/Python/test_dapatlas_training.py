"""Training on made patients: patches that are what they say, a command from a recipe to an atlas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.labels import id_of, labels
from DAPAtlasLib.training.phantom_patches import PatchSettings, PhantomPatches, class_ids

Run = Callable[..., tuple[int, str, str]]

PLAIN = PatchSettings(
    shape=(48, 40, 40), spacing_mm=10.0, randomised=0.0, variant=0.0, narrow=0.0, scale=0.0, turn=0.0, bend_mm=0.0
)


def test_a_number_is_always_the_same_patch_and_another_number_another() -> None:
    first, again = PhantomPatches(PatchSettings(spacing_mm=10.0)), PhantomPatches(PatchSettings(spacing_mm=10.0))
    again.example(9)
    for number in (0, 5):
        for one, other in zip(first.example(number), again.example(number), strict=True):
            np.testing.assert_array_equal(one, other)
    assert (first.example(0)[1] != first.example(1)[1]).any()


def test_classes_are_background_unknown_tissue_and_all_structures() -> None:
    assert class_ids() == tuple(sorted(label.id for label in labels()))
    assert len(class_ids()) == 144


def test_a_patch_runs_towards_right_front_and_head() -> None:
    """The liver lies on the right, the spine behind the heart, the brain above the liver."""
    class_of = {label: number for number, label in enumerate(class_ids())}
    source, middles = PhantomPatches(PLAIN), {}
    for number in range(12):
        image, classes = source.example(number)
        assert image.shape == (1, 48, 40, 40)
        assert classes.shape == (48, 40, 40)
        for name in ("Liver", "Spleen", "Spinal Canal", "Heart Ventricle Left"):
            places = np.argwhere(classes == class_of[id_of(name)])
            if len(places) > 20:
                middles.setdefault(number, {})[name] = places.mean(0)
    compared = 0
    for found in middles.values():
        if {"Liver", "Spleen"} <= set(found):
            assert found["Liver"][0] > found["Spleen"][0] + 5
            compared += 1
        if {"Spinal Canal", "Heart Ventricle Left"} <= set(found):
            assert found["Spinal Canal"][1] < found["Heart Ventricle Left"][1] - 2
            compared += 1
    assert compared >= 4


def test_air_is_minus_one_and_soft_tissue_near_nought() -> None:
    image, classes = PhantomPatches(PLAIN).example(0)
    assert image.min() == -1.0
    assert image.max() <= 1.5
    liver = image[0][classes == class_ids().index(id_of("Liver"))]
    outside = image[0][classes == 0]
    assert np.median(outside) < -0.9
    assert not liver.size or -0.1 < np.median(liver) < 0.25


def recipe(tmp_path: Path, steps: int = 2) -> Path:
    patches = {"shape": [16, 16, 16], "spacing_mm": 10.0}
    settings = {
        "features": [4, 6],
        "encoder_blocks": 1,
        "phases": [
            {"patches": patches, "training": {"steps": steps, "log_every_steps": 1}},
            {"patches": patches | {"seed": 1}, "training": {"steps": steps, "log_every_steps": 1}},
        ],
    }
    (tmp_path / "recipe.json").write_text(json.dumps(settings))
    return tmp_path / "recipe.json"


@pytest.mark.usefixtures("_torch")
def test_a_recipe_becomes_a_model_that_labels_a_ct(tmp_path: Path, run_command: Run) -> None:
    code, out, _ = run_command("train", "atlas", "--config", recipe(tmp_path), "-o", tmp_path / "model")
    assert code == 0
    assert out.startswith("model: 4 steps in 0 min, loss ")
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["preparation"]["orientation"] == "RAS"
    assert "demonstration model" in card["notes"][0]
    assert run_command("phantom", tmp_path / "p", "--spacing", "8")[0] == 0
    code, _, _ = run_command(
        "atlas", tmp_path / "p" / "ct.nii.gz", "--model", tmp_path / "model", "--rules", "off",
        "-o", tmp_path / "a.nii.gz", "--report", tmp_path / "r.json",
    )  # fmt: skip
    assert code == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert any("demonstration model" in note for note in report["notes"])
    assert report["experts"] == ["model"]


@pytest.mark.usefixtures("_torch")
def test_a_recipe_may_name_one_of_monais_networks(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("monai", reason="MONAI is not installed")
    settings = json.loads(recipe(tmp_path).read_text())
    settings = {"architecture": "SegResNet", "phases": settings["phases"][:1]}
    settings["arguments"] = {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}
    (tmp_path / "monai.json").write_text(json.dumps(settings))
    assert run_command("train", "atlas", "--config", tmp_path / "monai.json", "-o", tmp_path / "model")[0] == 0
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["network"]["architecture"] == "SegResNet"
    (tmp_path / "monai.json").write_text(json.dumps(settings | {"arguments": {"colour": 1}}))
    code, _, said = run_command("train", "atlas", "--config", tmp_path / "monai.json", "-o", tmp_path / "other")
    assert (code, "colour" in said) == (1, True)


@pytest.mark.usefixtures("_torch")
@pytest.mark.parametrize("holds", ["no folder", "nothing", "a recipe alone"])
def test_going_on_where_nothing_was_learned_begins_and_says_so(tmp_path: Path, run_command: Run, holds: str) -> None:
    """A job that may be called again always asks to go on; in a mistyped folder the sentence shows it."""
    words = ["train", "atlas", "--config", recipe(tmp_path, steps=1), "-o", tmp_path / "mistyped", "--resume"]
    if holds != "no folder":
        (tmp_path / "mistyped").mkdir()
    if holds == "a recipe alone":
        (tmp_path / "mistyped" / "recipe.json").write_bytes((tmp_path / "recipe.json").read_bytes())
    code, _, said = run_command(*words)
    assert (code, said) == (0, "mistyped holds no training to go on with; one begins there.\n")
    code, _, said = run_command(*words)
    assert (code, said) == (0, "")


@pytest.mark.usefixtures("_torch")
def test_a_folder_with_a_training_needs_resume(tmp_path: Path, run_command: Run) -> None:
    words = ["train", "atlas", "--config", recipe(tmp_path), "-o", tmp_path / "model"]
    assert run_command(*words)[0] == 0
    first = (tmp_path / "model" / "weights.safetensors").read_bytes()
    code, _, said = run_command(*words)
    assert (code, "--resume" in said) == (2, True)
    assert run_command(*words, "--resume")[0] == 0
    assert (tmp_path / "model" / "weights.safetensors").read_bytes() == first
    recipe(tmp_path, steps=3)
    code, _, said = run_command(*words, "--resume")
    assert (code, "begun with phases.1.training.steps 2, but now phases.1.training.steps is 3" in said) == (2, True)
    assert (tmp_path / "model" / "weights.safetensors").read_bytes() == first


@pytest.mark.usefixtures("_torch")
def test_a_network_that_cannot_be_built_leaves_settings_that_may_be_mended(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("monai", reason="MONAI is not installed")
    settings = json.loads(recipe(tmp_path).read_text())
    wrong = {"architecture": "SegResNet", "arguments": {"colour": 1}, "phases": settings["phases"][:1]}
    mended = wrong | {"arguments": {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}}
    words = ["train", "atlas", "--config", tmp_path / "monai.json", "-o", tmp_path / "model"]
    for told, code in ((wrong, 1), (mended, 0)):
        (tmp_path / "monai.json").write_text(json.dumps(told))
        assert run_command(*words)[0] == code


def test_an_unknown_recipe_or_setting_is_a_wrong_call(tmp_path: Path, run_command: Run) -> None:
    code, _, said = run_command("train", "atlas", "--config", "nobodys", "-o", tmp_path / "m")
    assert (code, "dap-demo" in said) == (2, True)
    (tmp_path / "bad.json").write_text('{"colour": "red"}')
    code, _, said = run_command("train", "atlas", "--config", tmp_path / "bad.json", "-o", tmp_path / "m")
    assert (code, "colour" in said) == (2, True)
    assert not (tmp_path / "m").exists()


@pytest.fixture
def _torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
