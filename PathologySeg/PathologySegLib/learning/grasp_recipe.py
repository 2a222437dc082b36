"""What `train grasp` is told: an arm of the comparison, a backbone, and cases of a data set or made ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.study_options import require_below_one, require_not_negative, require_positive

from PathologySegLib.grasp.settings import FusionSettings
from PathologySegLib.learning.arms import Arm
from PathologySegLib.learning.backbones import Backbone
from PathologySegLib.learning.channels import channel_count
from PathologySegLib.learning.patches import SamplingSettings
from PathologySegLib.learning.phantom_cases import PhantomSettings
from PathologySegLib.learning.sarcoma_patients import SarcomaPatients


@dataclass(frozen=True)
class GraspRecipe:
    """A lesion network and how it learns.

    `cohort` is a table `case,patient,ct,pet,lesions[,anatomy]` or a folder of a data set, relative to the settings'
    file, at `spacing_mm`; without it `cases` are made as `phantoms` and `sarcomas` say. Of their patients
    `training_share` are learned from, drawn anew for each `split`; the cases of the others are predicted and scored; a
    share of 1 learns from all. `atlas` is the model that gives the anatomy of cases without one, `encoder` the one
    whose encoder is fused (or gone on from). `form` is how label maps are shown, `even` the thesis's DiceCE, `prior`
    the share that the network calls a lesion before it learned anything. An epoch is one of the fusion's `epochs`
    equal parts of the training's steps.

    Raises:
        UsageError: A value is none that can be trained with.
    """

    arm: Arm = field(default_factory=lambda: Arm(anatomy="predicted", fusion="mirror"))
    backbone: Backbone = field(default_factory=Backbone)
    encoder: str = "dap-demo"
    atlas: str = "dap-demo"
    form: str = "scalar"
    even: bool = True
    prior: float = 0.0
    cohort: str = ""
    spacing_mm: float = 4.0
    cases: int = 40
    split: int = 0
    training_share: float = 0.7
    phantoms: PhantomSettings = field(default_factory=PhantomSettings)
    sarcomas: SarcomaPatients = field(default_factory=SarcomaPatients)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    fusion: FusionSettings = field(default_factory=FusionSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        require_positive(self, "spacing_mm", "cases", "training_share")
        require_not_negative(self, "split")
        require_below_one(self, "prior")
        channel_count(self.form)  # which refuses an unknown one
        if self.training_share > 1.0:
            raise UsageError(f"The setting training_share must be at most 1, but is {self.training_share:g}.")
        if self.arm.anatomy not in ("none", "predicted"):
            raise UsageError(f"A model can be shown no anatomy or predicted one, but not {self.arm.anatomy!r}.")
        if self.arm.kept or self.arm.same_training_as:
            raise UsageError(
                "An arm that tries another's weights is for `study petct-phantom`; a model whose fusion stays in "
                'prediction is asked for by "fusion": {"kept": true}.'
            )
        if self.fusion.kept and self.arm.fusion not in ("mirror", "mixture"):
            raise UsageError(f"Only a mirror or a mixture can be kept in prediction, but not {self.arm.fusion!r}.")

    @property
    def network_spacing_mm(self) -> float:
        """The side of the cubes that the network sees."""
        return self.spacing_mm if self.cohort else self.phantoms.spacing_mm
