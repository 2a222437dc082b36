"""`anatomyguided train`: a table of what can be trained, each loaded only when it is."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import require_device
from AnatomyGuidedLib.errors import Cancelled, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.recipes import RECIPES, recipe_names, recipes_of, training_of
from AnatomyGuidedLib.study_options import read_settings

RECIPE = "recipe.json"  # what a training was begun with, in its folder

TRAININGS: Mapping[str, tuple[str, str]] = {
    "expert": ("DAPAtlasLib.training.expert", "an nnU-Net ensemble on any labelled CTs, and its labels for other CTs"),
    "atlas": ("DAPAtlasLib.training.atlas", "a network that names all structures of the DAP Atlas"),
    "grasp": ("PathologySegLib.learning.grasp", "a network that finds lesions beside a frozen atlas network"),
    "apex": ("PathologySegLib.apex.training", "lesions and anatomy in slices of a PET/CT, or one of APEx's rivals"),
    "lang2box": ("LIMISLib.finding.training", "a network that finds the box of a structure that is named"),
    "box2mask": ("LIMISLib.training.box2mask", "a network that makes a mask in a slice from a box and clicks"),
}


@dataclass(frozen=True)
class TrainingOrder:
    """What a training is asked for: settings, the folder of the model, whether to go on with one that was begun.

    `where` is what paths in the settings are relative to: the folder of their file, or, for a recipe by its name, the
    working folder.
    """

    settings: Mapping[str, object]
    where: Path
    folder: Path
    version: str | None = None
    resume: bool = False
    device: str = "auto"


class Trainer(Protocol):
    """What the module of a training offers."""

    def run(self, order: TrainingOrder, console: Console) -> Mapping[str, object]: ...


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    listing = "\n".join(f"  {name:10} {summary}" for name, (_, summary) in TRAININGS.items())
    recipes = "\n".join(f"  {name:10} {', '.join(own)}" for name in TRAININGS if (own := recipes_of(name)))
    parser.epilog = (
        f"trainings:\n{listing}\n\nexamples:\n  anatomyguided train atlas --config dap-demo -o my-model\n"
        "  anatomyguided train atlas --config dap-demo -o my-model --resume\n\n"
        f"recipes by name, each of one training:\n{recipes}\n\ndocs/training.md describes the settings."
    )
    parser.add_argument("training", choices=tuple(TRAININGS), metavar="WHAT", help="one of the trainings below")
    parser.add_argument("--config", required=True, metavar="FILE", help="settings (.json or .toml), or a recipe's name")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="gets the model")
    parser.add_argument("--version", choices=("v1", "v2"), help="which training of the thesis (C.1.4), by nnU-Net")
    parser.add_argument("--resume", action="store_true", help="go on with a training that was stopped")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:  # noqa: ARG001
    """What was trained, in how many steps and seconds.

    Raises:
        UsageError: A setting or the device is unknown; the output is a file; or the folder holds a training and
            --resume was not asked for.
        Cancelled: The user stopped; --resume goes on.
    """
    config = recipe_file(arguments.config)
    require_device(arguments.device)
    _require_own_recipe(config, arguments.training)
    if arguments.output.exists() and not arguments.output.is_dir():
        raise UsageError(f"{arguments.output.name} is a file, but a folder for the model was expected.")
    order = TrainingOrder(
        read_settings(config),
        Path.cwd() if config.parent == RECIPES else config.absolute().parent,
        arguments.output,
        arguments.version,
        arguments.resume,
        arguments.device,
    )
    _note_beginning(order, console)
    module, _ = TRAININGS[arguments.training]
    try:
        return cast(Trainer, importlib.import_module(module)).run(order, console)
    except (Cancelled, KeyboardInterrupt) as stop:
        raise Cancelled("Stopped; --resume goes on from the last step.") from stop


def _require_own_recipe(config: Path, training: str) -> None:
    """Nothing, unless the settings are a recipe by its name, of another training than is asked for.

    Raises:
        UsageError: They are.
    """
    if config.parent == RECIPES and training_of(config.stem) != training:
        own = ", ".join(recipes_of(training))
        raise UsageError(
            f"{config.stem} is a recipe of train {training_of(config.stem)}; for train {training} "
            + (f"there are {own}." if own else "there is none: give a settings file; see docs/training.md.")
        )


def recipe_file(name: str) -> Path:
    """The settings' file of a path or of a recipe's name.

    Raises:
        UsageError: There is neither.
    """
    for found in (Path(name), RECIPES / f"{name}.json"):
        if found.is_file():
            return found
    known = ", ".join(recipe_names())
    raise UsageError(f"There is no settings file {Path(name).name!r} and no recipe of that name; known: {known}.")


def holds_training(folder: Path) -> bool:
    """Whether the folder has more than a recipe, from which nothing was made or learned yet."""
    return folder.is_dir() and any(path.name != RECIPE for path in folder.iterdir())


def _note_beginning(order: TrainingOrder, console: Console) -> None:
    """Nothing; where there is nothing to go on with, that is said: a job that may be called again asks for --resume."""
    is_first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes
    if order.resume and is_first and not holds_training(order.folder):
        console.note(f"{order.folder.name} holds no training to go on with; one begins there.")


def require_fresh(folder: Path, *, resume: bool) -> None:
    """Nothing, unless the folder holds something and the training is not to be resumed.

    Raises:
        UsageError: It does.
    """
    if not resume and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"{folder.name} is not empty; --resume goes on with a training there, or choose another folder."
        )
