"""An adapted Grounding DINO as a model folder: transformers' own files, and a card that says what it was shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import sha256_of, write_json

from LIMISLib.finding.dino_recipe import DinoRecipe
from LIMISLib.finding.frames import Frame
from LIMISLib.finding.intensities import Intensities
from LIMISLib.finding.organs import ORGANS

FORMAT, VERSION = "anatomyguided-grounding-dino", 1
_CARD = "model.json"
_OURS = (_CARD, "recipe.json", "split.json")
_SOFT_TISSUE = Intensities(-160.0, 240.0, 40.0, 80.0)
_ANY_MM = 500.0


@dataclass(frozen=True)
class DinoCard:
    """How slices are shown to the model, and by structure how large its box may be."""

    frame: Frame
    intensities: Intensities
    structures: tuple[str, ...]
    largest_mm: tuple[tuple[float, float], ...]


UNADAPTED = DinoCard(Frame((320, 416), 1.0), _SOFT_TISSUE, ORGANS, ((_ANY_MM, _ANY_MM),) * len(ORGANS))


def write_dino(
    folder: Path, dino: Any, recipe: DinoRecipe, intensities: Intensities, largest_mm: Sequence[Sequence[float]]
) -> None:
    """Nothing; the folder holds the merged network, its vocabulary and the card."""
    from LIMISLib.finding.dino_model import merged

    network: Any = merged(dino.network)
    network.save_pretrained(str(folder))
    dino.tokenizer.save_pretrained(str(folder))
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".txt", ".json"))
    card = {
        "format": FORMAT,
        "version": VERSION,
        "used_by": "limis",
        "task": "boxes of named structures in axial slices of a CT",
        "licence": "as that of the model that was adapted",
        "training": f"LoRA of rank {recipe.rank}, {recipe.steps} steps of {recipe.batch} slices (recipe.json)",
        "inputs": [{"name": "CT", "unit": "HU", **asdict(intensities)}],
        "frame": asdict(recipe.frame),
        "structures": [{"name": n, "largest_mm": list(s)} for n, s in zip(ORGANS, largest_mm, strict=True)],
        "files": {path.name: sha256_of(path) for path in files if path.name not in _OURS},
    }  # fmt: skip
    write_json(folder / _CARD, card)


def read_dino_card(folder: Path) -> DinoCard:
    """The folder's card; for a Grounding DINO that nobody adapted to CT a soft-tissue window and the thesis's organs.

    Raises:
        AnatomyGuidedError: The card is damaged, or another model's.
    """
    if not (folder / _CARD).is_file():
        return UNADAPTED
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        if card["format"] != FORMAT or card["version"] > VERSION:
            raise AnatomyGuidedError(f"The model {folder.name} is no Grounding DINO of this program: {card['format']}.")
        values = {key: float(card["inputs"][0][key]) for key in Intensities.__dataclass_fields__}
        rows, columns = card["frame"]["shape"]
        frame = Frame((int(rows), int(columns)), card["frame"]["pixel_mm"], card["frame"]["beyond_mm"])
        structures = tuple(str(entry["name"]) for entry in card["structures"])
        largest = tuple((float(entry["largest_mm"][0]), float(entry["largest_mm"][1])) for entry in card["structures"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(f"The model card of {folder.name} cannot be read; install the model again.") from error
    return DinoCard(frame, Intensities(**values), structures, largest)
