"""What scoring 100 lesions of a whole-body image costs, here and in the packages that can do a part of it.

python Testing/benchmarks/cc_metrics_speed.py --ccmetrics PYTHON --panoptica PYTHON --monai PYTHON

Each PYTHON is the interpreter of an environment that holds that package (CCMetrics 0.0.3, panoptica 2.1.7, MONAI
1.6.1); without it that package is left out. Every call runs in a process of its own, on one thread, and is measured in
CPU seconds and extra peak memory. A package that fails at the full size, or needs longer than --limit, gets a smaller
cut of the same case, and so do we. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cc3d
import numpy as np
from cc_metrics_case import SHAPE, Case, made

HERE = Path(__file__).resolve().parent
MODULES = [str(HERE.parents[1] / module) for module in ("DAPAtlas", "CCMetrics")]
CUTS = (1.0, 0.75, 0.5, 0.35)
THREE = "ours dice hd95 nsd"
PEER_JOBS = {
    "ccmetrics": ("ccmetrics dice", "ccmetrics hd95", "ccmetrics nsd"),
    "panoptica": ("panoptica dice",),
    "monai": ("monai dice",),
}


@dataclass(frozen=True)
class Cost:
    """What one call took, and what it gave."""

    cpu_s: float
    extra_mib: float
    values: dict[str, float]


def main() -> int:
    """0; the tables are on standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for package in PEER_JOBS:
        parser.add_argument(f"--{package}", metavar="PYTHON", help=f"interpreter that has {package}")
    parser.add_argument("--limit", type=float, default=900, metavar="S", help="longest wait for one call (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="our calls; the least is told (%(default)s)")
    parser.add_argument("--no-growth", action="store_true", help="leave out the curves")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), options)
        if not options.no_growth:
            grow(Path(folder), options.repeat)
    return 0


def compare(folder: Path, options: argparse.Namespace) -> None:
    """The table of the packages, with the ratios to ours on the same case."""
    case = Case()
    full = saved(made(case), folder, "full")
    print(f"{case.lesions} lesions, {case.foreground_voxels} foreground voxels, {SHAPE} voxels, seed {case.seed}\n")
    print(f"{'call':30} {'size':>6} {'CPU s':>8} {'extra MiB':>10} {'x CPU':>7} {'x memory':>9}")
    for job in ("ours dice", THREE, "ours dice hd95 nsd deepmind", "ours everything"):
        tell(job, 1.0, best(job, full, options.repeat))
    totals: dict[str, list[tuple[float, Cost]]] = {}
    for package, jobs in PEER_JOBS.items():
        python = getattr(options, package)
        for job in jobs if python else ():
            size, files, cost = largest(job, python, folder, full, options.limit)
            own = best("ours dice", files, options.repeat)
            tell(job, size, cost, own if job.endswith("dice") else None)
            totals.setdefault(package, []).append((size, cost))
    if len(totals.get("ccmetrics", [])) == 3:
        together(totals["ccmetrics"], folder, full, options.repeat)


def together(parts: list[tuple[float, Cost]], folder: Path, full: list[str], repeat: int) -> None:
    """CCMetrics' three calls as one, against ours for the same three metrics."""
    sizes = {size for size, _ in parts}
    if len(sizes) > 1:
        print("CCMetrics' three calls did not run at one size, so there is no sum.")
        return
    (size,) = sizes
    cost = Cost(sum(part.cpu_s for _, part in parts), max(part.extra_mib for _, part in parts), {})
    tell("ccmetrics dice + hd95 + nsd", size, cost, best(THREE, cut(folder, full, size), repeat))


def largest(job: str, python: str, folder: Path, full: list[str], limit_s: float) -> tuple[float, list[str], Cost]:
    """The largest size at which the call ends in time, and what it cost there."""
    for size in CUTS:
        files = cut(folder, full, size)
        try:
            return size, files, run(job, files, python, limit_s)
        except (subprocess.SubprocessError, json.JSONDecodeError) as error:
            told = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            print(f"{job}: not at {size:g} of each axis: {told}", file=sys.stderr)
    raise SystemExit(f"{job} runs at no size; is the package there?")


def grow(folder: Path, repeat: int) -> None:
    """Our cost along three curves: lesions at one foreground and surface, lesions at one foreground, foreground."""
    counts = (1, 3, 10, 30, 100, 300, 1000)
    print("\nThe same voxels in ever more lesions: 1,000 pieces with the numbers of so many lesions")
    grow_along([grouped(n) for n in counts], folder, repeat, instances="reference")
    print("\nEver smaller lesions at one foreground: their surface grows")
    grow_along([made(Case(lesions=n)) for n in counts], folder, repeat)
    print("\nEver larger lesions")
    foregrounds = (30_000, 60_000, 120_000, 240_000, 480_000, 960_000)
    grow_along([made(Case(foreground_voxels=n)) for n in foregrounds], folder, repeat)


def grouped(lesions: int) -> tuple[np.ndarray, np.ndarray]:
    """The case of 1,000 lesions, neighbours along k joined to so many under one number each."""
    reference, prediction = made(Case(lesions=1000))
    pieces = cc3d.connected_components(reference, out_dtype=np.uint16)
    heights = cc3d.statistics(pieces)["centroids"][1:, 2]
    numbers = np.zeros(heights.size + 1, np.uint16)
    numbers[1 + np.argsort(heights)] = np.arange(heights.size) * lesions // heights.size + 1
    return np.asfortranarray(numbers[pieces]), prediction


def grow_along(
    cases: Iterable[tuple[np.ndarray, np.ndarray]], folder: Path, repeat: int, *, instances: str = "none"
) -> None:
    """One curve, and how many times the first the last is. `three` is Dice, HD95 and surface Dice after reading."""
    print(
        f"{'lesions':>8} {'foreground':>11} {'surface':>8} {'dice':>7} {'three':>7} {'MiB':>6} {'command':>8}   CPU s"
    )
    rows = []
    for reference, prediction in cases:
        files = saved((reference, prediction), folder, "growth")
        given = " instances" if instances == "reference" else ""
        dice, three = best("ours dice" + given, files, repeat), best(THREE + given, files, repeat)
        command = min(command_s(folder, reference, prediction, instances) for _ in range(repeat))
        mask = reference > 0
        lesions = int(reference.max()) if given else int(cc3d.connected_components(reference).max())
        rows.append((mask.sum(), surface_voxels(mask), dice.cpu_s, three.cpu_s, three.extra_mib, command))
        print(f"{lesions:8} " + "{:11} {:8} {:7.2f} {:7.2f} {:6.0f} {:8.2f}".format(*rows[-1]), flush=True)
    ratios = [last / first for first, last in zip(rows[0], rows[-1], strict=True)]
    print(f"{'times':>8} " + "{:11.1f} {:8.1f} {:7.1f} {:7.1f} {:6.1f} {:8.1f}".format(*ratios), flush=True)


def surface_voxels(mask: np.ndarray) -> int:
    """How many voxels of the mask have a face to the background; no lesion reaches the image's edge."""
    inner = mask
    for axis in range(3):
        inner = inner & np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return int(mask.sum() - inner.sum())


def command_s(folder: Path, reference: np.ndarray, prediction: np.ndarray, instances: str) -> float:
    """CPU seconds of `anatomyguided evaluate` with all metrics, from start to end, files read included."""
    script = (
        "import sys, resource, numpy as np\n"
        "from AnatomyGuidedLib.grid import Grid, Labelmap\n"
        "from AnatomyGuidedLib.io import write_labelmap\n"
        "for source, target in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    values = np.load(source)\n"
        "    write_labelmap(Labelmap(values, Grid(values.shape, np.diag([2.04, 2.04, 3.0, 1.0]))), target)\n"
    )
    sources = saved((reference, prediction), folder, "command")
    targets = [source.replace(".npy", ".nii.gz") for source in sources]
    pairs = [path for pair in zip(sources, targets, strict=True) for path in pair]
    subprocess.run([sys.executable, "-c", script, *pairs], check=True, env=environment())
    call = [sys.executable, "-m", "AnatomyGuidedLib.cli", "evaluate", *targets, "--instances", instances]
    measured = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", measured, *call], check=True, env=environment(), capture_output=True, text=True
    )
    return float(told.stdout)


def saved(masks: tuple[np.ndarray, np.ndarray], folder: Path, name: str) -> list[str]:
    """The paths of both masks."""
    paths = [str(folder / f"{name}_{side}.npy") for side in ("reference", "prediction")]
    for path, mask in zip(paths, masks, strict=True):
        np.save(path, mask)
    return paths


def cut(folder: Path, full: list[str], size: float) -> list[str]:
    """The same case, or its middle with this part of each axis."""
    if size == 1.0:
        return full
    masks = [np.load(path) for path in full]
    keep = [slice(round(n * (1 - size) / 2), round(n * (1 + size) / 2)) for n in masks[0].shape]
    reference, prediction = (np.asfortranarray(mask[tuple(keep)]) for mask in masks)
    return saved((reference, prediction), folder, f"cut{size}")


def best(job: str, files: list[str], repeat: int) -> Cost:
    """The least CPU time of our call."""
    return min((run(job, files, sys.executable, 600) for _ in range(repeat)), key=lambda cost: cost.cpu_s)


def run(job: str, files: list[str], python: str, limit_s: float) -> Cost:
    """The call in a process of its own."""
    told = subprocess.run(
        [python, str(HERE / "cc_metrics_job.py"), job, *files],
        check=True,
        env=environment(ours=job.startswith("ours")),
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
    return Cost(**json.loads(told.stdout.splitlines()[-1]))


def environment(*, ours: bool = True) -> dict[str, str]:
    """This process's, with one thread for every library; our packages are on our path and hide no peer's."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(MODULES) if ours else ""}


def tell(job: str, size: float, cost: Cost, own: Cost | None = None) -> None:
    """One line of the table, with how many times ours it is."""
    ratios = f"{cost.cpu_s / own.cpu_s:7.0f} {cost.extra_mib / own.extra_mib:9.1f}" if own else ""
    values = ", ".join(f"{name} {value:.4f}" for name, value in cost.values.items() if name.lower().startswith("cc"))
    print(
        f"{job:30} {size:6g} {cost.cpu_s:8.2f} {cost.extra_mib:10.0f} {ratios or ' ' * 17}  {values[:70]}", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
