"""`train atlas`: from a recipe to a model folder with weights, a card, the log and the recipe itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.begun_training import RECIPE, begin
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import labels
from AnatomyGuidedLib.predictors.normalisation import CT, Normalisation
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Labels, Predictor
from AnatomyGuidedLib.predictors.preparation import BODY, Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from DAPAtlasLib.training import expert
from DAPAtlasLib.training.phantom_patches import HIGHEST_HU, LOWEST_HU, UNIT_HU, class_ids
from DAPAtlasLib.training.phantom_recipe import PhantomRecipe, phase_folder, train_on_phantoms

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Training

STATE_FOLDER = "training"


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The training's steps, time and last loss; the folder is a model that `atlas --model` takes.

    Raises:
        UsageError: A setting is unknown, or the folder holds a training that is not to be resumed, or one with others.
        AnatomyGuidedError: torch is missing.
        Cancelled: The user stopped; the state is kept.
    """
    if order.version:
        return expert.run(order, console)
    recipe = with_settings(PhantomRecipe(), order.settings)
    try:
        from AnatomyGuidedLib.learning.together import own_share
        from AnatomyGuidedLib.learning.trainer import LOG
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    is_first = own_share().is_first
    if is_first:
        begin(order.folder, recipe, resume=order.resume)
    trainings = train_on_phantoms(
        recipe,
        order.folder / STATE_FOLDER,
        device=chosen_device(order.device),
        progress=console.progress,
        cancelled=console.cancelled,
    )
    if not is_first:
        return {}
    _write(order.folder, recipe, trainings)
    steps, seconds = (sum(getattr(one, name) for one in trainings) for name in ("step", "seconds"))
    log = phase_folder(order.folder / STATE_FOLDER, len(trainings) - 1) / LOG
    loss = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["loss"]
    console.line(f"{order.folder.name}: {steps} steps in {seconds / 60:.0f} min, loss {loss:.3f}")
    return {"steps": steps, "seconds": round(seconds, 1), "loss": loss}


def _write(folder: Path, recipe: PhantomRecipe, trainings: Sequence[Training]) -> None:
    """Nothing; the folder has the running mean of the weights, without the heads that only training needs."""
    from AnatomyGuidedLib.inference.windows import Window
    from AnatomyGuidedLib.networks.build import build_network
    from AnatomyGuidedLib.predictors.card import write_predictor

    patches = recipe.phases[-1].patches
    entry = recipe.entry(deep_supervision=False)
    network = build_network(entry)
    network.load_state_dict({name: trainings[-1].averaged[name] for name in network.state_dict()})
    side = patches.spacing_mm
    predictor = Predictor(
        name=folder.name,
        channels=("CT",),
        preparation=Preparation(
            (_NORMALISATION,), (side, side, side), "RAS", crop=BODY, resampling=Resampling(1, apart=False, smooth=True)
        ),
        window=Window(patches.shape, padding="lowest"),
        network=entry,
        labels=Labels(class_ids(), {label.id: label.name for label in labels() if label.id}, "dap"),
        load=lambda: [network],
        notes=(f"{folder.name} is a demonstration model: trained on made patients alone, not for clinical use.",),
    )
    write_predictor(
        folder,
        predictor,
        [network],
        half=True,
        task="the 142 structures of the DAP Atlas from a CT",
        licence="Apache-2.0",
        training=f"{sum(one.step for one in trainings)} steps on made patients only ({RECIPE})",
    )


_NORMALISATION = Normalisation(CT, LOWEST_HU, HIGHEST_HU, 0.0, UNIT_HU)
