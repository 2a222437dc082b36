"""One step of a recipe in a process of its own: what it reports, and when it is none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")

from benchmarks import grasp_step

Written = Callable[[float], str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The file of a small recipe beside the bundled atlas model, with a learning rate."""

    def write(rate: float) -> str:
        recipe = {
            "backbone": {"features": [8, 16, 24], "encoder_blocks": 1},
            "sampling": {"shape": [32, 32, 32]},
            "fusion": {"pairing": "alike"},
            "training": {"steps": 60, "batch": 2, "learning_rate": rate, "averaging": 0.0, "warm_up_steps": 0},
        }
        path = tmp_path / "small.json"
        path.write_text(json.dumps(recipe), encoding="utf-8")
        return str(path)

    return write


def test_a_step_is_past_the_activation_and_changes_all_that_learns(written: Written) -> None:
    found = grasp_step.one_step(written(1e-3), 2)
    assert (found.patch, found.batch, found.encoder) == ("32 x 32 x 32", 2, "trained")
    assert math.isfinite(found.loss)
    assert found.loss_after != found.loss
    assert len(found.similarity) == 2
    assert all(-1.0 <= value < 1.0 for value in found.similarity)
    assert 0.0 < found.gb_before <= found.gb
    assert found.seconds > 0.0


def test_a_step_that_changes_nothing_is_none(written: Written) -> None:
    with pytest.raises(grasp_step.NoStep, match="have not changed"):
        grasp_step.one_step(written(1e-30), 1)


def test_a_process_that_takes_too_much_memory_is_ended(written: Written) -> None:
    assert grasp_step.in_own_process(written(1e-3), 1, most_gb=0.05) is None


def test_a_batch_that_does_not_fit_is_halved(
    written: Written, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = []
    step = grasp_step.Step("small", "32 x 32 x 32", 1, "trained", 9, 1.0, 0.9, [0.5, 0.6], 1.0, 1.0, 1.0, 0.5)

    def fits_one(name: str, batch: int, most_gb: float) -> grasp_step.Step | None:  # noqa: ARG001
        tried.append(batch)
        return step if batch == 1 else None

    monkeypatch.setattr(grasp_step, "in_own_process", fits_one)
    grasp_step.report(written(1e-3), 15.0)
    assert tried == [2, 1]
    assert "batch 2 needs more than 15 GB\n" in capsys.readouterr().out
