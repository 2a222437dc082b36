"""The small finder as a model folder: a card that says everything, and weights in half precision in safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of, write_json
from AnatomyGuidedLib.models import find_model

from LIMISLib.finding.frames import Frame
from LIMISLib.finding.intensities import Intensities
from LIMISLib.finding.organs import ORGANS

if TYPE_CHECKING:
    from LIMISLib.finding.network import SmallNetwork
    from LIMISLib.finding.phantom_slices import PhantomSlices
    from LIMISLib.finding.small_recipe import SmallRecipe

FORMAT, VERSION = "anatomyguided-finder", 1
BUNDLED = "lang2box-demo"
_WEIGHTS = "weights.safetensors"
_MEASURED_SLICES, _LARGEST_PERCENT, _ROOM, _ANY_MM = 400, 99.0, 1.25, 500.0

_LEAST_SIDE = 16
_DAMAGES = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RuntimeError, OSError)


@dataclass(frozen=True, eq=False)
class SmallModel:
    """A network, what it was trained to see, and by structure the largest plausible box in mm (width, height)."""

    name: str
    network: SmallNetwork
    frame: Frame
    intensities: Intensities
    structures: tuple[str, ...]
    largest_mm: tuple[tuple[float, float], ...]
    is_demonstration: bool


def write_small_model(
    folder: Path, network: SmallNetwork, recipe: SmallRecipe, source: PhantomSlices, *, steps: int
) -> None:
    """Nothing; the folder holds the card and the weights."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    save_file(halves, str(folder / _WEIGHTS))
    card = {
        "format": FORMAT,
        "version": VERSION,
        "used_by": "limis",
        "task": "boxes of eleven abdominal organs in axial slices of a CT",
        "licence": "Apache-2.0",
        "training": f"{steps} steps on made patients only (recipe.json)",
        "inputs": [{"name": "CT", "unit": "HU", **asdict(source.intensities)}],
        "frame": asdict(recipe.slices.frame),
        "network": {"features": list(recipe.features), "blocks": recipe.blocks},
        "structures": [
            {"name": name, "largest_mm": largest}
            for name, largest in zip(ORGANS, largest_boxes(source), strict=True)
        ],
        "notes": [f"{folder.name} is a demonstration model: trained on made patients alone, not for clinical use."],
        "demonstration": True,
        "weights": [_WEIGHTS],
        "files": {_WEIGHTS: sha256_of(folder / _WEIGHTS)},
    }  # fmt: skip
    write_json(folder / "model.json", card)


def largest_boxes(source: PhantomSlices) -> list[list[float]]:
    """By organ the width and height in mm that few training slices pass, and a quarter more."""
    boxes = np.stack([source.example(number)[1] for number in range(_MEASURED_SLICES)]).astype(np.float64)
    boxes[boxes[..., 2] == 0] = np.nan
    sizes = (boxes[..., 2:] - boxes[..., :2]) * source.settings.frame.pixel_mm * _ROOM
    return [[_largest(side) for side in one.T] for one in sizes.transpose(1, 0, 2)]


def _largest(sides_mm: npt.NDArray[np.float64]) -> float:
    known = sides_mm[np.isfinite(sides_mm)]
    return round(float(np.percentile(known, _LARGEST_PERCENT)), 1) if known.size else _ANY_MM


def read_small_model(name: str) -> SmallModel:
    """The model of an installed name or of a folder.

    Raises:
        ModelNotInstalled: There is none.
        AnatomyGuidedError: It is damaged, or no model of this kind.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from LIMISLib.finding.network import SmallNetwork

    model = find_model(name)
    try:
        card: dict[str, Any] = json.loads((model.folder / "model.json").read_text(encoding="utf-8"))
        if card["format"] != FORMAT or card["version"] > VERSION:
            raise AnatomyGuidedError(
                f"The model {model.name} finds no boxes: its card is of the format {card['format']!r}, but {FORMAT!r} "
                "was expected."
            )
        values = {key: float(card["inputs"][0][key]) for key in Intensities.__dataclass_fields__}
        frame = _frame(card["frame"])
        if not (all(map(isfinite, values.values())) and values["deviation_hu"] > 0):
            raise ValueError("its HU cannot be normalised")
        structures = tuple(str(entry["name"]) for entry in card["structures"])
        largest = tuple((float(e["largest_mm"][0]), float(e["largest_mm"][1])) for e in card["structures"])
        if not all(0 < side < inf for sides in largest for side in sides):
            raise ValueError("a structure's largest box has no size")
        features = tuple(int(count) for count in card["network"]["features"])
        network = SmallNetwork(classes=len(structures), features=features, blocks=card["network"]["blocks"])
        weights = load_file(str(model.folder / card["weights"][0]))
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except (*_DAMAGES, SafetensorError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(f"The model {model.name} is damaged ({error}); install it again.") from error
    is_demonstration = bool(card.get("demonstration"))
    return SmallModel(
        model.name, network.eval(), frame, Intensities(**values), structures, largest, is_demonstration
    )  # fmt: skip


def _frame(entry: Mapping[str, Any]) -> Frame:
    rows, columns = (int(side) for side in entry["shape"])
    frame = Frame((rows, columns), float(entry["pixel_mm"]), float(entry["beyond_mm"]))
    lengths = (frame.pixel_mm, frame.beyond_mm)
    if min(frame.shape) < _LEAST_SIDE or min(lengths) <= 0 or not all(map(isfinite, lengths)):
        raise ValueError(f"its frame is {entry}")
    return frame
