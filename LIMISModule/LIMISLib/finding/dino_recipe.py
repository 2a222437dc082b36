"""The recipe of Grounding DINO's adaptation: which model, which images, and the five configurations of Table 8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_positive

from LIMISLib.finding.augmentation import Augmentation
from LIMISLib.finding.frames import Frame

DINO = "grounding-dino"


@dataclass(frozen=True)
class Configuration:
    """A row of Table 8: whether slices are augmented, the learning rate, and how many absent labels are added."""

    augmented: bool
    learning_rate: float
    added_labels: int


TABLE_8: Mapping[int, Configuration] = {
    1: Configuration(augmented=True, learning_rate=1e-4, added_labels=8),
    2: Configuration(augmented=True, learning_rate=1e-4, added_labels=2),
    3: Configuration(augmented=False, learning_rate=1e-4, added_labels=8),
    4: Configuration(augmented=False, learning_rate=1e-4, added_labels=2),
    5: Configuration(augmented=True, learning_rate=1e-5, added_labels=2),
}


@dataclass(frozen=True)
class DinoRecipe:
    """What `train lang2box` with `"network": "grounding-dino"` is told.

    `model` is a local folder of Grounding DINO; `cohort` a table with the columns case, dataset, image, labels (a path,
    or path@scheme), or nothing, and then `made` patients are made. `seen` is a text file with the names of the cases
    that ScribblePrompt was trained on. Of several `configurations` (1 to 5) the one with the best validation stays.
    """

    network: str = DINO
    model: str = ""
    cohort: str = ""
    seen: str = ""
    made: int = 10
    configurations: tuple[int, ...] = (1,)
    frame: Frame = field(default_factory=lambda: Frame((320, 416), 1.0))
    slice_step_mm: float = 3.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    rank: int = 8
    alpha: int = 16
    steps: int = 2000
    batch: int = 8
    weight_decay: float = 1e-4
    largest_gradient: float = 0.1
    auxiliary_loss: bool = True
    save_every_s: float = 240.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "made", "slice_step_mm", "rank", "alpha", "steps", "batch", "largest_gradient")
        unknown = [number for number in self.configurations if number not in TABLE_8]
        if unknown or not self.configurations:
            raise UsageError(
                f"The setting configurations is {self.configurations}, but numbers of Table 8 (1 to 5) were expected."
            )
