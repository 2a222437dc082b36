"""`anatomyguided models`: what is installed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.models import Model, installed_models


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = "example:\n  anatomyguided models list"
    parser.add_argument("action", choices=("list",), help="list: names, tasks and licences of the installed models")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:  # noqa: ARG001
    """The installed models."""
    models = installed_models()
    for model in models:
        console.line(f"{model.name}\t{model.task}\t{model.licence}")
    if not models:
        console.note("No models are installed; the commands use rules and other tools' label maps.")
    return {"models": [_row(model) for model in models]}


def _row(model: Model) -> dict[str, object]:
    return {"name": model.name, "task": model.task, "licence": model.licence}
