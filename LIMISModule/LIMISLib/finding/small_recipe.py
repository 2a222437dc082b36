"""The small finder's recipe: its network, the made patients that it learns from, and those that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass, field

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.study_options import require_positive

from LIMISLib.finding.phantom_slices import SliceSettings

SMALL = "small"


@dataclass(frozen=True)
class Measuring:
    """The unseen made patients of the learning curve, how far apart their slices are, and when it is measured."""

    bodies: int = 6
    spacing_mm: float = 3.0
    step_mm: float = 12.0
    every_steps: int = 250
    first_seed: int = 1000

    def __post_init__(self) -> None:
        require_positive(self, "bodies", "spacing_mm", "step_mm", "every_steps")


@dataclass(frozen=True)
class SmallRecipe:
    """What `train lang2box` with `"network": "small"` is told."""

    network: str = SMALL
    features: tuple[int, ...] = (24, 48, 96, 128)
    blocks: int = 2
    slices: SliceSettings = field(default_factory=SliceSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    measuring: Measuring = field(default_factory=Measuring)

    def __post_init__(self) -> None:
        require_positive(self, "features", "blocks")
        if len(self.features) != 4 or any(count % 8 for count in self.features):
            raise UsageError(f"The setting features must be four multiples of 8, but is {self.features}.")
        if any(side % 16 for side in self.slices.frame.shape):
            raise UsageError(f"The setting shape must be multiples of 16, but is {self.slices.frame.shape}.")
