"""What a training of APEx or one of its rivals is made of: the settings of `train apex`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from AnatomyGuidedLib.learning.settings import TrainingSettings

from PathologySegLib.apex.ladder import Arm, arm_by_name
from PathologySegLib.apex.loss_weights import LossWeights
from PathologySegLib.apex.phantom_cohort import PhantomCohort
from PathologySegLib.apex.shape import Shape
from PathologySegLib.apex.slice_source import Augmentation


@dataclass(frozen=True)
class ApexRecipe:
    """An arm of the ladder (or a rival), its size, its patients and its steps.

    `anatomy` names the anatomy branch's classes (dap, merged). `fold` of `folds` is left out for trying. `backbone` is
    a file of weights of a ResNet-50, relative to the settings' file. `anatomy_training` are the steps on anatomy
    before, for the arm pretrain.
    """

    arm: str = "cross-attention"
    detach: bool = False
    anatomy: str = "dap"
    shape: Shape = field(default_factory=Shape)
    loss: LossWeights = field(default_factory=LossWeights)
    cohort: PhantomCohort = field(default_factory=PhantomCohort)
    augmentation: Augmentation = field(default_factory=Augmentation)
    fold: int = 0
    folds: int = 5
    backbone: str = ""
    anatomy_training: TrainingSettings = field(default_factory=TrainingSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        arm_by_name(self.arm)

    @property
    def chosen_arm(self) -> Arm:
        """The arm, with its exchange detached if asked."""
        arm = arm_by_name(self.arm)
        return replace(arm, exchange=replace(arm.exchange, detach=self.detach))
