"""How large the study `apex-ladder` is, by tier: arms, folds, patients, network and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from AnatomyGuidedLib.learning.settings import TrainingSettings

from PathologySegLib.apex.ladder import ARMS
from PathologySegLib.apex.phantom_cohort import PhantomCohort
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.shape import Shape

_SMALL = Shape(
    stem=2,
    embedding=16,
    features=(16, 32, 64, 96),
    depths=(1, 1, 1, 1),
    block="basic",
    hidden=32,
    heads=4,
    queries=32,
    layers=3,
    pixel_layers=1,
    feedforward=64,
    pixel_feedforward=64,
)
_STEPS = TrainingSettings(steps=300, batch=6, learning_rate=2e-3, warm_up_steps=20, averaging=0.97)


@dataclass(frozen=True)
class LadderParameters:
    """The arms, what they have in common (a recipe), and the folds that are trained, each arm once a fold.

    A pixel is a lesion from that one of `thresholds` on which is best for the fold's own patients, so that arms that
    are less sure of themselves after few steps can be compared. `states` is a folder that keeps the trainings, so that
    a study that was stopped goes on; without it they are lost.
    """

    arms: tuple[str, ...] = tuple(ARMS)
    folds: tuple[int, ...] = (0,)
    thresholds: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    states: str = ""
    recipe: ApexRecipe = field(default_factory=ApexRecipe)


CI = LadderParameters(
    recipe=ApexRecipe(
        anatomy="merged",
        shape=_SMALL,
        cohort=PhantomCohort(20, 12, 10.0, (48, 32)),
        training=_STEPS,
        anatomy_training=_STEPS,
    )
)
CPU = LadderParameters(
    folds=(0, 1, 2, 3, 4),
    recipe=ApexRecipe(
        anatomy="merged",
        shape=replace(_SMALL, hidden=64, queries=40, pixel_layers=2, feedforward=128, pixel_feedforward=128),
        cohort=PhantomCohort(60, 30, 6.0, (80, 64)),
        training=replace(_STEPS, steps=3000, batch=8),
        anatomy_training=replace(_STEPS, steps=3000, batch=8),
    ),
)
GPU = LadderParameters(
    folds=(0, 1, 2, 3, 4),
    recipe=ApexRecipe(
        cohort=PhantomCohort(185, 125, 4.0, (128, 96)),
        shape=Shape(stem=2),
        training=TrainingSettings(steps=30_000, batch=16, learning_rate=1e-4),
        anatomy_training=TrainingSettings(steps=30_000, batch=16, learning_rate=1e-4),
    ),
)
TIERS: Mapping[str, LadderParameters] = {"ci": CI, "cpu": CPU, "gpu": GPU}
