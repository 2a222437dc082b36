"""`anatomyguided phantom`: made patients in folders."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, CasesFailed, UsageError
from AnatomyGuidedLib.files import Outputs, staged_folder
from AnatomyGuidedLib.phantom.case_files import Extras, write_case
from AnatomyGuidedLib.phantom.faults import FAULTS
from AnatomyGuidedLib.phantom.lesion_patterns import PATTERNS
from AnatomyGuidedLib.phantom.patient import PatientOptions
from AnatomyGuidedLib.phantom.scan import PHASES
from AnatomyGuidedLib.progress import Progress, part_of

_EPILOG = """examples:
  anatomyguided phantom patient --seed 7 --sex M --lesions 6
  anatomyguided phantom patient --pattern lymphoma --dicom --xray
  anatomyguided phantom faulty --fault left-right-swap
  anatomyguided phantom cohort --cases 20 --variants"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EPILOG
    parser.add_argument("folder", metavar="OUT_DIR", type=Path, help="gets ct, pet, anatomy and lesions (.nii.gz)")
    parser.add_argument("--spacing", type=float, default=4.0, metavar="MM", help="voxel size, 1 to 10 (default: 4)")
    parser.add_argument("--sex", choices=("F", "M"), help="default: F; of many cases, F and M in turn")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed is another patient")
    parser.add_argument(
        "--lesions", type=int, metavar="N", help="how many (default: 4; with --pattern as many as that disease has)"
    )
    parser.add_argument(
        "--pattern", choices=tuple(PATTERNS), help="where lesions lie, and how many (default: scattered)"
    )
    parser.add_argument(
        "--variants", action="store_true", help="may lack organs, be mirrored, bent or cut off, or be stored otherwise"
    )
    parser.add_argument("--phase", choices=PHASES, help="of contrast (default: drawn)")
    parser.add_argument(
        "--randomised", type=float, default=0.0, nargs="?", const=1.0, metavar="0..1",
        help="CT contrasts that no scanner makes, for training (alone: 1)",
    )  # fmt: skip
    parser.add_argument("--cases", type=int, metavar="N", help="so many patients, a folder each: case_0000 ...")
    parser.add_argument("--dicom", action="store_true", help="the PET/CT as a DICOM study too")
    parser.add_argument("--xray", action="store_true", help="a chest X-ray with findings and projected anatomy too")
    parser.add_argument("--fault", metavar="NAME", help=f"a label map with this fault too: {', '.join(FAULTS)}")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:  # noqa: ARG001
    """How the patient was made; of many cases, a list of them.

    Raises:
        UsageError: There is no such fault; the number of cases is below 1.
        CasesFailed: Some cases could not be made.
    """
    if arguments.fault and arguments.fault not in FAULTS:
        raise UsageError(f"There is no fault {arguments.fault!r}; there are {', '.join(FAULTS)}.")
    extras = Extras(arguments.dicom, arguments.xray, arguments.fault or "")
    options = _options(arguments)
    if arguments.cases is not None:
        return _cases(arguments, options, extras, console)
    return _case(arguments.folder, options, extras, console, console.progress)


def _case(
    target: Path, options: PatientOptions, extras: Extras, console: Console, progress: Progress
) -> Mapping[str, object]:
    """One patient's folder, whole or not at all; slices of an earlier DICOM study do not mix with the new ones."""
    with staged_folder(target) as folder:
        told = write_case(folder, options, extras, progress=progress, cancelled=console.cancelled)
        for old in target.glob("dicom/*/*.dcm"):
            old.unlink()
        return told


def _note_missing(case: Mapping[str, object], name: str, console: Console) -> None:
    for extra in ("fault", "xray"):
        told = case.get(extra)
        if isinstance(told, Mapping) and "not_possible" in told:
            console.note(f"{name} has no {extra}: {told['not_possible']}")


def _options(arguments: argparse.Namespace) -> PatientOptions:
    lesions = 4 if arguments.lesions is None and arguments.pattern is None else arguments.lesions
    return PatientOptions(
        spacing_mm=arguments.spacing,
        sex=arguments.sex or "F",
        seed=arguments.seed,
        lesions=lesions,
        pattern=arguments.pattern or "scattered",
        variants=arguments.variants,
        phase=arguments.phase,
        randomised=arguments.randomised,
    )


def _cases(
    arguments: argparse.Namespace, options: PatientOptions, extras: Extras, console: Console
) -> Mapping[str, object]:
    """Seed after seed; a case is there whole or not at all, and what one cannot be does not stop the others."""
    count = arguments.cases
    if count < 1:
        raise UsageError(f"The number of cases must be 1 or more, but is {count}.")
    made: list[Mapping[str, object]] = []
    failed: list[dict[str, object]] = []
    for number in range(count):
        sex = arguments.sex or "FM"[number % 2]
        own = replace(options, seed=options.seed + number, sex=sex)
        name = f"case_{number:04d}"
        told = part_of(console.progress, number / count, (number + 1) / count)
        try:
            case = _case(arguments.folder / name, own, replace(extras, if_possible=True), console, told)
            made.append({"case": name, **case})
            _note_missing(case, name, console)
        except (Cancelled, KeyboardInterrupt) as stop:
            raise Cancelled(f"Stopped; {number} finished cases stay in {arguments.folder.name}.") from stop
        except AnatomyGuidedError as error:
            console.note(f"{name}: {error}")
            failed.append({"case": name, "reason": str(error)})
    result: dict[str, object] = {"cases": made, "failed": failed}
    if failed:
        raise CasesFailed(f"{len(failed)} of {count} cases could not be made; the others are there.", result)
    return result
