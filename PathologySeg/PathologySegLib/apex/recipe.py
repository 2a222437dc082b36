"""What a training of APEx or one of its rivals is made of: the settings of `train apex`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings

from PathologySegLib.apex.ladder import Arm, arm_by_name
from PathologySegLib.apex.loss_weights import LossWeights
from PathologySegLib.apex.phantom_cohort import PhantomCohort
from PathologySegLib.apex.phantom_films import FilmCohort
from PathologySegLib.apex.shape import Shape
from PathologySegLib.apex.stray import Augmentation
from PathologySegLib.model_lesions import DEFAULT_ATLAS

PETCT, XRAY = "petct", "xray"


@dataclass(frozen=True)
class ApexRecipe:
    """An arm of the ladder (or a rival), its size, its patients and its steps.

    `domain` is petct (lesions of slices, of a made `cohort`) or xray (findings as instances, of made `films`). `data`
    and `test_data` are PET/CT data sets in the cohort's place, relative to the settings' file; `atlas` labels those of
    their cases that have no anatomy.
    `anatomy` names the anatomy branch's classes (dap, merged), `film_anatomy` those of films (paxray, projected,
    small). `fold` of `folds` is left out for trying. `backbone` is a file of weights of a ResNet-50, relative to the
    settings' file. `anatomy_training` are the steps on anatomy before, for the arm pretrain.
    """

    domain: str = PETCT
    arm: str = "cross-attention"
    detach: bool = False
    anatomy: str = "dap"
    film_anatomy: str = "projected"
    shape: Shape = field(default_factory=Shape)
    loss: LossWeights = field(default_factory=LossWeights)
    data: str = ""
    test_data: str = ""
    atlas: str = DEFAULT_ATLAS
    cohort: PhantomCohort = field(default_factory=PhantomCohort)
    films: FilmCohort = field(default_factory=FilmCohort)
    augmentation: Augmentation = field(default_factory=Augmentation)
    fold: int = 0
    folds: int = 5
    backbone: str = ""
    anatomy_training: TrainingSettings = field(default_factory=TrainingSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        arm = arm_by_name(self.arm)
        if self.domain not in (PETCT, XRAY):
            raise UsageError(f"The setting domain is {self.domain!r}, but petct or xray was expected.")
        if self.domain == XRAY and (arm.learned == "pasted" or arm.anatomy_input or arm.kind in ("unet", "deeplab")):
            raise UsageError(f"The arm {self.arm} finds no instances, or needs one label a pixel; films have neither.")

    @property
    def chosen_arm(self) -> Arm:
        """The arm, with its exchange detached if asked."""
        arm = arm_by_name(self.arm)
        return replace(arm, exchange=replace(arm.exchange, detach=self.detach))
