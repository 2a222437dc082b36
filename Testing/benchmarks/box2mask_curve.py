"""How well a training of box to mask does on slices of made patients that it never saw.

    python Testing/benchmarks/box2mask_curve.py my-box2mask/training/phase_*/state.pt

For each state its step, and on 128 slices of four patients (boxes off by up to 20 mm, no clicks) the mean and median
Dice of the running mean of the weights, beside the filled box; and the Dice after a click in the largest error.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from AnatomyGuidedLib.networks.scribbleprompt import ScribblePromptUNet
from LIMISLib.segmenters.prompted import BEFORE, BOX
from LIMISLib.training.interactive import put_clicks
from LIMISLib.training.slice_examples import SliceExamples, SliceSettings
from scipy import ndimage

UNSEEN = SliceSettings(bodies=4, slices_per_body=32, clicked=0.0, windowed=0.6, seed=99)
_SLICES = 128


def main() -> None:
    torch.set_num_threads(1)
    made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    print("| state | side | step | Dice | median | after a click | filled box |\n|---|---|---|---|---|---|---|")
    for path in map(Path, sys.argv[1:]):
        state = torch.load(path, weights_only=True)
        for side in (32, 64):
            made.setdefault(side, examples(side))
            shown, structures = made[side]
            network = network_of(state["averaged"])
            logits = by_parts(network, shown)
            scores = dice(logits > 0, structures)
            clicked = dice(by_parts(network, with_a_click(shown, logits, structures)) > 0, structures)
            filled = dice(shown[:, BOX] > 0, structures)
            print(f"| {path.parent.name}/{path.name} | {side} | {state['step']} | {scores.mean():.3f} | "
                  f"{np.median(scores):.3f} | {clicked.mean():.3f} | {filled.mean():.3f} |", flush=True)  # fmt: skip


def examples(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network is shown, and the structures."""
    source = SliceExamples(replace(UNSEEN, side=side))
    pairs = [source.example(number) for number in range(_SLICES)]
    shown, structures = (torch.from_numpy(np.stack(values)) for values in zip(*pairs, strict=True))
    return shown[:, :5], structures > 0


def network_of(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """The network of a training's state."""
    plain = {name.removeprefix("network."): value for name, value in weights.items()}
    features = [plain[f"downs.{n}.conv.0.weight"].shape[0] for n in range(9) if f"downs.{n}.conv.0.weight" in plain]
    network = ScribblePromptUNet(tuple(features))
    network.load_state_dict(plain)
    return network.eval()


@torch.no_grad()
def by_parts(network: torch.nn.Module, shown: torch.Tensor) -> torch.Tensor:
    return torch.cat([network(part)[:, 0] for part in shown.split(16)])


def with_a_click(shown: torch.Tensor, logits: torch.Tensor, structures: torch.Tensor) -> torch.Tensor:
    """A second pass's input: the first one's logits, and a click deep within the largest error."""
    clicked = shown.clone()
    clicked[:, BEFORE] = logits
    for one, structure in zip(clicked, structures, strict=True):
        wrong = ((one[BEFORE] > 0) != structure).numpy()
        if wrong.any():
            depth = torch.from_numpy(ndimage.distance_transform_edt(np.pad(wrong, 1))[1:-1, 1:-1])
            put_clicks(one, structure, depth / depth.max() / 3)
    return clicked


def dice(masks: torch.Tensor, structures: torch.Tensor) -> np.ndarray:
    both = (masks & structures).sum((1, 2)).numpy()
    return 2 * both / np.maximum(masks.sum((1, 2)).numpy() + structures.sum((1, 2)).numpy(), 1)


if __name__ == "__main__":
    main()
