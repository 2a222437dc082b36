"""The training loop: one network, one source of batches, a state on disk that it resumes from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from AnatomyGuidedLib.learning.journal import LOG, Journal
from AnatomyGuidedLib.learning.losses import deeply_supervised
from AnatomyGuidedLib.learning.saved_state import read_state
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.learning.together import connected, own_share, repeatable
from AnatomyGuidedLib.learning.undisturbed import undisturbed
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

__all__ = ["LOG", "STATE", "Source", "Training"]

STATE = "state.pt"


class Source(Protocol):
    """Where examples come from: the same number gives the same example, so that a resumed run goes on as it was."""

    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """An image (channels, *space) and its classes (*space)."""
        ...


Loss = Callable[[Any, Tensor], Tensor]


class Training:
    """A network on its way: weights, their running mean, the optimiser, and the step that comes next.

    Under `torchrun` each process learns from examples of its own, and all keep the same weights.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings, *, device: str = "cpu") -> None:
        self.share = own_share()
        self.device = self.share.device(device)
        self.network, self.settings = network.to(self.device), settings
        self.averaged = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.step, self.seconds = 0, 0.0
        self._is_torn = False  # in the middle of a step

    def run(
        self,
        source: Source,
        folder: Path,
        *,
        loss: Loss = deeply_supervised,
        progress: Progress = no_progress,
        cancelled: CancelCheck = never_cancelled,
    ) -> None:
        """Nothing; all steps are done, the state and the log (one JSON line each) lie in the folder.

        Raises:
            Cancelled: The user stopped; the state is kept, and the next run goes on from it.
        """
        if self.share.is_first:
            folder.mkdir(parents=True, exist_ok=True)
        self._resume(folder)
        journal = Journal(folder, resumed_step=self.step) if self.share.is_first else None
        with connected(self.share, self.device), repeatable(self.settings.deterministic):
            try:
                self._learn_all(source, folder, loss, journal, progress if journal else no_progress, cancelled)
            finally:
                if not self._is_torn:  # else the last saved state is the one to go on from
                    self.save(folder)
                if journal:
                    journal.close()

    def _learn_all(
        self,
        source: Source,
        folder: Path,
        loss: Loss,
        journal: Journal | None,
        progress: Progress,
        cancelled: CancelCheck,
    ) -> None:
        network = self.share.wrapped(self.network.train())
        losses: list[float] = []
        started, saved, before = time.monotonic(), time.monotonic(), self.seconds
        for image, target in self._batches(source):
            stop_if(cancelled)
            with undisturbed():  # half a step is none that could be gone on from
                losses.append(self._learn(network, image, target, loss))
            self.seconds = before + time.monotonic() - started
            if self.step % self.settings.log_every_steps == 0 or self.step == self.settings.steps:
                if journal:
                    journal.add(self._row(losses))
                progress(self.step / self.settings.steps, self._words(losses))
                losses.clear()
            if time.monotonic() - saved > self.settings.save_every_s:
                self.save(folder)
                saved = time.monotonic()

    def _learn(self, network: nn.Module, image: Tensor, target: Tensor, loss: Loss) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.step)
        self._is_torn = True
        value = loss(network(image), target)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.largest_gradient)
        self.optimizer.step()
        self.step += 1
        self._average()
        self._is_torn = False
        return float(value.detach())

    def _average(self) -> None:
        decay = min(self.settings.averaging, self.step / (self.step + 10.0)) if self.settings.averaging else 0.0
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value.detach(), 1.0 - decay)
            else:  # what batch norms count
                self.averaged[name].copy_(value)

    def _batches(self, source: Source) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches that are still to come, the next one being made while one is learned."""
        size = self.settings.batch

        def made(step: int) -> tuple[Tensor, Tensor]:
            first = (step * self.share.size + self.share.rank) * size
            pairs = [source.example(first + place) for place in range(size)]
            images, targets = (torch.from_numpy(np.stack(values)) for values in zip(*pairs, strict=True))
            return images.to(self.device), targets.to(self.device)

        if self.step >= self.settings.steps:
            return  # a phase that is done needs no batch, which may be slow to make
        with ThreadPoolExecutor(1) as worker:
            coming = worker.submit(made, self.step)
            for step in range(self.step, self.settings.steps):
                batch = coming.result()
                if step + 1 < self.settings.steps:
                    coming = worker.submit(made, step + 1)
                yield batch

    def save(self, folder: Path) -> None:
        """Nothing; the folder holds the state, whole or as it was before; of several processes the first saves it."""
        if not self.share.is_first:
            return
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, folder / f"{STATE}.part")
        (folder / f"{STATE}.part").replace(folder / STATE)

    def _resume(self, folder: Path) -> None:
        if not (folder / STATE).is_file():
            return
        state = read_state(folder / STATE, device=self.device)
        self.network.load_state_dict(state["network"])
        self.averaged = state["averaged"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def _row(self, losses: list[float]) -> dict[str, float]:
        return {
            "step": self.step,
            "seconds_left": round(self.seconds / max(1, self.step) * (self.settings.steps - self.step)),
            "loss": round(float(np.mean(losses)), 5),
            "rate": self.settings.rate(self.step - 1),
            "seconds": round(self.seconds, 1),
            **_told(self.network),
        }

    def _words(self, losses: list[float]) -> str:
        left_s = self.seconds / max(1, self.step) * (self.settings.steps - self.step)
        return f"Step {self.step} of {self.settings.steps}, loss {np.mean(losses):.3f}, {left_s / 60:.0f} min left"


def _told(network: nn.Module) -> dict[str, float]:
    """What a network with `told` has to say of itself for the log."""
    told = getattr(network, "told", None)
    return dict(told()) if told else {}
