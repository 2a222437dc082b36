"""One step of APEx at a recipe's size on this machine: seconds and the most memory, forward, loss and backward.

python Testing/benchmarks/apex_step.py --config apex-thesis --batch 1
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import recipe_file
from PathologySegLib.apex.anatomy_classes import anatomy_classes
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.segmenter import Classes
from PathologySegLib.apex.segmenters import build_segmenter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="apex-thesis")
    parser.add_argument("--batch", type=int, default=1)
    arguments = parser.parse_args()
    recipe = with_settings(ApexRecipe(), read_settings(recipe_file(arguments.config)))
    torch.manual_seed(0)
    classes = len(anatomy_classes(recipe.anatomy).names)
    segmenter = build_segmenter(recipe, Classes(classes))
    optimizer = torch.optim.AdamW(segmenter.network.parameters(), lr=1e-4)
    weights = sum(value.numel() for value in segmenter.network.parameters())
    rng = np.random.default_rng(0)
    frame = recipe.cohort.frame
    coarse = rng.integers(0, classes + 1, (arguments.batch, 2, frame[0] // 32, frame[1] // 32))
    coarse[:, 1] = rng.random(coarse[:, 1].shape) < 0.05
    target = torch.from_numpy(coarse).repeat_interleave(32, 2).repeat_interleave(32, 3)
    image = torch.from_numpy(rng.normal(0, 1, (arguments.batch, 3, *frame)).astype(np.float32))
    started, seconds = time.perf_counter(), time.process_time()
    value = segmenter.loss(segmenter.network.train()(image), target)
    value.backward()
    optimizer.step()
    print(f"{weights / 1e6:.1f} million weights, batch {arguments.batch} of {frame[0]} x {frame[1]}")
    print(f"loss {value.item():.1f}; {time.perf_counter() - started:.1f} s, {time.process_time() - seconds:.1f} CPU-s")
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
