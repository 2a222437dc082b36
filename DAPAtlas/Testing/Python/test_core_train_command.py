"""`anatomyguided train`: what is wrong with a call is said before anything is made or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
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
