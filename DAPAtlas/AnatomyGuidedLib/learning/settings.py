"""How a network is trained: what a recipe's `training` group may say."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_below_one, require_not_negative, require_positive

SCHEDULES = ("cosine", "poly", "constant")


@dataclass(frozen=True)
class TrainingSettings:
    """Steps, rates and how often the state is kept; the same settings and source give the same weights.

    `averaging` is the decay of the running mean of the weights, which is what is used afterwards; 0 uses the last.
    `deterministic` takes algorithms that give the same numbers each time wherever torch has them (slower), and warns
    where it has none: on graphics cards that is the way back through pooling and trilinear enlargement.

    Raises:
        UsageError: A value is none that can be trained with.
    """

    steps: int = 1000
    batch: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: str = "cosine"
    warm_up_steps: int = 100
    largest_gradient: float = 12.0
    averaging: float = 0.999
    save_every_s: float = 240.0
    log_every_steps: int = 20
    seed: int = 0
    deterministic: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "steps", "batch", "learning_rate", "largest_gradient", "save_every_s", "log_every_steps")
        if self.schedule not in SCHEDULES:
            raise UsageError(
                f"The setting schedule is {self.schedule!r}, but one of {', '.join(SCHEDULES)} was expected."
            )
        require_not_negative(self, "weight_decay", "warm_up_steps", "seed")
        require_below_one(self, "averaging")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0.

        >>> TrainingSettings(steps=1000, warm_up_steps=100, learning_rate=1.0).rate(49)
        0.5
        """
        if step < self.warm_up_steps:
            return self.learning_rate * (step + 1) / self.warm_up_steps
        part = (step - self.warm_up_steps) / max(1, self.steps - self.warm_up_steps)
        if self.schedule == "cosine":
            return self.learning_rate * (1 + cos(pi * min(part, 1.0))) / 2
        return self.learning_rate * ((1 - min(part, 1.0)) ** 0.9 if self.schedule == "poly" else 1.0)
