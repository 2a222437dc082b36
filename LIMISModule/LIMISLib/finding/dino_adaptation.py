"""The training loop of LoRA: one network, slices and prompts, a state on disk that it resumes from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from AnatomyGuidedLib.learning.journal import Journal
from AnatomyGuidedLib.learning.saved_state import read_state
from AnatomyGuidedLib.learning.undisturbed import undisturbed
from AnatomyGuidedLib.progress import CancelCheck, Progress, stop_if
from torch import Tensor, nn

from LIMISLib.finding.dino_data import Example
from LIMISLib.finding.dino_model import Dino
from LIMISLib.finding.dino_recipe import Configuration, DinoRecipe
from LIMISLib.finding.organs import ORGANS
from LIMISLib.finding.prompts import prompt_labels

_STATE = "state.pt"
_LOG_EVERY = 10

Draw = Callable[[np.random.Generator], Example]


class Adaptation:
    """Steps that change the weights of LoRA alone; the same seed, steps and slices give the same weights."""

    def __init__(self, dino: Dino, recipe: DinoRecipe, configuration: Configuration) -> None:
        self.dino, self.recipe, self.configuration = dino, recipe, configuration
        self.learned = {name: value for name, value in dino.network.named_parameters() if value.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.learned.values(), lr=configuration.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step, self.seconds = 0, 0.0
        self._is_torn = False  # in the middle of a step

    def run(self, draw: Draw, folder: Path, *, progress: Progress, cancelled: CancelCheck) -> None:
        """Nothing; all steps are done, and the folder holds the state and the log.

        Raises:
            Cancelled: The user stopped; the state is kept.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._resume(folder)
        journal, losses = Journal(folder, resumed_step=self.step), []
        started, saved, before = time.monotonic(), time.monotonic(), self.seconds
        try:
            while self.step < self.recipe.steps:
                stop_if(cancelled)
                with undisturbed():  # half a step is none that could be gone on from
                    losses.append(self.learn(draw))
                self.seconds = before + time.monotonic() - started
                if self.step % _LOG_EVERY == 0 or self.step == self.recipe.steps:
                    loss = round(float(np.mean(losses)), 5)
                    journal.add({"step": self.step, "loss": loss, "seconds": round(self.seconds, 1)})
                    progress(self.step / self.recipe.steps, f"Step {self.step} of {self.recipe.steps}, loss {loss:.3f}")
                    losses = []
                if time.monotonic() - saved > self.recipe.save_every_s:
                    self.save(folder)
                    saved = time.monotonic()
        finally:
            if not self._is_torn:  # else the last saved state is the one to go on from
                self.save(folder)
            journal.close()

    def learn(self, draw: Draw) -> float:
        """The mean loss of the next batch, after which the weights are changed.

        Images go through one by one: transformers' loss numbers the labels of a batch wrongly from the third image on,
        because it skips only as many as that image has itself, not those of all images before.
        """
        self._is_torn = True
        rng = np.random.default_rng([self.recipe.seed, self.step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        self.dino.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(self.recipe.batch):
            loss = self.loss(draw(rng), rng) / self.recipe.batch
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self.learned.values(), self.recipe.largest_gradient)
        self.optimizer.step()
        self.step += 1
        self._is_torn = False
        return total

    def loss(self, shown: Example, rng: np.random.Generator) -> Tensor:
        """Grounding DINO's own loss of one slice, under a prompt of its labels and absent ones."""
        labels = prompt_labels(tuple(shown.boxes), ORGANS, added=self.configuration.added_labels, rng=rng)
        inputs = self.dino.inputs(shown.image[None], [labels])
        device = inputs["pixel_values"].device
        target = {
            "class_labels": torch.tensor([labels.index(name) for name in shown.boxes], device=device),
            "boxes": relative_boxes(shown, device),
        }
        network: Any = self.dino.network
        loss: Tensor = network(**inputs, labels=[target]).loss
        return loss

    def save(self, folder: Path) -> None:
        """Nothing; the folder holds the state, whole or as it was before."""
        state = {
            "learned": {name: value.detach().cpu() for name, value in self.learned.items()},
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, folder / f"{_STATE}.part")
        (folder / f"{_STATE}.part").replace(folder / _STATE)

    def _resume(self, folder: Path) -> None:
        if not (folder / _STATE).is_file():
            return
        state = read_state(folder / _STATE)
        with torch.no_grad():
            for name, value in state["learned"].items():
                self.learned[name].copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


def relative_boxes(shown: Example, device: torch.device) -> Tensor:
    """The slice's boxes as Grounding DINO has them: middle, width and height, as parts of the image's size."""
    rows, columns = shown.image.shape
    edges = np.array([*shown.boxes.values()], dtype=np.float32).reshape(-1, 4)
    low, high = edges[:, :2], edges[:, 2:]
    parts = np.concatenate(((low + high) / 2, high - low), axis=1) / (columns, rows, columns, rows)
    return torch.from_numpy(parts.astype(np.float32)).to(device)
