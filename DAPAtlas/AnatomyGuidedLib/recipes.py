"""The recipes that come with the project: settings of trainings by name."""

from __future__ import annotations

from pathlib import Path

RECIPES = Path(__file__).parent / "data" / "recipes"

_ATLASES = "dap"  # others begin with the name of their training


def recipe_names() -> tuple[str, ...]:
    """All of them."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.json")))


def recipes_of(training: str) -> tuple[str, ...]:
    """Those of a training.

    >>> recipes_of("box2mask"), recipes_of("expert")
    (('box2mask-demo',), ())
    """
    return tuple(name for name in recipe_names() if training_of(name) == training)


def training_of(name: str) -> str:
    """What `anatomyguided train` is given for a recipe of this name, or "" where there is none.

    >>> training_of("dap-unet-4mm"), training_of("grasp-demo"), training_of("nothing")
    ('atlas', 'grasp', '')
    """
    kind = name.split("-")[0]
    return ("atlas" if kind == _ATLASES else kind) if name in recipe_names() else ""
