"""`anatomyguided train`: what is wrong with a call is said before anything is made or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from AnatomyGuidedLib.cli import main
from AnatomyGuidedLib.train_command import TRAININGS

Run = Callable[..., tuple[int, str, str]]

_DEMOS = {
    "atlas": "dap-demo",
    "grasp": "grasp-demo",
    "apex": "apex-demo",
    "lang2box": "lang2box-demo",
    "box2mask": "box2mask-demo",
}


@pytest.mark.parametrize("training", TRAININGS)
def test_a_device_that_cannot_be_is_refused_at_once(run_command: Run, tmp_path: Path, training: str) -> None:
    config = _DEMOS.get(training, "dap-demo")
    code, out, err = run_command("train", training, "--config", config, "-o", tmp_path / "m", "--device", "gpu")
    assert (code, out) == (2, "")
    assert err == "The device is 'gpu', but auto, cpu, cuda or cuda:N was expected.\n"
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_a_file_in_the_place_of_the_models_folder_is_refused_at_once(
    run_command: Run, tmp_path: Path, more: tuple[str, ...]
) -> None:
    (tmp_path / "m").write_text("kept")
    code, _, err = run_command("train", "apex", "--config", "apex-demo", "-o", tmp_path / "m", *more)
    assert (code, err) == (2, "m is a file, but a folder for the model was expected.\n")
    assert (tmp_path / "m").read_text() == "kept"


@pytest.mark.parametrize(
    ("training", "recipe", "told"),
    [
        (
            "box2mask",
            "grasp-demo",
            "grasp-demo is a recipe of train grasp; for train box2mask there are box2mask-demo.\n",
        ),
        ("grasp", "dap-demo", "dap-demo is a recipe of train atlas; for train grasp there are grasp-autopet-mednext, "),
        ("expert", "dap-demo", "dap-demo is a recipe of train atlas; for train expert there is none: give a settings "),
    ],
)
def test_a_recipe_of_another_training_is_refused_with_whose_it_is(
    run_command: Run, tmp_path: Path, training: str, recipe: str, told: str
) -> None:
    code, out, err = run_command("train", training, "--config", recipe, "-o", tmp_path / "m")
    assert (code, out) == (2, "")
    assert err.startswith(told)
    assert not (tmp_path / "m").exists()


def test_the_help_tells_the_recipes_of_each_training_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["box2mask", "box2mask-demo"] in lines
    assert any(words[:2] == ["apex", "apex-demo,"] for words in lines)
