"""One arm on one split: trained, tried on the cases it did not see, and not again once that is on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.inference.decoding import Largest
from AnatomyGuidedLib.inference.predict import Task, predict
from AnatomyGuidedLib.inference.windows import Window
from AnatomyGuidedLib.learning.journal import rows_of
from AnatomyGuidedLib.learning.saved_state import read_state
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.learning.trainer import LOG, STATE, Training
from AnatomyGuidedLib.networks.build import build_network, divisors_of
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of

from PathologySegLib.learning.arms import Arm, Building, Built, build
from PathologySegLib.learning.atlas_models import AtlasModel, untrained
from PathologySegLib.learning.cases import Case
from PathologySegLib.learning.encoders import require_readable
from PathologySegLib.learning.fine_tuning import require_alike
from PathologySegLib.learning.objectives import classes_of
from PathologySegLib.learning.patches import LesionPatches, Sample
from PathologySegLib.learning.plan import Contender, TierSettings
from PathologySegLib.learning.scoring import scored
from PathologySegLib.learning.shuffled import another, misplaced

if TYPE_CHECKING:
    from torch import nn

SCORES, WEIGHTS = "scores.json", "weights.pt"

Scores = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Trial:
    """Which backbone, arm and split; `folder` keeps what was found, and before that what a stopped training needs.

    `trained_in` is the folder of the trial whose training this one uses, which must be done.
    """

    contender: Contender
    name: str
    arm: Arm
    split: int
    folder: Path
    trained_in: Path | None = None

    @property
    def scores(self) -> Scores | None:
        """By case the four metrics; None as long as the trial is not done."""
        path = self.folder / SCORES
        return json.loads(path.read_text(encoding="utf-8"))["scores"] if path.is_file() else None

    @property
    def log(self) -> list[dict[str, float]]:
        """The training's lines."""
        return rows_of(self.folder / LOG)


def run_trial(
    trial: Trial,
    settings: TierSettings,
    cases: Sequence[Case],
    *,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> None:
    """Nothing; the trial's folder has its scores.

    Raises:
        Cancelled: The user stopped; the next call goes on from there.
    """
    learned, left = split_cases([case.whose for case in cases], settings, trial.split)
    told = part_of(progress, 0.0, 0.9)
    network, seconds = trained(trial, settings, cases, learned, device=device, progress=told, cancelled=cancelled)
    told = part_of(progress, 0.9, 1.0)
    found = tried(network, trial, settings, cases, left, device, progress=told, cancelled=cancelled)
    trial.folder.mkdir(parents=True, exist_ok=True)
    write_json(trial.folder / "scores.part", {"scores": found, "seconds": round(seconds, 1)})
    (trial.folder / "scores.part").replace(trial.folder / SCORES)


def tried(
    network: nn.Module,
    trial: Trial,
    settings: TierSettings,
    cases: Sequence[Case],
    left: Sequence[int],
    device: str,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> dict[str, Mapping[str, float | None]]:
    """By case the scores of what the network finds in it.

    Raises:
        Cancelled: The user stopped.
    """
    network.train(False)
    found = {}
    for place, number in enumerate(left):
        progress(place / len(left), f"Predicting case {place + 1} of {len(left)}")
        sample = sample_of(number, cases, trial.arm, settings)
        mask = lesions_found(network, sample, trial, settings, device, cancelled)
        found[sample.name] = scored(sample.lesions, mask, cases[number].grid)
    return found


def split_cases(patients: Sequence[str], settings: TierSettings, split: int) -> tuple[list[int], list[int]]:
    """The numbers of the cases to learn from and of those to predict, drawn for each split anew.

    `patients` tells whose each case is: no patient is on both sides, and the share is that of the patients.
    """
    own: dict[str, list[int]] = {}
    for number, patient in enumerate(patients):
        own.setdefault(patient, []).append(number)
    groups = list(own.values())
    order = np.random.default_rng([settings.phantoms.seed, 2, split]).permutation(len(groups)).tolist()
    count = round(len(groups) * settings.training_share)
    learned, left = ([number for place in side for number in groups[place]] for side in (order[:count], order[count:]))
    return sorted(learned[: settings.training_cases or None]), sorted(left)


def both_sides(cases: Sequence[Case], settings: TierSettings, split: int) -> tuple[list[int], list[int]]:
    """The numbers of the cases to learn from and of those to predict.

    Raises:
        UsageError: There are too few patients for a case on either side, or none of those to learn from has a lesion.
    """
    patients = [case.whose for case in cases]
    learned, left = split_cases(patients, settings, split)
    if not learned or not left:
        share = f"{settings.training_share:.0%} to {1 - settings.training_share:.0%}"
        raise UsageError(
            f"{len(set(patients))} patients cannot be split {share}; give more, or another training_share."
        )
    if all(cases[number].healthy for number in learned):
        raise UsageError(
            f"None of the {len(learned)} cases to learn from in split {split} has a lesion, so nothing can be learned; "
            "give more cases with lesions, or another training_share."
        )
    return learned, left


def sample_of(number: int, cases: Sequence[Case], arm: Arm, settings: TierSettings) -> Sample:
    """The case as the arm sees it; taught are always the predicted labels, as pseudo-labels are in the thesis."""
    case = cases[number]
    taught = case.anatomy("predicted")
    shown = case.anatomy("true") if arm.anatomy == "true" else taught
    if arm.anatomy == "shuffled":
        rng = np.random.default_rng([settings.phantoms.seed, 3, number])
        other = another(number, [one.whose for one in cases], rng)
        shown = misplaced(cases[other].anatomy("predicted"), rng, case.ct.shape)
    return Sample(case.name, case.ct, case.pet, case.lesions, shown, taught, arm.form(settings.form))


def lesions_found(
    network: nn.Module,
    sample: Sample,
    trial: Trial,
    settings: TierSettings,
    device: str,
    cancelled: CancelCheck = never_cancelled,
) -> npt.NDArray[np.bool_]:
    """The voxels that the network calls a lesion.

    Raises:
        Cancelled: The user stopped.
    """
    classes = classes_of(trial.arm.objective)
    entry = trial.contender.backbone.entry(channels=2, classes=2, deep_supervision=False)
    window = Window(settings.sampling.shape, settings.overlap, padding="lowest")
    task = Task(window, Largest((*[0] * (classes - 1), 1)), divisors=divisors_of(entry))
    return predict([network], sample.image(), task, device=device, cancelled=cancelled).labels > 0


def encoder_of(trial: Trial, device: str) -> nn.Module | None:
    """The atlas network that the arm needs, or none.

    Raises:
        AnatomyGuidedError: It learned from a CT that is scaled or turned otherwise than the arm's.
    """
    atlas = atlas_of(trial, device)
    if atlas is None:
        return None
    network = atlas.network
    torch.manual_seed(trial.split)
    return untrained(network) if trial.arm.fusion == "random" else network


def atlas_of(trial: Trial, device: str = "cpu") -> AtlasModel | None:
    """The atlas model whose network the arm needs, of which no weights are read yet; or none.

    Raises:
        ModelNotInstalled: There is none of that name.
        UsageError: The arm goes on from its weights, which are of another architecture than the backbone.
        AnatomyGuidedError: It learned from a CT that is scaled or turned otherwise than the arm's.
    """
    arm, contender = trial.arm, trial.contender
    if not arm.needs_encoder:
        return None
    atlas = AtlasModel(contender.mixture if "mixture" in (arm.fusion, arm.weights_of) else contender.mirror, device)
    require_readable(atlas.predictor, arm)
    if arm.start == "atlas":
        with torch.device("meta"):
            network = build_network(contender.backbone.entry(channels=2, classes=2, deep_supervision=True))
            require_alike(network, build_network(atlas.predictor.network))
    return atlas


def trained(
    trial: Trial,
    settings: TierSettings,
    cases: Sequence[Case],
    learned: Sequence[int],
    *,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> tuple[Any, float]:
    """The network with the running mean of its weights, and the seconds that its training took.

    Raises:
        Cancelled: The user stopped; the state is kept.
    """
    built, training = _built(trial, settings, device)
    weights = (trial.trained_in or trial.folder) / WEIGHTS
    if weights.is_file():
        stored = read_state(weights, device=device)
        built.network.to(device).load_state_dict(stored["network"])
        return built.network, float(stored["seconds"])
    samples = [sample_of(number, cases, trial.arm, settings) for number in learned]
    source = LesionPatches(samples, replace(settings.sampling, seed=settings.sampling.seed + trial.split))
    run = Training(built.network, training, device=device)
    run.run(source, trial.folder, loss=built.loss, progress=progress, cancelled=cancelled)
    built.network.load_state_dict(run.averaged)
    if run.share.is_first:
        _keep(trial.folder, run)
    return built.network, run.seconds


def stopped(trial: Trial, settings: TierSettings, device: str) -> tuple[Any, int, int] | None:
    """The network as far as a stopped training came, its weights' running mean, its steps, and how many it was to do.

    None where there is no stopped training, or none of its steps was done.
    """
    path = trial.folder / STATE
    if not path.is_file():
        return None
    state = read_state(path, device=device)
    if not state["step"]:
        return None
    built, training = _built(trial, settings, device)
    built.network.to(device).load_state_dict(state["averaged"])
    return built.network, int(state["step"]), training.steps


def _built(trial: Trial, settings: TierSettings, device: str) -> tuple[Built, TrainingSettings]:
    """The arm's network with its first weights, and how it is trained."""
    arm = trial.arm
    training = replace(
        settings.training,
        steps=max(1, round(settings.training.steps * arm.steps)),
        learning_rate=settings.training.learning_rate * arm.rate,
        seed=trial.split,
    )
    how = Building(
        trial.contender.backbone,
        settings.fusion,
        settings.form,
        training.steps,
        settings.even,
        settings.prior,
        seed=trial.split,
    )
    return build(arm, how, encoder_of(trial, device)), training


def _keep(folder: Path, run: Training) -> None:
    """Nothing; what only a stopped training needs gives way to the weights."""
    torch.save({"network": run.averaged, "seconds": run.seconds}, folder / "weights.part")
    (folder / "weights.part").replace(folder / WEIGHTS)
    (folder / STATE).unlink()
