"""`anatomyguided demo`: all four modules on one patient, a scene for Slicer, and a report with pictures."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.demo import DemoInputs, run_demo
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import Outputs, staged_folder


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = (
        "examples:\n  anatomyguided demo -o demo-output\n"
        "  anatomyguided demo --ct ct.nii.gz --pet pet/ --experts rules,file:organs.nii.gz@totalsegmentator -o out"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="gets report.html and scene.mrb"
    )
    parser.add_argument("--ct", metavar="F", help="your CT (with --pet); without both, a patient is made")
    parser.add_argument("--pet", metavar="F", help="your PET in SUVbw, or its DICOM folder")
    parser.add_argument("--experts", metavar="A,B,..", help="as for atlas (with your images; default: rules)")
    parser.add_argument(
        "--reference", metavar="LABELMAP", help="your lesion mask on the PET's grid, to evaluate against"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which patient is made (default: 0)")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:  # noqa: ARG001
    """What was written, and what could not be evaluated and why."""
    if bool(arguments.ct) != bool(arguments.pet):
        raise UsageError("anatomyguided demo: give both --ct and --pet, or neither.")
    if not arguments.ct and (arguments.experts or arguments.reference):
        raise UsageError("anatomyguided demo: --experts and --reference go with --ct and --pet.")
    inputs = DemoInputs(arguments.ct, arguments.pet, arguments.experts, arguments.reference, arguments.seed)
    with staged_folder(arguments.output, inputs=inputs.files()) as folder:
        result = run_demo(inputs, folder, progress=console.progress, cancelled=console.cancelled)
    for sentence in result.not_done:
        console.note(sentence)
    console.line(f"{arguments.output / 'report.html'}")
    return {"files": list(result.files), "not_done": list(result.not_done)}
