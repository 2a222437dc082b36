"""One step of APEx at a recipe's size on this machine: seconds and the most memory, forward, loss and backward.

python Testing/benchmarks/apex_step.py --config apex-thesis --batch 1
python Testing/benchmarks/apex_step.py --config apex-xray-thesis --batch 1
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import numpy.typing as npt
import torch
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import recipe_file
from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.film_learning import film_counts
from PathologySegLib.apex.recipe import XRAY, ApexRecipe
from PathologySegLib.apex.segmenter import Classes
from PathologySegLib.apex.segmenters import build_segmenter

_FINDINGS = 4  # of a film
_CELL = 32  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="apex-thesis")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    recipe = with_settings(ApexRecipe(), read_settings(recipe_file(arguments.config)))
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    if recipe.domain == XRAY:
        frame, classes = (recipe.films.pixels,) * 2, film_counts(recipe)
        target = film_target(arguments.batch, frame, classes, rng)
    else:
        frame, classes = recipe.cohort.frame, Classes(len(anatomy_classes(recipe.anatomy).names))
        target = slice_target(arguments.batch, frame, classes, rng)
    segmenter = build_segmenter(recipe, classes)
    segmenter.network.to(arguments.device)
    optimizer = torch.optim.AdamW(segmenter.network.parameters(), lr=1e-4)
    weights = sum(value.numel() for value in segmenter.network.parameters())
    wanted = torch.from_numpy(target).to(arguments.device)
    image = torch.from_numpy(rng.normal(0, 1, (arguments.batch, 3, *frame)).astype(np.float32)).to(arguments.device)
    started, seconds = time.perf_counter(), time.process_time()
    value = segmenter.loss(segmenter.network.train()(image), wanted)
    value.backward()
    optimizer.step()
    print(f"{weights / 1e6:.1f} million weights, batch {arguments.batch} of {frame[0]} x {frame[1]}")
    print(f"loss {value.item():.1f}; {time.perf_counter() - started:.1f} s, {time.process_time() - seconds:.1f} CPU-s")
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
    if wanted.is_cuda:
        print(f"most memory of the device {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")


def slice_target(
    batch: int, frame: tuple[int, int], classes: Classes, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Slices cut into squares, each of a structure, some of a lesion too."""
    coarse = rng.integers(0, classes.anatomy + 1, (batch, 2, frame[0] // _CELL, frame[1] // _CELL))
    coarse[:, 1] = rng.random(coarse[:, 1].shape) < 0.05
    return np.repeat(np.repeat(coarse, _CELL, 2), _CELL, 3)


def film_target(
    batch: int, frame: tuple[int, int], classes: Classes, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Films that show every structure and some findings, each a rectangle in a layer of its own, as shadows overlap."""
    target = np.zeros((batch, classes.anatomy_layers + _FINDINGS, *frame), np.int64)
    for layers in target:
        for place, layer in enumerate(layers):
            is_finding = place >= classes.anatomy_layers
            value = int(rng.integers(classes.pathology)) if is_finding else place
            top, left = rng.integers(0, frame[0] // 2, 2)
            layer[top : top + frame[0] // 4, left : left + frame[1] // 4] = value + 1
    return target


if __name__ == "__main__":
    main()
