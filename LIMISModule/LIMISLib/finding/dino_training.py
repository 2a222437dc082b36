"""`train lang2box` with Grounding DINO: slices, LoRA under each asked configuration of Table 8, the best one merged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from AnatomyGuidedLib.begun_training import begin
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import write_csv, write_json
from AnatomyGuidedLib.models import store_folder
from AnatomyGuidedLib.progress import part_of
from AnatomyGuidedLib.study_options import with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

from LIMISLib.box import Box
from LIMISLib.finding.box_scores import BoxScores, FoundBox, box_scores
from LIMISLib.finding.dino_data import (
    CaseSlices,
    Example,
    example,
    made_cases,
    measured,
    prepare,
    read_case,
    read_cases,
    read_slices,
)
from LIMISLib.finding.dino_recipe import TABLE_8, Configuration, DinoRecipe
from LIMISLib.finding.intensities import Intensities
from LIMISLib.finding.organs import ORGANS
from LIMISLib.finding.splitting import CaseName, Split, split_cases

PREPARED, TABLE, SPLIT = "prepared", "table_8.csv", "split.json"
_COLUMNS = ("configuration", "augmented", "learning_rate", "added_labels", "mAP", "mAP50", "mAP75")


@dataclass(frozen=True, eq=False)
class Slices:
    """The prepared cases by use, and the normalisation that the training ones give."""

    training: Sequence[CaseSlices]
    validation: Sequence[CaseSlices]
    test: Sequence[CaseSlices]
    intensities: Intensities


def run(order: TrainingOrder, console: Console) -> Mapping[str, object]:
    """Table 8 as far as it was asked for, and the best configuration's scores on the test cases.

    The folder is a model that `limis --finder grounding-dino:FOLDER` takes.

    Raises:
        UsageError: A setting is unknown, or names no model; or the folder holds a training that is not to be resumed,
            or one with other settings (but `configurations`, each of which learns by itself).
        AnatomyGuidedError: A case or the model cannot be read, or transformers or peft is not installed.
        Cancelled: The user stopped; what was done stays.
    """
    from LIMISLib.finding.dino_card import write_dino

    recipe = with_settings(DinoRecipe(), order.settings)
    if not recipe.model:
        raise UsageError("The settings lack the model, a local folder of Grounding DINO; see docs/lang2box.md.")
    begin(order.folder, recipe, resume=order.resume, free=("configurations",))
    slices = _slices(recipe, order, console)
    rows = []
    for place, number in enumerate(recipe.configurations):
        progress = part_of(
            console.progress, 0.1 + 0.8 * place / len(recipe.configurations),
            0.1 + 0.8 * (place + 1) / len(recipe.configurations),
        )  # fmt: skip
        folder = order.folder / f"configuration_{number}"
        network = _adapted(recipe, TABLE_8[number], order, folder, slices, progress, console.cancelled)
        scores = scores_of(network, slices.validation, slices.intensities)
        rows.append({"configuration": number, **asdict(TABLE_8[number]), **scores.rounded()})
        write_csv(order.folder / TABLE, rows, _COLUMNS)
    best = max(rows, key=lambda row: float(row["mAP"]))
    number = int(best["configuration"])
    network = _adapted(
        recipe, TABLE_8[number], order, order.folder / f"configuration_{number}", slices, lambda *_: None, lambda: False
    )
    test = scores_of(network, slices.test, slices.intensities).rounded()
    write_dino(order.folder, network, recipe, slices.intensities, largest_boxes(slices, recipe))
    console.line(f"{order.folder.name}: configuration {number} is best on the validation cases; test {test}")
    return {"table_8": rows, "best": number, "test": test}


def scores_of(dino: Any, cases: Sequence[CaseSlices], intensities: Intensities) -> BoxScores:
    """COCO's scores on the slices of these cases, each under a prompt of all labels."""
    import torch

    from LIMISLib.finding.dino_model import best_boxes

    rng = np.random.default_rng(0)
    reference, predictions = [], []
    dino.network.eval()
    for case in cases:
        for number in range(len(case.hu)):
            shown = example(case, number, intensities, rng=rng)
            inputs = dino.inputs(shown.image[None], [ORGANS])
            with torch.inference_mode():
                chances, edges = best_boxes(dino.network(**inputs), inputs["input_ids"], shown.image.shape)
            reference.append([FoundBox(name, Box(*box)) for name, box in shown.boxes.items()])
            predictions.append(list(_found(chances[0], edges[0])))
    return box_scores(reference, predictions)


def largest_boxes(slices: Slices, recipe: DinoRecipe) -> list[list[float]]:
    """By organ a quarter more than the largest width and height in mm of the training slices."""
    rng, largest = np.random.default_rng(0), np.zeros((len(ORGANS), 2))
    for case in slices.training:
        for number in range(len(case.hu)):
            for name, box in example(case, number, slices.intensities, rng=rng).boxes.items():
                place = ORGANS.index(name)
                largest[place] = np.maximum(largest[place], (box[2] - box[0], box[3] - box[1]))
    sizes = np.where(largest > 0, largest * recipe.frame.pixel_mm * 1.25, 500.0)
    return [[round(float(side), 1) for side in one] for one in sizes]


def _found(chances: np.ndarray, edges: np.ndarray) -> list[FoundBox]:
    return [
        FoundBox(name, Box(*box), float(chance))
        for name, chance, box in zip(ORGANS, chances, edges.tolist(), strict=True)
        if box[2] - box[0] >= 1 and box[3] - box[1] >= 1
    ]


def _adapted(
    recipe: DinoRecipe,
    configuration: Configuration,
    order: TrainingOrder,
    folder: Path,
    slices: Slices,
    progress: Any,
    cancelled: Any,
) -> Any:
    """The model with LoRA, trained as far as the recipe says."""
    import torch

    from LIMISLib.finding.dino_adaptation import Adaptation
    from LIMISLib.finding.dino_model import Dino, read_dino, with_lora

    dino = read_dino(_model_folder(order.where, recipe.model))
    network: Any = dino.network
    network.config.auxiliary_loss = recipe.auxiliary_loss
    torch.manual_seed(recipe.seed)
    changed = with_lora(network, rank=recipe.rank, alpha=recipe.alpha).to(chosen_device(order.device))
    adaptation = Adaptation(Dino(changed, dino.tokenizer), recipe, configuration)
    filled = [case for case in slices.training if len(case.hu)]
    augmentation = recipe.augmentation if configuration.augmented else None

    def draw(rng: np.random.Generator) -> Example:
        case = filled[int(rng.integers(len(filled)))]
        number = int(rng.integers(len(case.hu)))
        return example(case, number, slices.intensities, augmentation=augmentation, rng=rng)

    adaptation.run(draw, folder, progress=progress, cancelled=cancelled)
    return adaptation.dino


def _slices(recipe: DinoRecipe, order: TrainingOrder, console: Console) -> Slices:
    names = _prepared(recipe, order, console)
    seen = frozenset(_lines(order.where / recipe.seen)) if recipe.seen else frozenset()
    split = split_cases(names, seen=seen, rng=np.random.default_rng(recipe.seed))
    write_json(order.folder / SPLIT, {use: [case.name for case in cases] for use, cases in _uses(split).items()})
    by_use = {
        use: [read_slices(order.folder / PREPARED / case.name) for case in cases] for use, cases in _uses(split).items()
    }
    return Slices(**by_use, intensities=measured(by_use["training"], np.random.default_rng(recipe.seed)))


def _uses(split: Split) -> Mapping[str, Sequence[CaseName]]:
    return {"training": split.training, "validation": split.validation, "test": split.test}


def _prepared(recipe: DinoRecipe, order: TrainingOrder, console: Console) -> list[CaseName]:
    """The cases' names; the slices of each lie in a folder of its own, from this run or one before."""
    folder = order.folder / PREPARED
    listing = folder / "cases.json"
    if order.resume and listing.is_file():
        return [CaseName(**entry) for entry in json.loads(listing.read_text(encoding="utf-8"))]
    names = []
    if recipe.cohort:
        cases = read_cases(order.where / recipe.cohort)
        for number, case in enumerate(cases):
            console.progress(0.1 * number / len(cases), f"Preparing {case.name.name}")
            prepare(*read_case(case), recipe.frame, recipe.slice_step_mm, folder / case.name.name)
            names.append(case.name)
    else:
        for number, (name, image, anatomy) in enumerate(made_cases(recipe.made)):
            console.progress(0.1 * number / recipe.made, f"Making {name.name}")
            prepare(image, anatomy, recipe.frame, recipe.slice_step_mm, folder / name.name)
            names.append(name)
    write_json(listing, [asdict(name) for name in names])
    return names


def _model_folder(where: Path, name: str) -> Path:
    """The folder beside the settings, or the one of that name in the user's model store."""
    return where / name if (where / name).is_dir() else store_folder() / name


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnatomyGuidedError(f"The list {path.name} cannot be read; give a text file in UTF-8.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
