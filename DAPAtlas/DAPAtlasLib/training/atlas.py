"""`train atlas`: from a recipe to a model folder with weights, a card, the log and the recipe itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder, require_fresh

from DAPAtlasLib.training.phantom_patches import HIGHEST_HU, LOWEST_HU, UNIT_HU, class_ids
from DAPAtlasLib.training.phantom_recipe import PhantomRecipe, phase_folder, train_on_phantoms

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Training

STATE_FOLDER, RECIPE = "training", "recipe.json"


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """The training's steps, time and last loss; the folder is a model that `atlas --model` takes.

    Raises:
        AnatomyGuidedError: torch is missing.
        Cancelled: The user stopped; the state is kept.
    """
    recipe = with_settings(PhantomRecipe(), order.settings)
    require_fresh(order.folder, resume=order.resume)
    try:
        from AnatomyGuidedLib.learning.trainer import LOG
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    trainings = train_on_phantoms(
        recipe,
        order.folder / STATE_FOLDER,
        device=chosen_device(order.device),
        progress=console.progress,
        cancelled=console.cancelled,
    )
    _write(order.folder, recipe, trainings)
    steps, seconds = (sum(getattr(one, name) for one in trainings) for name in ("step", "seconds"))
    log = phase_folder(order.folder / STATE_FOLDER, len(trainings) - 1) / LOG
    loss = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["loss"]
    console.line(f"{order.folder.name}: {steps} steps in {seconds / 60:.0f} min, loss {loss:.3f}")
    return {"steps": steps, "seconds": round(seconds, 1), "loss": loss}


def _write(folder: Path, recipe: PhantomRecipe, trainings: Sequence[Training]) -> None:
    """Nothing; the folder has the running mean of the weights, without the heads that only training needs."""
    from AnatomyGuidedLib.predictors.card import network_entry, write_model

    shape = replace(recipe.shape(), deep_supervision=False)
    last_head = f"seg_layers.{len(shape.decoder_blocks) - 1}."
    weights = {
        name: value for name, value in trainings[-1].averaged.items() if "seg_layers." not in name or last_head in name
    }
    card = {
        "task": "the 142 structures of the DAP Atlas from a CT",
        "licence": "Apache-2.0",
        "training": f"{sum(one.step for one in trainings)} steps on made patients only ({RECIPE})",
        "notes": [f"{folder.name} is a demonstration model: trained on made patients alone, not for clinical use."],
        "inputs": [{"name": "CT", "unit": "HU", "normalisation": _NORMALISATION}],
        "spacing_mm": [recipe.phases[-1].patches.spacing_mm] * 3,
        "orientation": "RAS",
        "crop": "body",
        "resampling": {"order": 1, "apart": False, "smooth": True},
        "window": {"shape": list(recipe.phases[-1].patches.shape), "overlap": 0.5},
        "network": network_entry(shape, positioned=True),
        "labels": {"scheme": "dap", "values": list(class_ids())},
    }
    write_model(folder, weights, card)
    write_json(folder / RECIPE, asdict(recipe))


_NORMALISATION = {"scheme": "ct", "low": LOWEST_HU, "high": HIGHEST_HU, "mean": 0.0, "deviation": UNIT_HU}
