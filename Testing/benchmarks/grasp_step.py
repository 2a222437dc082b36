"""One optimisation step of each thesis-size GRASP recipe on this machine: loss, seconds and the most memory.

python Testing/benchmarks/grasp_step.py [grasp-hecktor-unet ...] [--most-gb 15]

Each recipe runs in a process of its own, with its own patch and batch, at the step where the fusion begins: one step of
`learning.trainer.Training` on a made patient at the recipe's spacing, whose own labels are its anatomy. A process that
takes more than --most-gb of memory is ended, and the recipe is tried again with half of the batch. Where the atlas
model of the recipe is not installed, the frozen encoder is one of its shape that nothing was trained in. A step counts
only if all that learns has changed, nothing of the frozen encoder has, and the loss is finite before and after.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from AnatomyGuidedLib.errors import Cancelled
from AnatomyGuidedLib.learning.trainer import LOG, Training
from AnatomyGuidedLib.models import ModelNotInstalled
from AnatomyGuidedLib.networks.build import build_network
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import recipe_file
from DAPAtlasLib.training.phantom_recipe import PhantomRecipe
from PathologySegLib.grasp.network import Grasp, weights_sha256
from PathologySegLib.learning.arms import Building, Built, build
from PathologySegLib.learning.atlas_models import AtlasModel
from PathologySegLib.learning.grasp_recipe import GraspRecipe
from PathologySegLib.learning.patches import LesionPatches, Sample
from PathologySegLib.learning.phantom_cases import PhantomSettings, make_case
from torch import nn

RECIPES = [f"grasp-{cohort}-{name}" for cohort in ("hecktor", "autopet") for name in ("unet", "segresnet", "mednext")]
TRAINED, UNTRAINED = "trained", "untrained"
_POLL_S = 0.02


class NoStep(Exception):
    """Something did not change that must, or did that must not, or is not finite."""


@dataclass(frozen=True)
class Step:
    """What one step was; `gb_before` is what the process had when everything was built and no step done."""

    recipe: str
    patch: str
    batch: int
    encoder: str
    tensors: int
    loss: float
    loss_after: float
    similarity: list[float]
    seconds: float
    cpu_s: float
    gb: float
    gb_before: float

    def __str__(self) -> str:
        alike = ", ".join(f"{value:.3f}" for value in self.similarity)
        return (
            f"{self.recipe:24} batch {self.batch} of {self.patch}: loss {self.loss:.4f}, after the step "
            f"{self.loss_after:.4f}; {self.seconds:.1f} s, {self.cpu_s:.1f} CPU-s; most memory {self.gb:.2f} GB "
            f"({self.gb_before:.2f} before the step); all {self.tensors} weight tensors changed, the {self.encoder} "
            f"encoder's none; features before and after the fusion alike by {alike}"
        )


class OneStep:
    """A cancel check that lets one step pass, and times it from its first to its second question."""

    def __init__(self) -> None:
        self.asked, self.seconds, self.cpu_s = 0, 0.0, 0.0

    def __call__(self) -> bool:
        self.asked += 1
        self.seconds, self.cpu_s = time.perf_counter() - self.seconds, time.process_time() - self.cpu_s
        return self.asked == 2


def report(name: str, most_gb: float) -> None:
    """Nothing; a line is printed for each batch that was tried, the last of which fits."""
    batch = recipe_of(name).training.batch
    while batch:
        found = in_own_process(name, batch, most_gb)
        print(found or f"{name:24} batch {batch} needs more than {most_gb:g} GB", flush=True)
        batch = 0 if found else batch // 2


def in_own_process(name: str, batch: int, most_gb: float) -> Step | None:
    """The recipe's step; None if its process was ended because it took more memory than it may."""
    order = [sys.executable, __file__, name, "--only", str(batch)]
    with subprocess.Popen(order, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None:
            if resident_gb(child.pid) > most_gb:
                child.kill()
                return None
            time.sleep(_POLL_S)
        told = child.stdout.read() if child.stdout else ""
    if child.returncode:
        raise SystemExit(f"{name} with batch {batch} ended with {child.returncode}.")
    return Step(**json.loads(told))


def resident_gb(process: int) -> float:
    """The memory that a process has now; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith("VmRSS")), 0.0)


def one_step(name: str, batch: int) -> Step:
    """The step with which the fusion begins.

    Raises:
        NoStep: Of what learns something has not changed, of the encoder something has, or a loss is not finite.
    """
    recipe = recipe_of(name)
    encoder, kind = encoder_of(recipe)
    built, source = built_of(recipe, encoder), patches_of(recipe)
    network = built.network
    assert isinstance(network, Grasp)
    settings = replace(recipe.training, batch=batch, log_every_steps=1, seed=recipe.split)
    training = Training(network, settings)
    training.step = network.activation_step
    network.steps.fill_(network.activation_step)
    marks, checksum, before, watch = marks_of(network), weights_sha256(encoder), peak_gb(), OneStep()
    row = learned(training, source, built, watch)
    peak, after = peak_gb(), loss_again(built, source, network.activation_step, batch)
    changed = {key for key, mark in marks_of(network).items() if mark != marks[key]}
    similarity = [value for key, value in row.items() if key.startswith("similarity")]
    if len(changed) < len(marks):
        raise NoStep(f"{name}: these weights have not changed: {', '.join(sorted(marks.keys() - changed))}.")
    if weights_sha256(encoder) != checksum:
        raise NoStep(f"{name}: the frozen encoder has changed.")
    if len(similarity) != recipe.fusion.levels or not all(map(math.isfinite, (row["loss"], after, *similarity))):
        raise NoStep(f"{name}: loss {row['loss']}, after the step {after}, similarity of levels {similarity}.")
    return Step(
        name, " x ".join(map(str, recipe.sampling.shape)), batch, kind, len(marks), row["loss"], after,
        similarity, watch.seconds, watch.cpu_s, peak, before,
    )  # fmt: skip


def recipe_of(name: str) -> GraspRecipe:
    return with_settings(GraspRecipe(), read_settings(recipe_file(name)))


def encoder_of(recipe: GraspRecipe) -> tuple[nn.Module, str]:
    """The installed atlas model's network, or else one that the model's recipe would begin with."""
    try:
        return AtlasModel(recipe.encoder).network, TRAINED
    except ModelNotInstalled:
        torch.manual_seed(recipe.split)
        atlas = with_settings(PhantomRecipe(), read_settings(recipe_file(recipe.encoder)))
        return build_network(atlas.entry(deep_supervision=False)), UNTRAINED


def built_of(recipe: GraspRecipe, encoder: nn.Module) -> Built:
    steps, seed = recipe.training.steps, recipe.split
    how = Building(recipe.backbone, recipe.fusion, recipe.form, steps, recipe.even, recipe.prior, seed=seed)
    return build(recipe.arm, how, encoder)


def patches_of(recipe: GraspRecipe) -> LesionPatches:
    """Patches of one made patient with lesions, a third larger than a patch."""
    i, j, k = (side * 4 // 3 for side in recipe.sampling.shape)
    case = make_case(PhantomSettings(spacing_mm=recipe.network_spacing_mm, shape=(i, j, k), healthy=0.0), 0)
    ids = case.anatomy("true")
    sample = Sample(case.name, case.ct, case.pet, case.lesions, ids, ids, recipe.arm.form(recipe.form))
    return LesionPatches([sample], recipe.sampling)


def learned(training: Training, source: LesionPatches, built: Built, watch: OneStep) -> Mapping[str, float]:
    """The log's line of the one step that is done."""
    with TemporaryDirectory() as folder:
        try:
            training.run(source, Path(folder), loss=built.loss, cancelled=watch)
        except Cancelled:
            (line,) = (Path(folder) / LOG).read_text(encoding="utf-8").splitlines()
            row: dict[str, float] = json.loads(line)
            return row
    raise NoStep("The training ended by itself.")


@torch.no_grad()
def loss_again(built: Built, source: LesionPatches, step: int, batch: int) -> float:
    """The loss of the step's own batch with the weights as they are now."""
    pairs = [source.example(step * batch + place) for place in range(batch)]
    images, targets = (torch.from_numpy(np.stack(values)) for values in zip(*pairs, strict=True))
    return float(built.loss(built.network.train()(images), targets))


def marks_of(network: nn.Module) -> dict[str, str]:
    """By name a checksum of each tensor that learns."""
    learning = network.named_parameters()
    return {name: hashlib.sha256(value.detach().numpy().tobytes()).hexdigest() for name, value in learning}


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "recipes", nargs="*", default=RECIPES, metavar="RECIPE", help="names or files; default: all six"
    )
    parser.add_argument("--most-gb", type=float, default=15.0)
    parser.add_argument("--only", type=int, metavar="BATCH", help="in this process, with this batch, written as JSON")
    options: Any = parser.parse_args()
    if options.only:
        (name,) = options.recipes
        print(json.dumps(asdict(one_step(name, options.only))))
        return
    for name in options.recipes:
        report(name, options.most_gb)


if __name__ == "__main__":
    main()
