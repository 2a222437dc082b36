"""`train atlas`: from a recipe to a model folder with weights, a card, the log and the recipe itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder, require_fresh

from DAPAtlasLib.training.phantom_patches import HIGHEST_HU, LOWEST_HU, UNIT_HU, class_ids
from DAPAtlasLib.training.phantom_recipe import PhantomRecipe, train_on_phantoms

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
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    training = train_on_phantoms(
        recipe,
        order.folder / STATE_FOLDER,
        device=order.device,
        progress=console.progress,
        cancelled=console.cancelled,
    )
    _write(order.folder, recipe, training)
    last = json.loads((order.folder / STATE_FOLDER / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    console.line(
        f"{order.folder.name}: {training.step} steps in {training.seconds / 60:.0f} min, loss {last['loss']:.3f}"
    )
    return {"steps": training.step, "seconds": round(training.seconds, 1), "loss": last["loss"]}


def _write(folder: Path, recipe: PhantomRecipe, training: Training) -> None:
    """Nothing; the folder has the running mean of the weights, without the heads that only training needs."""
    from AnatomyGuidedLib.predictors.card import network_entry, write_model

    shape = replace(recipe.shape(), deep_supervision=False)
    last_head = f"seg_layers.{len(shape.decoder_blocks) - 1}."
    weights = {
        name: value for name, value in training.averaged.items() if "seg_layers." not in name or last_head in name
    }
    card = {
        "task": "the 142 structures of the DAP Atlas from a CT",
        "licence": "Apache-2.0",
        "training": f"{training.step} steps on made patients only ({RECIPE})",
        "notes": [f"{folder.name} is a demonstration model: trained on made patients alone, not for clinical use."],
        "inputs": [{"name": "CT", "unit": "HU", "normalisation": _NORMALISATION}],
        "spacing_mm": [recipe.patches.spacing_mm] * 3,
        "orientation": "RAS",
        "crop": "body",
        "resampling": {"order": 1, "apart": False, "smooth": True},
        "window": {"shape": list(recipe.patches.shape), "overlap": 0.5},
        "network": network_entry(shape, positioned=True),
        "labels": {"scheme": "dap", "values": list(class_ids())},
    }
    write_model(folder, weights, card)
    write_json(folder / RECIPE, asdict(recipe))


_NORMALISATION = {"scheme": "ct", "low": LOWEST_HU, "high": HIGHEST_HU, "mean": 0.0, "deviation": UNIT_HU}
