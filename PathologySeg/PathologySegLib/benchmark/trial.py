"""One arm on one fold: trained, tried on the cases it did not see; what is on disk is not done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.inference.decoding import Largest
from AnatomyGuidedLib.inference.predict import Task, predict
from AnatomyGuidedLib.inference.windows import MONAI, Window
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.learning.saved_state import read_state
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.learning.trainer import STATE, Training
from AnatomyGuidedLib.networks.build import divisors_of
from AnatomyGuidedLib.progress import CancelCheck, Progress, part_of, stop_if
from CCMetricsLib.evaluate import evaluate
from CCMetricsLib.parameters import EvaluationParameters
from CCMetricsLib.report import as_json
from torch import nn

from PathologySegLib.benchmark.networks import arm_loss, entry_of, network_of
from PathologySegLib.benchmark.patches import FoldPatches
from PathologySegLib.benchmark.plan import Arm
from PathologySegLib.benchmark.prepared import Prepared, fold_fingerprint, scaled
from PathologySegLib.petct.fingerprint import Fingerprint

WEIGHTS, PREDICTIONS = "weights.pt", "predictions"
PARAMETERS = EvaluationParameters(distance="voxels", metrics=("dice", "nsd", "hd95_mm"))
"""As the thesis: regions by distance in voxels, 50 mm for what is not found, MONAI's surfaces."""

_NO_LIMIT = 1e9  # the thesis says nothing of clipped gradients
_TRAINING_SHARE = 0.8  # of the progress

Result = Mapping[str, Any]
Finder = Callable[[Prepared], Labelmap]


@dataclass(frozen=True)
class Fold:
    """Which cases a network learns from and is tried on; `folder` keeps what was found."""

    data_set: str
    number: int
    learned: Sequence[Prepared]
    tested: Sequence[Prepared]
    folder: Path
    device: str = "cpu"


def run_arm(name: str, arm: Arm, fold: Fold, *, progress: Progress, cancelled: CancelCheck) -> list[Result]:
    """The scores of the fold's cases.

    Raises:
        AnatomyGuidedError: No training case has a lesion, or the network cannot be built.
        Cancelled: The user stopped; the next call goes on from there.
    """
    fingerprint = fold_fingerprint(fold.learned)
    network = _trained(arm, fold, fingerprint, part_of(progress, 0.0, _TRAINING_SHARE), cancelled)

    def find(case: Prepared) -> Labelmap:
        return lesions_found(network, arm, fold, scaled(np.asarray(case.channels), fingerprint), case)

    return tried(name, fold, find, progress=part_of(progress, _TRAINING_SHARE, 1.0), cancelled=cancelled)


def tried(name: str, fold: Fold, find: Finder, *, progress: Progress, cancelled: CancelCheck) -> list[Result]:
    """What `find` is worth in each case that was not learned from; masks and scores stay in the fold's folder."""
    place = fold.folder / PREDICTIONS
    place.mkdir(parents=True, exist_ok=True)
    found = []
    for number, case in enumerate(fold.tested):
        stop_if(cancelled)
        progress(number / len(fold.tested), f"Predicting case {number + 1} of {len(fold.tested)}")
        scores = place / f"{file_name(case.name)}.json"
        if not scores.is_file():
            _try(name, case, find(case), scores)
        found.append(json.loads(scores.read_text(encoding="utf-8")))
    return found


def lesions_found(network: nn.Module, arm: Arm, fold: Fold, image: Any, case: Prepared) -> Labelmap:
    """The voxels that the network calls a lesion, by windows of the patch's size that weigh alike, as MONAI's do."""
    patch = arm.patch_of(fold.data_set)
    window = Window(patch, arm.overlap, layout=MONAI, even=True)
    task = Task(window, Largest((0, 1)), divisors=divisors_of(entry_of(arm, patch)))
    return Labelmap(predict([network], image, task, device=fold.device).labels, case.grid)


def training_of(arm: Arm, steps: int, seed: int) -> TrainingSettings:
    """The training as E.1.2.3 has it: no warm-up, no clipped gradients, the last weights."""
    return TrainingSettings(
        steps=steps, batch=arm.batch, learning_rate=arm.learning_rate, weight_decay=arm.weight_decay,
        schedule=arm.schedule, warm_up_steps=0, largest_gradient=_NO_LIMIT, averaging=0.0, seed=seed,
    )  # fmt: skip


def _trained(
    arm: Arm, fold: Fold, fingerprint: Fingerprint, progress: Progress, cancelled: CancelCheck
) -> nn.Module:  # fmt: skip
    patch = arm.patch_of(fold.data_set)
    weights = fold.folder / WEIGHTS
    network = network_of(arm, patch, seed=fold.number)
    if weights.is_file():
        network.load_state_dict(read_state(weights))
        return network.to(fold.device)
    source = FoldPatches(fold.learned, fingerprint, patch, per_image=arm.patches_per_image, seed=fold.number)
    settings = training_of(arm, arm.epochs * source.steps_in_epoch(arm.batch), fold.number)
    run = Training(network, settings, device=fold.device)
    run.run(source, fold.folder, loss=arm_loss(arm), progress=progress, cancelled=cancelled)
    torch.save(network.state_dict(), fold.folder / "weights.part")
    (fold.folder / "weights.part").replace(weights)
    (fold.folder / STATE).unlink()
    return network


def _try(name: str, case: Prepared, found: Labelmap, scores: Path) -> None:
    part = scores.with_name(f"part_{scores.stem}.nii.gz")
    write_labelmap(found, part, [])
    part.replace(scores.with_name(f"{scores.stem}.nii.gz"))
    grid = {"shape": list(case.grid.shape), "spacing_mm": list(case.grid.spacing_mm)}
    told = as_json(evaluate(case.reference, found, PARAMETERS, case=case.name))
    write_json(scores.with_suffix(".part"), {**told, "model": name, "grid": grid})
    scores.with_suffix(".part").replace(scores)
