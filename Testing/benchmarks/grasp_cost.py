"""What GRASP costs beside its baseline: operations and time of predictions and training steps, memory at thesis size.

python Testing/benchmarks/grasp_cost.py [--rounds 7] [--side 64] [--levels 2]
python Testing/benchmarks/grasp_cost.py --thesis

Times are medians of this process's own processor time, baseline and GRASP in turn, so that other work on the machine
falls on both. The fusion is on in every training step that is timed. With --thesis nothing is computed: tensors without
values run through the thesis-size recipes (patch, batch) and are counted as a processor would compute them, and, of
GRASP, once more with plain attention, which keeps its weights for the way back; torch's kernel for processors does
not. `grasp_step.py` computes such a step.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("DAPAtlas", "PathologySeg", "CCMetrics")]

import torch  # noqa: E402
from AnatomyGuidedLib.networks.build import build_network  # noqa: E402
from AnatomyGuidedLib.networks.frozen import FrozenEncoder  # noqa: E402
from AnatomyGuidedLib.study_options import read_settings, with_settings  # noqa: E402
from AnatomyGuidedLib.train_command import recipe_file  # noqa: E402
from PathologySegLib.grasp.network import Grasp  # noqa: E402
from PathologySegLib.grasp.settings import FusionSettings  # noqa: E402
from PathologySegLib.learning.backbones import Backbone  # noqa: E402
from PathologySegLib.learning.grasp_recipe import GraspRecipe  # noqa: E402
from PathologySegLib.learning.objectives import loss_of  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count  # noqa: E402

MEDNEXT = {
    "init_filters": 16, "kernel_size": 3, "encoder_expansion_ratio": 2, "decoder_expansion_ratio": 2,
    "bottleneck_expansion_ratio": 2, "blocks_down": [2] * 4, "blocks_bottleneck": 2, "blocks_up": [2] * 4,
}  # fmt: skip
SEGRESNET = {"init_filters": 16, "blocks_down": [1, 2, 2, 4], "blocks_up": [1] * 3}
SMALL = {
    "3D U-Net": Backbone(features=(16, 40, 64, 88, 96)),
    "SegResNet": Backbone("SegResNet", arguments=SEGRESNET),
    "MedNeXt-S": Backbone("MedNeXt", arguments=MEDNEXT),
}
THESIS = [f"grasp-{cohort}-{name}" for cohort in ("autopet", "hecktor") for name in ("unet", "segresnet", "mednext")]
CHANNELS = 3


def both(backbone: Backbone, levels: int = 2) -> tuple[nn.Module, Grasp]:
    """A baseline, and GRASP with a mirror of it, fused from the first step on."""
    made = [
        build_network(backbone.entry(channels=n, classes=2, deep_supervision=True)) for n in (CHANNELS, CHANNELS, 1)
    ]
    return made[0], Grasp(
        made[1], FrozenEncoder(made[2]), FusionSettings(levels=levels), entering=CHANNELS, activation_step=0
    )


def predicting(network: nn.Module, image: Tensor) -> Callable[[], object]:
    def work() -> object:
        network.train(False)
        with torch.no_grad():
            return network(image)

    return work


def learning(network: nn.Module, image: Tensor, target: Tensor) -> Callable[[], object]:
    optimizer, loss = torch.optim.AdamW(network.parameters(), lr=1e-4), loss_of("lesions", even=True)

    def work() -> object:
        network.train(True)
        optimizer.zero_grad(set_to_none=True)
        loss(network(image), target).backward()
        optimizer.step()
        return None

    return work


def in_turn(works: list[Callable[[], object]], rounds: int) -> list[float]:
    """Each work's median seconds."""
    times: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for place, work in enumerate(works):
            started = time.process_time()
            work()
            if number:  # the first round warms up
                times[place].append(time.process_time() - started)
    return [median(own) for own in times]


def operations(network: nn.Module, image: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        predicting(network, image)()
    return int(counter.get_total_flops())


def compare(name: str, backbone: Backbone, options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    baseline, grasp = both(backbone, options.levels)
    side, rounds = options.side, options.rounds
    shape = (side, side, side // 2)
    image, target = torch.randn(1, CHANNELS, *shape), (torch.rand(1, *shape) > 0.99).long()
    own, other = operations(grasp, image), operations(baseline, image)
    one, two = in_turn([predicting(baseline, image), predicting(grasp, image)], rounds)
    base, fused, frozen = in_turn(
        [learning(baseline, image, target), learning(grasp, image, target), lambda: grasp.anatomy(image[:, :1])], rounds
    )
    print(
        f"{name:10} prediction: operations x {own / other:.4f}, time x {two / one:.3f} ({two:.3f} s); training step: "
        f"time x {fused / base:.3f} ({base:.3f} s to {fused:.3f} s, of which the frozen encoder {frozen:.3f} s)",
        flush=True,
    )


def count(name: str) -> None:
    """A training step of a thesis-size recipe on tensors without values."""
    recipe = with_settings(GraspRecipe(), read_settings(recipe_file(name)))
    with FakeTensorMode():
        baseline, grasp = both(recipe.backbone, recipe.fusion.levels)
        image = torch.empty(recipe.training.batch, CHANNELS, *recipe.sampling.shape)
        del grasp.steps  # a number in its place: of a tensor without values nobody can tell whether it is 0
        grasp.steps = 0
        grasp.anatomy.to = lambda *_: grasp.anatomy  # such tensors cannot be moved, not even to where they are
        count_forward(name, "baseline", baseline, image)
        count_forward(name, "GRASP", grasp, image)
        grasp.steps = 0
        with sdpa_kernel(SDPBackend.MATH):
            count_forward(name, "plain", grasp, image)


def count_forward(name: str, title: str, network: nn.Module, image: Tensor) -> None:
    network.train(True)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[id(tensor.untyped_storage())] = tensor.untyped_storage().nbytes()
        return tensor

    counted = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v)
    }
    with (
        FlopCounterMode(display=False, custom_mapping=counted) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        found: Any = network(image)
    weights = sum(value.numel() for value in network.parameters())
    del found
    print(
        f"{name:24} {title:8} {weights / 1e6:6.1f} M weights, {counter.get_total_flops() / 1e12:6.2f} TFLOP forward, "
        f"kept for the way back {sum(kept.values()) / 2**30:5.1f} GiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--levels", type=int, default=2)
    parser.add_argument("--thesis", action="store_true")
    options = parser.parse_args()
    if options.thesis:
        for name in THESIS:
            count(name)
        return
    for name, backbone in SMALL.items():
        compare(name, backbone, options)


if __name__ == "__main__":
    main()
