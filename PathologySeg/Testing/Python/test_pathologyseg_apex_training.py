"""`train apex` from a recipe to a model that `lesions` runs; resuming, rivals, two processes like one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder
from PathologySegLib.apex.ladder import ARMS, NOT_RUN
from PathologySegLib.apex.recipe import ApexRecipe

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from AnatomyGuidedLib.learning.trainer import Training  # noqa: E402
from PathologySegLib.apex.evaluation import answered  # noqa: E402
from PathologySegLib.apex.learning import learn_from  # noqa: E402
from PathologySegLib.apex.model_folder import read_apex, write_apex  # noqa: E402
from PathologySegLib.apex.segmenter import Classes  # noqa: E402
from PathologySegLib.apex.segmenters import build_segmenter  # noqa: E402
from PathologySegLib.apex.training import run as train  # noqa: E402

Run = Callable[..., tuple[int, str, str]]

TINY: dict[str, Any] = {
    "stem": 2, "embedding": 8, "features": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "block": "basic", "hidden": 32,
    "heads": 4, "queries": 8, "layers": 2, "pixel_layers": 1, "feedforward": 16, "pixel_feedforward": 16,
}  # fmt: skip
TRAINING = {"steps": 3, "batch": 2, "warm_up_steps": 1, "log_every_steps": 1, "learning_rate": 0.001}
SETTINGS: dict[str, Any] = {
    "anatomy": "merged", "shape": TINY, "training": TRAINING, "anatomy_training": TRAINING,
    "cohort": {"patients": 5, "test": 1, "spacing_mm": 10.0, "frame": [48, 32]},
}  # fmt: skip


class Blobs:
    """Anatomy: two halves; a lesion: a square somewhere, bright in the second channel."""

    def example(self, number: int):
        rng = np.random.default_rng(number)
        image, layers = rng.normal(0, 0.1, (3, 32, 32)).astype(np.float32), np.zeros((2, 32, 32), np.int64)
        layers[0, :16], layers[0, 16:] = 1, 2
        i, j = rng.integers(2, 22, 2)
        layers[1, i : i + 8, j : j + 8] = 1
        image[0] += layers[0]
        image[1] += layers[1]
        return image, layers


def recipe(**changes: Any) -> ApexRecipe:
    return with_settings(ApexRecipe(), {**SETTINGS, **changes})


@pytest.mark.parametrize("arm", [
    "baseline", "pretrain", "multitask-10", "anatomy-input-multitask", "shared-backbone", "query-sum-two-ways",
    "cross-attention-per-level", "unet", "deeplab", "maskformer",
])  # fmt: skip
def test_every_kind_of_arm_learns_from_all_its_weights(arm: str, tmp_path: Path) -> None:
    learned = learn_from(recipe(arm=arm), Blobs(), Classes(2), tmp_path)
    assert learned.is_complete
    assert learned.steps == (6 if arm == "pretrain" else 3)
    assert all(value.grad is not None for value in learned.segmenter.network.parameters())
    image = torch.from_numpy(Blobs().example(0)[0])[None]
    with torch.no_grad():
        chances = learned.segmenter.chances(learned.segmenter.network.eval()(image), (32, 32))
    assert chances.shape == (1, 1, 32, 32)
    assert 0 <= float(chances.min()) <= float(chances.max()) <= 1


@pytest.mark.parametrize("arm", ["query-mean", "unet"])
def test_a_lesion_that_shines_is_found_after_a_few_dozen_steps(arm: str, tmp_path: Path) -> None:
    training = {**TRAINING, "steps": 60, "batch": 4, "learning_rate": 0.004, "averaging": 0.8}
    learned = learn_from(recipe(arm=arm, training=training), Blobs(), Classes(2), tmp_path)
    image, layers = Blobs().example(1000)
    with torch.no_grad():
        answer = learned.segmenter.network.eval()(torch.from_numpy(image)[None])
    found = learned.segmenter.chances(answer, (32, 32))[0, 0].numpy() >= 0.5
    assert 2 * (found & (layers[1] > 0)).sum() / (found.sum() + layers[1].sum()) > 0.7


def test_the_pretrained_arm_begins_with_anatomys_weights(tmp_path: Path) -> None:
    still = {**TRAINING, "learning_rate": 1e-12, "weight_decay": 0.0}
    learned = learn_from(recipe(arm="pretrain", training=still), Blobs(), Classes(2), tmp_path)
    state = torch.load(tmp_path / "anatomy" / "state.pt", weights_only=True)["averaged"]
    own = learned.segmenter.network.state_dict()
    kept = [name for name in own if own[name].shape == state[name].shape and "num_batches" not in name
            and "running" not in name]  # fmt: skip
    assert all(torch.allclose(own[name], state[name], atol=1e-6) for name in kept)
    assert "branches.0.classifier.weight" not in kept


def test_stopping_leaves_what_was_learned_and_resuming_ends_as_without_a_stop(tmp_path: Path) -> None:
    whole = learn_from(recipe(), Blobs(), Classes(2), tmp_path / "whole")
    calls = iter(range(9))
    part = learn_from(recipe(), Blobs(), Classes(2), tmp_path / "parts", cancelled=lambda: next(calls) == 2)
    assert (part.is_complete, part.steps) == (False, 2)
    done = learn_from(recipe(), Blobs(), Classes(2), tmp_path / "parts")
    for name, value in whole.segmenter.network.state_dict().items():
        torch.testing.assert_close(done.segmenter.network.state_dict()[name], value, atol=0, rtol=0)


@pytest.mark.parametrize(("arm", "stop", "told"), [("unet", 2, "2 of 3"), ("pretrain", 5, "5 of 6")])
def test_a_model_whose_training_was_stopped_says_so_until_it_is_done(
    tmp_path: Path, arm: str, stop: int, told: str
) -> None:
    """A pretrained arm has its steps of learning anatomy before the others."""
    logs = tmp_path / "mine" / "training"

    def cancelled() -> bool:
        return sum(len(log.read_text().splitlines()) for log in logs.glob("**/log.jsonl")) == stop

    order = TrainingOrder({**SETTINGS, "arm": arm}, tmp_path, tmp_path / "mine")
    with pytest.raises(Cancelled):
        train(order, Console(no_progress, cancelled))
    note = f"mine is unfinished: its training was stopped after {told} steps."
    assert note in read_apex(tmp_path / "mine").notes  # which every report has
    train(replace(order, resume=True), Console(no_progress))
    assert not any("unfinished" in note for note in read_apex(tmp_path / "mine").notes)


def test_a_training_stopped_before_its_first_step_says_so(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        learn_from(recipe(), Blobs(), Classes(2), tmp_path, cancelled=lambda: True)


@pytest.mark.parametrize("stop", [Cancelled("Stopped."), KeyboardInterrupt()])
def test_a_pretraining_that_is_stopped_goes_no_further_and_is_no_model(stop: BaseException, tmp_path: Path) -> None:
    wanted = recipe(arm="pretrain", anatomy_training={**TRAINING, "steps": 50})
    calls: list[float] = []

    def progress(share: float, _: str) -> None:
        calls.append(share)
        if len(calls) == 2:
            raise stop

    with pytest.raises(Cancelled, match="2 steps of learning anatomy, before any lesion"):
        learn_from(wanted, Blobs(), Classes(2), tmp_path, progress=progress)
    assert not list(tmp_path.glob("*.pt"))
    learned = learn_from(wanted, Blobs(), Classes(2), tmp_path)
    assert (learned.is_complete, learned.steps) == (True, 53)


def test_networks_are_tried_on_the_device_that_they_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def answer(images: torch.Tensor) -> torch.Tensor:
        seen.append(images.device.type)
        return images

    segmenter = build_segmenter(recipe(arm="unet"), Classes(2))
    segmenter.network.to("meta")
    monkeypatch.setattr(segmenter.network, "forward", answer)
    answered(segmenter, np.zeros((1, 3, 32, 32), np.float32))
    assert seen == ["meta"]


def test_a_recipe_becomes_a_model_that_finds_lesions_and_tells_its_attention(tmp_path: Path, run_command: Run) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(SETTINGS))
    words = ["train", "apex", "--config", tmp_path / "recipe.json", "-o", tmp_path / "model"]
    code, out, said = run_command(*words)
    assert code == 0, said
    assert "test of 1 patients: iou" in out
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["lesions"]["reader"] == "apex"
    assert set(card["results"]) == {"fold", "test"}
    log = (tmp_path / "model" / "training" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [1, 2, 3]
    code, _, said = run_command(*words)
    assert (code, "--resume" in said) == (2, True)
    (tmp_path / "recipe.json").write_text(json.dumps({**SETTINGS, "fold": 1}))
    code, _, said = run_command(*words, "--resume")
    assert (code, "begun with fold 0, but now fold is 1" in said) == (2, True)

    _sees_everything(tmp_path / "model")
    assert run_command("phantom", tmp_path / "p", "--spacing", "10")[0] == 0
    code, out, said = run_command(
        "lesions", tmp_path / "p" / "ct.nii.gz", tmp_path / "p" / "pet.nii.gz", "--model", tmp_path / "model",
        "-o", tmp_path / "l.nii.gz", "--attention", tmp_path / "a.json",
    )  # fmt: skip
    assert code == 0, said
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["format"] == "anatomyguided-attention"
    assert len(told["lesions"]) >= 1


def _sees_everything(folder: Path) -> None:
    """The same model, but for a bias that makes every query sure of a lesion everywhere."""
    model = read_apex(folder)
    branch = model.segmenter.network.branches[1]
    with torch.no_grad():
        branch.classifier.bias.copy_(torch.tensor([9.0, -9.0]))
        branch.transformer.decoder.mask_predictor.mask_embedder.layers[-1].layers[0].bias.fill_(5.0)
    write_apex(folder, model.recipe, model.segmenter, steps=3, results={})


def test_a_stored_model_says_what_it_said(tmp_path: Path) -> None:
    learned = learn_from(recipe(), Blobs(), Classes(99), tmp_path / "t")
    write_apex(tmp_path / "m", recipe(), learned.segmenter, steps=3, results={})
    again = read_apex(tmp_path / "m")
    image = torch.from_numpy(Blobs().example(0)[0])[None]
    with torch.no_grad():
        first, second = (s.network.eval()(image).said[1][-1] for s in (learned.segmenter, again.segmenter))
    torch.testing.assert_close(first.classes, second.classes, atol=2e-2, rtol=2e-2)  # weights are kept in half
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "version": 9}))
    with pytest.raises(AnatomyGuidedError, match="update"):
        read_apex(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "network": {**card["network"], "arm": "baseline"}}))
    with pytest.raises(AnatomyGuidedError, match="do not fit"):
        read_apex(tmp_path / "m")
    swapped = {**card, "inputs": card["inputs"][::-1]}
    (tmp_path / "m" / "model.json").write_text(json.dumps(swapped))
    with pytest.raises(AnatomyGuidedError, match=r'takes \[{"name": "PET".*gives such models \[{"name": "CT"'):
        read_apex(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("{}")
    with pytest.raises(AnatomyGuidedError, match="cannot be read"):
        read_apex(tmp_path / "m")


def test_the_card_names_the_atlas_model_without_its_folder(tmp_path: Path) -> None:
    """Passed on, the model finds the other computer's model of that name; the training goes on with its own folder."""
    made = recipe(arm="anatomy-input", atlas="/home/eve/models/my-atlas")
    write_apex(tmp_path / "m", made, build_segmenter(made, Classes(99)), steps=3, results={})
    assert "eve" not in (tmp_path / "m" / "model.json").read_text()
    assert read_apex(tmp_path / "m").recipe.atlas == "my-atlas"
    assert json.loads((tmp_path / "m" / "recipe.json").read_text())["atlas"] == "/home/eve/models/my-atlas"


def test_arms_that_do_not_run_here_say_why() -> None:
    for name, reason in NOT_RUN.items():
        with pytest.raises(UsageError, match=reason.split()[1]):
            recipe(arm=name)
    with pytest.raises(UsageError, match="cross-attention"):
        recipe(arm="nobodys")
    assert not set(ARMS) & set(NOT_RUN)


def test_a_backbones_file_is_only_for_arms_with_a_resnet(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ResNet"):
        learn_from(recipe(arm="unet", backbone="b.pt"), Blobs(), Classes(2), tmp_path)
    with pytest.raises(AnatomyGuidedError, match="no weights"):
        learn_from(recipe(backbone="b.pt"), Blobs(), Classes(2), tmp_path, where=tmp_path)


SEVERAL = """
import sys
from pathlib import Path
import test_pathologyseg_apex_training as here
from AnatomyGuidedLib.learning.settings import TrainingSettings

here.trained(TrainingSettings(steps=2, batch=1, warm_up_steps=1, weight_decay=0.0), Path(sys.argv[1]))
"""


def trained(settings: Any, folder: Path) -> Training:
    """Still norms, since batch norms know their own process's images alone."""
    torch.manual_seed(0)
    made = recipe(shape={**TINY, "still_norms": True})
    segmenter = build_segmenter(made, Classes(2))
    training = Training(segmenter.network, settings)
    training.run(Blobs(), folder, loss=segmenter.loss)
    return training


def test_two_processes_learn_what_one_learns_from_batches_twice_as_large(tmp_path: Path) -> None:
    from AnatomyGuidedLib.learning.settings import TrainingSettings

    script, here = tmp_path / "several.py", Path(__file__).parent
    script.write_text(SEVERAL)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(tmp_path / "two")]
    paths = os.pathsep.join([str(here), *sys.path])
    done = subprocess.run(
        [sys.executable, *words], env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    one = trained(TrainingSettings(steps=2, batch=2, warm_up_steps=1, weight_decay=0.0), tmp_path / "one")
    both = torch.load(tmp_path / "two" / "state.pt", weights_only=True)["averaged"]
    moved = 0.0
    start = trained(TrainingSettings(steps=1, batch=1, learning_rate=1e-12, weight_decay=0.0), tmp_path / "start")
    for name, value in one.averaged.items():
        moved = max(moved, float((value - start.averaged[name]).abs().max()))
    assert moved > 5e-4
    image = torch.from_numpy(Blobs().example(50)[0])[None]
    answers = []
    for weights in (one.averaged, both):
        one.network.load_state_dict(weights)
        with torch.no_grad():
            answers.append(one.network.eval()(image).said[1][-1])
    torch.testing.assert_close(answers[0].classes, answers[1].classes, atol=1e-3, rtol=1e-3)
