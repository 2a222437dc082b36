"""A trained query network as a model's folder: a card that says everything, and weights in safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of, write_json
from AnatomyGuidedLib.models import LESIONS
from AnatomyGuidedLib.predictors.weights import load_weights, save_weights
from AnatomyGuidedLib.study_options import with_settings

from PathologySegLib.apex.anatomy_classes import AnatomyClasses, anatomy_classes
from PathologySegLib.apex.film_learning import film_counts
from PathologySegLib.apex.recipe import XRAY, ApexRecipe
from PathologySegLib.apex.segmenter import Classes, Segmenter
from PathologySegLib.apex.segmenters import build_segmenter
from PathologySegLib.finders import ENTRY, FILMS, TASK

FORMAT, VERSION = "anatomyguided-apex", 1
CARD, WEIGHTS, RECIPE, READER = "model.json", "weights.safetensors", "recipe.json", "apex"
_SLICE_INPUTS = [{"name": name, "preset": "apex"} for name in ("CT", "PET")]
_FILM_INPUTS = [{"name": "film", "range": [0, 1]}]
_OF_NETWORK = ("domain", "arm", "detach", "anatomy", "atlas", "film_anatomy", "shape")


@dataclass(frozen=True, eq=False)
class ApexModel:
    """A network ready to predict slices of `frame` pixels of `spacing_mm`, along R and A, from below upwards."""

    name: str
    recipe: ApexRecipe
    classes: AnatomyClasses
    segmenter: Segmenter
    notes: tuple[str, ...]


def write_apex(
    folder: Path,
    recipe: ApexRecipe,
    segmenter: Segmenter,
    *,
    steps: int,
    results: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> None:
    """Nothing; the folder holds the card, the recipe, and the weights in half precision.

    The notes stand in the card, and in every report of the model. The card names the atlas model, not its folder: a
    model is passed on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(segmenter.network.state_dict(), folder / WEIGHTS, half=True)
    settings = asdict(recipe)
    write_json(folder / RECIPE, settings)
    kind = _film_entries(recipe) if recipe.domain == XRAY else _slice_entries(recipe)
    card = {
        "format": FORMAT,
        "version": VERSION,
        "licence": "Apache-2.0",
        "training": f"{steps} steps on {_learned_from(recipe)} ({RECIPE})",
        **kind,
        "network": {**{name: settings[name] for name in _OF_NETWORK}, "atlas": Path(recipe.atlas).name},
        "results": dict(results),
        "notes": [f"{folder.name} was trained on {_learned_from(recipe)}; it is not for clinical use.", *notes],
        "weights": [WEIGHTS],
        "files": {name: sha256_of(folder / name) for name in (WEIGHTS, RECIPE)},
    }
    write_json(folder / CARD, card)


def _learned_from(recipe: ApexRecipe) -> str:
    return f"the data set {Path(recipe.data).name}" if recipe.data else "made patients alone"


def _slice_entries(recipe: ApexRecipe) -> dict[str, object]:
    cohort = recipe.cohort
    return {
        "task": TASK,
        ENTRY: {"reader": READER, "common_grid": "pet"},
        "inputs": _SLICE_INPUTS,
        "slices": {"frame": list(cohort.frame), "spacing_mm": cohort.spacing_mm, "orientation": "RAS"},
    }


def _film_entries(recipe: ApexRecipe) -> dict[str, object]:
    return {
        "used_by": LESIONS,
        "task": "findings of chest films as instances",
        "inputs": _FILM_INPUTS,
        FILMS: {"pixels": recipe.films.pixels},
    }


def read_apex(folder: Path) -> ApexModel:
    """The model of a folder with such a card.

    Raises:
        AnatomyGuidedError: The card or the weights are damaged or of another kind.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if card["format"] != FORMAT or card["version"] > VERSION:
            raise AnatomyGuidedError(f"The model {folder.name} has a card of another format; update this program.")
        recipe = with_settings(ApexRecipe(), {**card["network"], **_sizes(card)})
        _require_inputs(folder.name, card["inputs"], recipe)
        notes: Sequence[str] = card.get("notes", ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(
            f"The model card of {folder.name} cannot be read ({error}); install the model again."
        ) from error
    classes = anatomy_classes(recipe.anatomy)
    segmenter = build_segmenter(recipe, _counts(recipe))
    load_weights(segmenter.network, folder / WEIGHTS)
    return ApexModel(folder.name, recipe, classes, segmenter, tuple(notes))


def _require_inputs(name: str, told: object, recipe: ApexRecipe) -> None:
    expected = _FILM_INPUTS if recipe.domain == XRAY else _SLICE_INPUTS
    if told != expected:
        raise AnatomyGuidedError(
            f"The card of {name} says that the model takes {json.dumps(told)}, but this program gives such models "
            f"{json.dumps(expected)}; use the model with the program that made it."
        )


def _sizes(card: Mapping[str, Any]) -> dict[str, object]:
    if FILMS in card:
        return {FILMS: card[FILMS]}
    return {"cohort": {name: card["slices"][name] for name in ("frame", "spacing_mm")}}


def _counts(recipe: ApexRecipe) -> Classes:
    if recipe.domain == XRAY:
        return film_counts(recipe)
    return Classes(len(anatomy_classes(recipe.anatomy).names))
