"""`anatomyguided models`: what is installed and published; fetch, add, verify and remove models."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.download import download
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.model_store import Addition, add_model, remove_model
from AnatomyGuidedLib.models import (
    Model,
    find_model,
    installed_models,
    readable_models,
    store_folder,
    unreadable_models,
)
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.published_models import PublishedModel, published_model, published_models

_EXAMPLES = """examples:
  anatomyguided models list
  anatomyguided models fetch dap-atlas-v2
  anatomyguided models add nnUNetTrainer__nnUNetPlans__3d_fullres --name total --scheme totalsegmentator
  anatomyguided models verify total
  anatomyguided models remove total

Models are kept in ~/.anatomyguided/models, or where ANATOMYGUIDED_MODELS says. docs/models.md describes their form.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("action", choices=tuple(_ACTIONS), help="what to do; see the examples")
    parser.add_argument("model", nargs="?", help="a name; for add a folder or zip file; for fetch also an address")
    parser.add_argument("--name", help="add, fetch: the model's name in the store (default: the folder's)")
    parser.add_argument("--scheme", default="", help="add, fetch: the scheme of its labels, as dap or totalsegmentator")
    parser.add_argument("--orientation", metavar="CODES", help="add, fetch: axes of the training images, as LAS or RAS")
    parser.add_argument("--folds", default="", metavar="A,B,..", help="add: the folds to use (default: all)")
    parser.add_argument("--checkpoint", metavar="FILE", help="add: the checkpoint's name in each fold")
    parser.add_argument("--licence", default="", help="add: the model's licence, for its card")
    parser.add_argument("--sha256", default="", metavar="HEX", help="fetch: the file's checksum, where it is not known")
    parser.add_argument("--accept-licence", action="store_true", help="fetch: the licence that is shown is accepted")
    parser.add_argument("--trust", action="store_true", help="add: read pickles that may execute what they hold")
    parser.add_argument("--force", action="store_true", help="add, fetch: in place of a model of the same name")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:  # noqa: ARG001
    """What the action found or did.

    Raises:
        UsageError: The action needs a model, or there is none of that name.
        AnatomyGuidedError: A model is damaged, refused or cannot be fetched.
    """
    if arguments.action != "list" and arguments.action != "verify" and not arguments.model:
        raise UsageError(f"models {arguments.action} needs a model; see anatomyguided models --help.")
    return _ACTIONS[arguments.action](arguments, console)


def _list(arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:  # noqa: ARG001
    models = readable_models()
    for model in models:
        console.line(f"{model.name}\t{model.task}\t{model.licence}")
    for name in unreadable_models():
        console.note(f"The model card of {name} cannot be read; install the model again.")
    if not models:
        console.note("No models are installed; the commands use rules and other tools' label maps.")
    names = {model.name for model in models}
    others = [model for model in published_models() if model.name not in names]
    console.note("Published, not installed: " + (", ".join(model.name for model in others) or "none") + ".")
    return {"models": [_row(model) for model in models], "published": [model.name for model in others]}


def _fetch(arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    is_address = "://" in arguments.model
    known = _of_address(arguments) if is_address else published_model(arguments.model)
    sha256 = arguments.sha256 or known.sha256
    console.note(f"{known.name}: {known.task} ({known.source}). Licence: {known.licence}.")
    if not known.address:
        raise AnatomyGuidedError(f"{known.name} cannot be fetched by a program. {known.by_hand}")
    if not sha256:
        raise UsageError("No checksum of this file is known; give the one that its source states as --sha256.")
    if not arguments.accept_licence:
        raise UsageError("Pass --accept-licence once you have read and accepted the licence; nothing was fetched.")
    name = arguments.name or known.name
    folder = store_folder() / ".fetched"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.zip"
    download(known.address, file, sha256, progress=part_of(console.progress, 0.0, 0.8), cancelled=console.cancelled)
    model = add_model(file, _addition(arguments, name, known.licence), cancelled=console.cancelled)
    shutil.rmtree(folder)
    console.line(f"{model.name}\t{model.task}\t{model.licence}")
    return _row(model)


def _of_address(arguments: argparse.Namespace) -> PublishedModel:
    name = arguments.name or Path(arguments.model.split("?")[0]).stem
    licence = arguments.licence or "not stated"
    return PublishedModel(name, "a model from the address given", "the address given", licence, arguments.model, "", "")


def _add(arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    source = Path(arguments.model)
    addition = _addition(arguments, arguments.name or source.stem, arguments.licence or "not stated")
    model = add_model(source, addition, progress=console.progress, cancelled=console.cancelled)
    console.line(f"{model.name}\t{model.task}\t{model.licence}")
    return _row(model)


def _addition(arguments: argparse.Namespace, name: str, licence: str) -> Addition:
    folds = tuple(fold.strip() for fold in arguments.folds.split(",") if fold.strip())
    orientation = arguments.orientation.upper() if arguments.orientation else None
    return Addition(
        name, arguments.scheme, orientation, folds, arguments.checkpoint, licence, arguments.trust, arguments.force
    )


def _verify(arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    names = [arguments.model] if arguments.model else [model.name for model in installed_models()]
    for name in names:
        console.line(f"{find_model(name).name}: all files are as its card says")
    return {"verified": names}


def _remove(arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    remove_model(arguments.model)
    console.line(f"{arguments.model} was removed")
    return {"removed": arguments.model}


def _row(model: Model) -> dict[str, object]:
    return {"name": model.name, "task": model.task, "licence": model.licence}


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Console], Mapping[str, object]]] = {
    "list": _list,
    "fetch": _fetch,
    "add": _add,
    "verify": _verify,
    "remove": _remove,
}
