"""Peak memory and time of our streaming window beside nnU-Net's predictor, on the same network and image.

    python Testing/benchmarks/inference_memory.py --shape 400,400,326 --classes 142

Each runs in a process of its own, whose highest resident size is what counts; a contender that the machine cannot hold
is reported as such. Weights are random: only work and memory are compared, and that labels agree.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="160,160,160", help="voxels of the image along i, j, k")
    parser.add_argument("--classes", type=int, default=142)
    parser.add_argument("--patch", default="96,96,96")
    parser.add_argument("--features", default="8,16,32,64", help="of the U-Net's stages")
    parser.add_argument("--spacing", type=float, default=1.0, help="of the image; the network's is 1 mm")
    parser.add_argument("--only", choices=("ours", "nnunet"))
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        _job(arguments.only, Path(arguments.job), arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        _write_model(Path(folder) / "model", arguments)
        rows = [_measured(name, Path(folder)) for name in ("ours", "nnunet") if arguments.only in (None, name)]
        same = _agreement(Path(folder))
    print(f"{arguments.classes} classes, {arguments.shape} voxels, windows of {arguments.patch}")
    print("| | peak memory GB | time s |\n|---|---|---|")
    for row in rows:
        print(f"| {row['name']} | {row['gb']} | {row['seconds']} |")
    if same is not None:
        memory, seconds = (rows[0][key] / rows[1][key] for key in ("gb", "seconds"))
        print(f"ratio of memory {memory:.3f}, of time {seconds:.2f}; same label at {same:.3%} of voxels")


def _write_model(folder: Path, arguments: argparse.Namespace) -> None:
    import nnunet_folders as made

    features = _numbers(arguments.features)
    network = made.architecture(3, features, [1, *[[2, 2, 2]] * (len(features) - 1)], [[3, 3, 3]] * len(features))
    network["arch_kwargs"]["n_conv_per_stage_decoder"] = [1] * (len(features) - 1)
    network["arch_kwargs"]["n_conv_per_stage"] = [1] * len(features)
    entry = made.configuration(_numbers(arguments.patch), (1.0, 1.0, 1.0), network)
    made.write_folder(
        folder, "3d_fullres", made.plans("3d_fullres", entry), made.dataset(made.organs(arguments.classes)),
        classes=arguments.classes, trained=False,
    )  # fmt: skip


def _measured(name: str, folder: Path) -> dict[str, Any]:
    words = [sys.executable, __file__, *sys.argv[1:], "--only", name, "--job", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"name": name, "gb": float("nan"), "seconds": float("nan")}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _agreement(folder: Path) -> float | None:
    files = [folder / f"{name}.npy" for name in ("ours", "nnunet")]
    if not all(file.is_file() for file in files):
        return None
    ours, theirs = (np.load(file, mmap_mode="r") for file in files)
    return float((ours == theirs).mean())


def _job(name: str, folder: Path, arguments: argparse.Namespace) -> None:
    shape = _numbers(arguments.shape)
    rng = np.random.default_rng(0)
    coarse = rng.normal(0, 300, [n // 8 + 2 for n in shape]).astype(np.float32)
    values = np.kron(coarse, np.ones((8, 8, 8), np.float32))[tuple(slice(n) for n in shape)]
    started = time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        labels = (_ours if name == "ours" else _theirs)(folder / "model", values, arguments.spacing)
    seconds = time.monotonic() - started
    np.save(folder / f"{name}.npy", labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"name": name, "gb": round(peak, 2), "seconds": round(seconds, 1)}))


def _ours(folder: Path, values: Any, spacing: float) -> Any:
    from AnatomyGuidedLib.grid import Grid, Volume
    from AnatomyGuidedLib.predictors.nnunet_v2 import read_nnunet_v2

    volume = Volume(values, Grid(values.shape, np.diag([spacing, spacing, spacing, 1.0])), "HU")
    return read_nnunet_v2(folder).labelmap([volume], device="cpu")[0].values


def _theirs(folder: Path, values: Any, spacing: float) -> Any:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), None)
    image = values.transpose(2, 1, 0)[None]
    return predictor.predict_single_npy_array(image, {"spacing": [spacing] * 3}, None, None, False).transpose(2, 1, 0)


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
