"""Time and memory of `anatomyguided lesions` with networks of demonstration size on a whole body.

python Testing/benchmarks/lesion_inference.py [--shape 200,200,300] [--spacing 4.07,4.07,3] [--threads 2] [--only NAME]

A made patient fills the image; grasp-demo is the bundled model, the others' weights are random, since only work and
memory are measured. Each run is the command in a process of its own, reading and writing included; its highest resident
size, the time on the clock and the cores' own time are told, the last because a machine may have other work.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from AnatomyGuidedLib.grid import Grid
from AnatomyGuidedLib.inference.windows import Window
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.networks.build import build_network
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from AnatomyGuidedLib.resample import resample_labelmap, resample_volume
from PathologySegLib.network_finder import lesion_preparation, write_lesion_model
from PathologySegLib.petct.anatomy_channels import GROUPS, SCALAR
from PathologySegLib.petct.inputs import channel_names
from PathologySegLib.petct.presets import GRASP

Numbers = Sequence[float]


@dataclass(frozen=True)
class Contender:
    """A network, how it sees a study, and whether the anatomy is predicted on the way."""

    architecture: str
    arguments: Mapping[str, Any]
    spacing_mm: float
    window: tuple[int, int, int]
    anatomy: str
    predicts: bool = False

    def write(self, folder: Path) -> Path:
        """The folder, with the model in it."""
        channels = len(channel_names(GRASP, self.anatomy))
        told = {"spatial_dims": 3, "in_channels": channels, "out_channels": 2, **self.arguments}
        if self.architecture == "unet":
            told = {"channels": channels, "classes": 2, **self.arguments}
        entry = {"architecture": self.architecture, "arguments": told}
        write_lesion_model(
            folder,
            [build_network(entry)],
            network=entry,
            window=Window(self.window, padding="lowest"),
            preparation=lesion_preparation(GRASP, self.anatomy, (self.spacing_mm,) * 3),
            preset=GRASP,
            anatomy=self.anatomy,
            licence="none; random weights",
        )
        return folder


BUNDLED = "grasp-demo"

_SMALL_UNET = {
    "features": [8, 20, 32, 40, 48],
    "kernels": [[3, 3, 3]] * 5,
    "strides": [[1, 1, 1], *[[2, 2, 2]] * 4],
    "encoder_blocks": [1] * 5,
    "decoder_blocks": [1] * 4,
}
CONTENDERS = {
    "unet-7mm-predicted-anatomy": Contender("unet", _SMALL_UNET, 7.0, (64, 48, 32), GROUPS, predicts=True),
    "segresnet-7mm-predicted-anatomy": Contender("SegResNet", {"init_filters": 8}, 7.0, (64, 64, 64), SCALAR, True),
    "segresnet-4mm": Contender("SegResNet", {"init_filters": 8}, 4.0, (96, 96, 96), SCALAR),
    "segresnet-16-4mm": Contender("SegResNet", {"init_filters": 16}, 4.0, (96, 96, 96), SCALAR),
    "unet-4mm-groups": Contender("unet", _SMALL_UNET, 4.0, (96, 96, 96), GROUPS),
}


def write_study(folder: Path, shape: tuple[int, int, int], spacing_mm: Numbers) -> None:
    """Nothing; the folder holds a made patient's CT, PET and anatomy, head to thighs in the middle of the image."""
    patient = make_patient(PatientOptions(spacing_mm=4.0, lesions=8, seed=3))
    own = patient.ct.grid
    affine = np.diag([*spacing_mm, 1.0])
    top = own.ras_from_ijk(np.array(own.shape) - 1)
    middle = own.ras_from_ijk((np.array(own.shape) - 1) / 2)
    affine[:3, 3] = middle - np.array(spacing_mm) * (np.array(shape) - 1) / 2
    affine[2, 3] = top[2] - spacing_mm[2] * (shape[2] - 1)
    grid = Grid(shape, affine)
    write_volume(resample_volume(patient.ct, grid), folder / "ct.nii.gz")
    write_volume(resample_volume(patient.pet, grid), folder / "pet.nii.gz")
    write_labelmap(resample_labelmap(patient.anatomy, grid), folder / "anatomy.nii.gz")


def measured(name: str, folder: Path, threads: int) -> str:
    """A line of the table."""
    contender = CONTENDERS.get(name)
    model = contender.write(folder / name) if contender else name
    words = ["lesions", folder / "ct.nii.gz", folder / "pet.nii.gz", "-o", folder / f"{name}.nii.gz", "--device", "cpu"]
    words += ["--model", model]
    words += [] if contender is None or contender.predicts else ["--anatomy", f"{folder / 'anatomy.nii.gz'}@dap"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    call = [sys.executable, "-m", "AnatomyGuidedLib.cli", *map(str, words)]
    done = subprocess.run([sys.executable, "-c", _WATCH, *call], env=environment, capture_output=True, check=False)
    clock_s, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cores_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        return f"| {name} | failed: {done.stderr.decode().strip().splitlines()[-1]} | | |"
    peak_gb = int(done.stdout.decode().strip().splitlines()[-1]) / 1024**2
    return f"| {name} | {clock_s:.0f} | {cores_s:.0f} | {peak_gb:.2f} |"


_WATCH = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="200,200,300", help="voxels of CT and PET along R, A and S")
    parser.add_argument("--spacing", default="4.07,4.07,3", help="mm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=[BUNDLED, *CONTENDERS], action="append")
    options = parser.parse_args()
    i, j, k = (int(number) for number in options.shape.split(","))
    spacing = [float(number) for number in options.spacing.split(",")]
    with tempfile.TemporaryDirectory() as name:
        write_study(Path(name), (i, j, k), spacing)
        print("| model | s on the clock | s of the cores | peak memory GB |\n|---|---|---|---|", flush=True)
        for contender in options.only or (BUNDLED, *CONTENDERS):
            print(measured(contender, Path(name), options.threads), flush=True)


if __name__ == "__main__":
    main()
