"""How large the study `apex-films` is, by tier: arms, folds, films, network and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings

from PathologySegLib.apex.phantom_films import FilmCohort
from PathologySegLib.apex.recipe import XRAY, ApexRecipe
from PathologySegLib.apex.shape import Shape

ARMS = ("baseline", "maskformer", "cross-attention")  # of Table 12's methods those that run here


def _recipe(**parts: object) -> ApexRecipe:
    return replace(ApexRecipe(domain=XRAY), **parts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class FilmsParameters:
    """The arms, what they have in common (a recipe), and the folds that are trained, each arm once a fold.

    Raises:
        UsageError: The recipe is none of films, or names a data set.
    """

    arms: tuple[str, ...] = ARMS
    folds: tuple[int, ...] = (0,)
    recipe: ApexRecipe = field(default_factory=_recipe)

    def __post_init__(self) -> None:
        if self.recipe.domain != XRAY:
            raise UsageError(f"The study apex-films is of films, but the setting domain is {self.recipe.domain!r}.")
        if self.recipe.data or self.recipe.test_data:
            raise UsageError("The study apex-films makes its own films; leave data and test_data to train apex.")


_SMALL = Shape(
    stem=2,
    embedding=24,
    features=(24, 48, 96, 128),
    depths=(1, 1, 2, 2),
    block="basic",
    hidden=64,
    heads=4,
    queries=24,
    layers=3,
    pixel_layers=1,
    feedforward=128,
    pixel_feedforward=128,
)
_STEPS = TrainingSettings(steps=300, batch=8, learning_rate=1e-3, warm_up_steps=30, averaging=0.98)
CI = FilmsParameters(
    recipe=_recipe(film_anatomy="small", shape=_SMALL, films=FilmCohort(bodies=30, test=40), training=_STEPS)
)
CPU = FilmsParameters(
    folds=(0, 1, 2, 3, 4),
    recipe=_recipe(
        film_anatomy="small",
        shape=replace(_SMALL, queries=40, pixel_layers=2),
        films=FilmCohort(bodies=120, test=80, spacing_mm=5.0, pixels=128),
        training=replace(_STEPS, steps=3000),
    ),
)
GPU = FilmsParameters(
    folds=(0, 1, 2, 3, 4),
    recipe=_recipe(
        films=FilmCohort(bodies=400, test=100, spacing_mm=3.0, pixels=256),
        training=TrainingSettings(steps=30_000, batch=16, learning_rate=1e-4),
    ),
)
TIERS: Mapping[str, FilmsParameters] = {"ci": CI, "cpu": CPU, "gpu": GPU}
