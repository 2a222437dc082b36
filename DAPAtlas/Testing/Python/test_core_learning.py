"""The loss by hand, the loop that resumes to the same weights, the network's shape."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError

torch = pytest.importorskip("torch", reason="torch is not installed")

from AnatomyGuidedLib.learning.journal import Journal, rows_of  # noqa: E402
from AnatomyGuidedLib.learning.losses import deeply_supervised, dice_cross_entropy  # noqa: E402
from AnatomyGuidedLib.learning.settings import TrainingSettings  # noqa: E402
from AnatomyGuidedLib.learning.together import repeatable  # noqa: E402
from AnatomyGuidedLib.learning.trainer import Training  # noqa: E402
from AnatomyGuidedLib.learning.undisturbed import undisturbed  # noqa: E402
from AnatomyGuidedLib.networks.position import Positioned  # noqa: E402
from AnatomyGuidedLib.networks.unet import UNet, UNetShape  # noqa: E402
from torch import nn  # noqa: E402


def slow_loss(logits: npt.NDArray[np.float64], target: npt.NDArray[np.int64]) -> float:
    """The definition, class by class: cross-entropy weighted by the root of voxels, and Dice of classes that occur."""
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    surprise, weights, dice = [], [], []
    for number in range(logits.shape[1]):
        mask = target == number
        if not mask.any():
            continue
        own = chances[:, number]
        surprise.append(-np.log(own[mask]).mean())
        weights.append(np.sqrt(mask.sum()))
        dice.append(2 * own[mask].sum() / (own.sum() + mask.sum()))
    return float(np.average(surprise, weights=weights) + 1 - np.mean(dice))


def test_the_loss_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    logits, target = rng.normal(0, 2, (2, 5, 4, 3, 2)), rng.integers(0, 4, (2, 4, 3, 2))  # class 4 does not occur
    found = dice_cross_entropy(torch.from_numpy(logits), torch.from_numpy(target)).item()
    assert found == pytest.approx(slow_loss(logits, target), rel=1e-4)


def test_coarser_stages_weigh_half_of_the_one_before() -> None:
    torch.manual_seed(0)
    target = torch.randint(0, 3, (1, 8, 8, 8))
    fine, coarse = torch.randn(1, 3, 8, 8, 8), torch.randn(1, 3, 4, 4, 4)
    expected = (dice_cross_entropy(fine, target) + 0.5 * dice_cross_entropy(coarse, target[:, 1::2, 1::2, 1::2])) / 1.5
    assert deeply_supervised([fine, coarse], target).item() == pytest.approx(expected.item(), rel=1e-5)


class Blobs:
    """Classes by the sign of the image: learned in a few steps."""

    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        image = np.random.default_rng(number).normal(0, 1, (1, 8, 8, 8)).astype(np.float32)
        return image, (image[0] > 0).astype(np.int64)


def small() -> nn.Module:
    torch.manual_seed(1)
    shape = UNetShape(1, 2, (4, 6), ((3, 3, 3),) * 2, ((1, 1, 1), (2, 2, 2)), (1, 1), (1,))
    return UNet(shape)


def test_a_network_learns_and_the_log_tells_of_it(tmp_path: Path) -> None:
    settings = TrainingSettings(steps=60, learning_rate=0.02, warm_up_steps=5, log_every_steps=10)
    training = Training(small(), settings)
    training.run(Blobs(), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20, 30, 40, 50, 60]
    assert rows[-1]["loss"] < rows[0]["loss"] / 2


def test_the_log_is_a_table_too_whose_columns_grow_with_what_is_told(tmp_path: Path) -> None:
    first = Journal(tmp_path, resumed_step=0)
    first.add({"step": 1, "loss": 0.5})
    assert (tmp_path / "log.csv").read_text() == "step,loss\n1,0.5\n"  # at once: a killed training has it
    first.close()
    resumed = Journal(tmp_path, resumed_step=1)
    resumed.add({"step": 3, "gate_1": 0.25, "loss": 0.125})
    resumed.close()
    assert (tmp_path / "log.csv").read_text() == "step,loss,gate_1\n1,0.5,\n3,0.125,0.25\n"
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".jsonl", ".csv"}


def test_a_killed_trainings_log_goes_on_with_whole_lines_each_step_once(tmp_path: Path) -> None:
    """The last state was that of step 20: what was told after it comes again, half a line is none."""
    (tmp_path / "log.jsonl").write_text('{"step": 20, "loss": 1.0}\n{"step": 40, "loss": 0.75}\n{"step": 60, "lo')
    resumed = Journal(tmp_path, resumed_step=20)
    resumed.add({"step": 40, "loss": 0.5})
    resumed.close()
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 20, "loss": 1.0}\n{"step": 40, "loss": 0.5}\n'
    assert (tmp_path / "log.csv").read_text() == "step,loss\n20,1\n40,0.5\n"


def test_half_a_line_in_a_log_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 20, "loss": 1.0}\n{"step": 40, "lo')
    assert rows_of(tmp_path / "log.jsonl") == [{"step": 20, "loss": 1.0}]
    assert rows_of(tmp_path / "none.jsonl") == []


def test_a_stopped_training_resumes_to_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    settings = TrainingSettings(steps=12, batch=2, warm_up_steps=2, log_every_steps=4)
    whole = Training(small(), settings)
    whole.run(Blobs(), tmp_path / "whole")
    calls = iter(range(100))
    with pytest.raises(Cancelled):
        Training(small(), settings).run(Blobs(), tmp_path / "parts", cancelled=lambda: next(calls) == 7)
    resumed = Training(small(), settings)
    resumed.run(Blobs(), tmp_path / "parts")
    assert resumed.step == 12
    for name, value in whole.averaged.items():
        torch.testing.assert_close(resumed.averaged[name], value, atol=0, rtol=0)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0}, {"schedule": "none"}, {"averaging": 1.0}, {"learning_rate": -1.0}, {"warm_up_steps": -5},
        {"weight_decay": -1.0}, {"seed": -1},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_trained_with_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        TrainingSettings(**change)  # type: ignore[arg-type]


def test_rates_of_the_schedules() -> None:
    cosine = TrainingSettings(steps=1100, warm_up_steps=100, learning_rate=1.0)
    assert [round(cosine.rate(step), 6) for step in (0, 99, 100, 600, 1100)] == [0.01, 1.0, 1.0, 0.5, 0.0]
    poly = TrainingSettings(steps=1000, warm_up_steps=0, learning_rate=1.0, schedule="poly")
    assert poly.rate(500) == pytest.approx(0.5**0.9)
    assert TrainingSettings(warm_up_steps=0, schedule="constant", learning_rate=0.5).rate(999) == 0.5


def test_the_position_is_measured_from_the_middle_of_the_body() -> None:
    seen: list[torch.Tensor] = []

    class Watch(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            seen.append(image)
            return image

    image = torch.full((1, 1, 16, 12, 6), -1.0)
    image[:, :, 4:9, 2:5] = 0.05  # a body whose middle is voxel 6 along i, and 3 along j
    Positioned(Watch())(image)
    right, front = seen[0][0, 1], seen[0][0, 2]
    assert right[6, 0, 0].item() == pytest.approx(0.0, abs=0.02)
    assert front[0, 3, 0].item() == pytest.approx(0.0, abs=0.02)
    assert (right[7, 0, 0] - right[6, 0, 0]).item() == pytest.approx(1 / 32)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", "a list"])
def test_a_damaged_state_is_refused_in_a_sentence(content: bytes | str, tmp_path: Path) -> None:
    settings = TrainingSettings(steps=2, warm_up_steps=1)
    Training(small(), settings).run(Blobs(), tmp_path)
    if isinstance(content, bytes):
        (tmp_path / "state.pt").write_bytes(content)
    else:
        torch.save([1, 2], tmp_path / "state.pt")
    with pytest.raises(AnatomyGuidedError, match=r"state\.pt in .* is damaged or no state of a training; remove it"):
        Training(small(), settings).run(Blobs(), tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_the_middle_of_a_step_waits_for_its_end(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes between the optimiser's update and the running mean's; what is saved is a whole step."""
    settings = TrainingSettings(steps=6, warm_up_steps=2, averaging=0.9)
    whole = Training(small(), settings)
    whole.run(Blobs(), tmp_path / "whole")

    def stop(_number: int, _frame: object) -> None:
        raise Cancelled

    before = {own: signal.signal(own, stop) for own in (signal.SIGINT, signal.SIGTERM)}
    stopped = Training(small(), settings)
    average = stopped._average

    def averaged() -> None:
        if stopped.step == 3:
            signal.raise_signal(number)
        average()

    monkeypatch.setattr(stopped, "_average", averaged)
    try:
        with pytest.raises(Cancelled):
            stopped.run(Blobs(), tmp_path / "parts")
        assert signal.getsignal(number) is stop
    finally:
        for own, handler in before.items():
            signal.signal(own, handler)
    resumed = Training(small(), settings)
    resumed.run(Blobs(), tmp_path / "parts")
    assert (stopped.step, resumed.step) == (3, 6)
    for name, value in whole.averaged.items():
        torch.testing.assert_close(resumed.averaged[name], value, atol=0, rtol=0)


@pytest.mark.parametrize("place", ["after the weights moved", "before their running mean"])
def test_a_step_that_is_torn_is_done_again_from_the_last_state(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out in the third step, after a state of two was saved."""
    settings = TrainingSettings(steps=6, warm_up_steps=2, averaging=0.9, save_every_s=1e-9)
    whole, torn = Training(small(), settings), Training(small(), settings)
    whole.run(Blobs(), tmp_path / "whole")
    moves, calls = place.startswith("after"), iter(range(1, 100))
    owner, name = (torn.optimizer, "step") if moves else (torn, "_average")
    real = getattr(owner, name)

    def failing() -> None:
        is_third = next(calls) == 3
        if moves or not is_third:
            real()
        if is_third:
            raise MemoryError

    monkeypatch.setattr(owner, name, failing)
    with pytest.raises(MemoryError):
        torn.run(Blobs(), tmp_path / "parts")
    resumed = Training(small(), settings)
    resumed.run(Blobs(), tmp_path / "parts")
    for part, value in whole.averaged.items():
        torch.testing.assert_close(resumed.averaged[part], value, atol=0, rtol=0)
    rows = [json.loads(line) for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [6]


def test_a_second_stop_acts_at_once() -> None:
    """Where Ctrl-C is heeded; a process in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []

    def stopped_twice() -> None:
        with undisturbed():
            for number in (1, 2):
                signal.raise_signal(signal.SIGINT)
                reached.append(number)

    try:
        with pytest.raises(KeyboardInterrupt):
            stopped_twice()
    finally:
        after = signal.signal(signal.SIGINT, before)
    assert reached == [1]
    assert after is signal.default_int_handler


def test_what_the_second_stop_chose_for_a_third_holds() -> None:
    """As the command line's own: once it tidies up, no further SIGTERM disturbs it."""

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise Cancelled

    def stopped_twice() -> None:
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(Cancelled):
            stopped_twice()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_torch_has_no_repeatable_algorithm_for_is_warned_of_and_done() -> None:
    with repeatable(True), pytest.warns(UserWarning, match="put_"):
        found = torch.zeros(3).put_(torch.tensor([1]), torch.tensor([2.0]))
    assert found.tolist() == [0, 2, 0]
    assert not torch.is_deterministic_algorithms_warn_only_enabled()


def test_a_repeatable_training_gives_the_same_weights_and_leaves_torch_as_it_was(tmp_path: Path) -> None:
    settings = TrainingSettings(steps=6, warm_up_steps=2, deterministic=True)
    seen: list[bool] = []

    def loss(found: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        seen.append(torch.are_deterministic_algorithms_enabled())
        return deeply_supervised(found, target)

    first, second = Training(small(), settings), Training(small(), settings)
    first.run(Blobs(), tmp_path / "a", loss=loss)
    second.run(Blobs(), tmp_path / "b", loss=loss)
    assert all(seen)
    assert not torch.are_deterministic_algorithms_enabled()
    for name, value in first.averaged.items():
        torch.testing.assert_close(second.averaged[name], value, atol=0, rtol=0)


SEVERAL = """
import sys
from pathlib import Path
import test_core_learning as here
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.learning.trainer import Training

training = Training(here.small(), TrainingSettings(steps=5, batch=1, warm_up_steps=2, log_every_steps=1))
training.run(here.Blobs(), Path(sys.argv[1]), loss=here.plain_loss)
"""


def plain_loss(found: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """A mean over examples, so that the mean of two processes is that of a batch of two."""
    return torch.nn.functional.cross_entropy(found[0], target)


def test_two_processes_learn_what_one_learns_from_batches_twice_as_large(tmp_path: Path) -> None:
    script, here = tmp_path / "several.py", Path(__file__).parent
    script.write_text(SEVERAL)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(tmp_path / "two")]
    places = f"{here}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one = Training(small(), TrainingSettings(steps=5, batch=2, warm_up_steps=2, log_every_steps=1))
    one.run(Blobs(), tmp_path / "one", loss=plain_loss)
    both = torch.load(tmp_path / "two" / "state.pt", weights_only=True)
    assert both["step"] == 5
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 5  # the first process alone writes
    image = torch.from_numpy(Blobs().example(99)[0])[None]
    together, alone, untrained = small().eval(), small().eval(), small().eval()
    together.load_state_dict(both["averaged"])  # biases before a norm change nothing, and Adam moves them at random
    alone.load_state_dict(one.averaged)
    torch.testing.assert_close(together(image), alone(image), atol=1e-5, rtol=1e-4)
    assert (alone(image) - untrained(image)).abs().max() > 1e-3


def test_curves_for_tensorboard_hold_what_the_log_does(tmp_path: Path) -> None:
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    Training(small(), TrainingSettings(steps=6, warm_up_steps=2, log_every_steps=2)).run(Blobs(), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    curves = loading.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = [(event.step, round(event.value, 4)) for event in curves.Scalars("loss")]
    assert found == [(row["step"], pytest.approx(row["loss"], abs=1e-4)) for row in rows]


MEETINGS = """
import os, sys, time
from pathlib import Path
import torch
from AnatomyGuidedLib.learning.together import connected, first_goes_ahead, mean_of_all, own_share

share, folder = own_share(), Path(sys.argv[1])
for number in range(4):
    time.sleep(0.3 * ((number + share.rank) % 2))  # one of them comes late, each time another one
    with connected(share, "cpu"):
        assert mean_of_all(torch.tensor([float(share.rank)])).item() == 0.5
    with first_goes_ahead(share):
        if share.is_first:
            time.sleep(0.3)
            (folder / str(number)).touch()
        assert (folder / str(number)).is_file()
"""


@pytest.mark.parametrize("start", ["torchrun", "srun"])
def test_processes_meet_again_and_again_whoever_comes_late(start: str, tmp_path: Path) -> None:
    """By torchrun, which keeps the store, or as SLURM starts them, where the first process does."""
    script = tmp_path / "meet.py"
    script.write_text(MEETINGS)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    calls = [(["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script, tmp_path], {})]
    if start == "srun":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        calls = [([script, tmp_path], {**common, "RANK": str(rank)}) for rank in range(2)]
    begun = [
        subprocess.Popen([sys.executable, *words], env={**env, **more}, stderr=subprocess.PIPE, text=True)
        for words, more in calls
    ]
    for process in begun:
        said = process.communicate(timeout=200)[1]
        assert process.returncode == 0, said[-2000:]
