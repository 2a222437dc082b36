"""`anatomyguided phantom`: a made patient in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs, write_json
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.phantom import make_patient


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = "example:\n  anatomyguided phantom patient --seed 7 --sex M --lesions 6"
    parser.add_argument("folder", metavar="OUT_DIR", type=Path, help="gets ct, pet, anatomy and lesions (.nii.gz)")
    parser.add_argument("--spacing", type=float, default=4.0, metavar="MM", help="voxel size, 1 to 10 (default: 4)")
    parser.add_argument("--sex", choices=("F", "M"), default="F")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed is another patient")
    parser.add_argument("--lesions", type=int, default=4, metavar="N", help="how many (default: 4)")
    parser.add_argument(
        "--variants", action="store_true", help="may lack organs, be mirrored, bent or cut off, or be stored otherwise"
    )


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """How the patient was made."""
    names = ("ct.nii.gz", "pet.nii.gz", "anatomy.nii.gz", "lesions.nii.gz", "case.json")
    paths = {name: outputs.stage(arguments.folder / name) for name in names}
    console.progress(0.1, "Making the patient")
    patient = make_patient(
        spacing_mm=arguments.spacing,
        sex=arguments.sex,
        seed=arguments.seed,
        lesions=arguments.lesions,
        variants=arguments.variants,
    )
    console.progress(0.7, "Writing the images")
    write_volume(patient.ct, paths["ct.nii.gz"])
    write_volume(patient.pet, paths["pet.nii.gz"])
    write_labelmap(patient.anatomy, paths["anatomy.nii.gz"])
    write_labelmap(patient.lesions, paths["lesions.nii.gz"])
    write_json(paths["case.json"], patient.description)
    console.progress(1.0, "Done")
    return patient.description
