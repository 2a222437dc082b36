"""The options of `anatomyguided lesions`, and the parameters that they stand for."""

from __future__ import annotations

import argparse
from pathlib import Path

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import full_suffix
from AnatomyGuidedLib.output_names import output_file

from PathologySegLib.attention_output import SEGMENTS as SEGMENTS_FILE
from PathologySegLib.attention_output import TABLE
from PathologySegLib.model_lesions import DEFAULT_ATLAS
from PathologySegLib.parameters import EACH, GRIDS, SEGMENTS, LesionParameters, ModelChoice

_EXAMPLES = """examples:
  anatomyguided lesions ct.nii.gz pet.nii.gz --anatomy atlas.seg.nrrd -o lesions.seg.nrrd --csv lesions.csv
  anatomyguided lesions ct.nii.gz pet.nii.gz --anatomy-model dap-demo -o lesions.seg.nrrd
  anatomyguided lesions ct/ pet/ --model suv41 --threshold 5 --anatomy atlas.seg.nrrd -o lesions.nii.gz
  anatomyguided lesions ct.nii.gz pet.nii.gz --model my-model --device cuda -o lesions.seg.nrrd --json lesions.json
  anatomyguided lesions ct.nii.gz pet.nii.gz --model percist --anatomy organs.nii.gz@totalsegmentator -o l.seg.nrrd
  anatomyguided lesions ct.nii.gz pet.nii.gz --model apex-demo --attention attended.seg.nrrd -o lesions.seg.nrrd
  anatomyguided lesions film.png --model my-films -o found/
  anatomyguided lesions film.png --model my-films --attention attended.seg.nrrd -o found/

A film is a PNG, JPEG or TIFF, a DICOM file (CR, DX), or one slice in NIfTI or NRRD; the patient's left is on its right.
my-films comes from: anatomyguided train apex --config apex-xray-small -o my-films
"""

_OF_MODELS = ("channels", "lesion_labels", "orientation", "trust")


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("ct", metavar="CT|FILM", help="NIfTI, NRRD, or a folder with one DICOM series; or a chest film")
    parser.add_argument(
        "pet",
        metavar="PET",
        nargs="?",
        help="in SUVbw (NIfTI, NRRD), or a folder with one DICOM series; none for a film",
    )
    parser.add_argument(
        "-o", "--output", metavar="SEG", type=Path, required=True, help=".seg.nrrd, .nii.gz or .nrrd; a film's folder"
    )
    parser.add_argument(
        "--model",
        default="suv4",
        metavar="NAME|DIR",
        help="suv4 (default), suv41 or percist: the classical readings; or a lesion or film model by name or folder",
    )
    parser.add_argument(
        "--threshold", type=float, metavar="SUV|SCORE",
        help="suv4: from this SUV on; suv41: least maximum (4); a film: from this score on (0.5)",
    )  # fmt: skip
    parser.add_argument("--pixel-mm", type=float, metavar="MM", help="a film's pixels, where the file does not say")
    parser.add_argument(
        "--anatomy",
        metavar="LABELMAP[@SCHEME]",
        help="names structures, and takes physiological uptake off a classical reading; on either grid",
    )
    parser.add_argument(
        "--anatomy-model",
        metavar="NAME|DIR",
        help=f"predicts the anatomy from the CT ({DEFAULT_ATLAS} where a model needs it and none is given)",
    )
    parser.add_argument("--grid", choices=GRIDS, default="pet", help="whose grid the result lies on (default: pet)")
    parser.add_argument("--csv", metavar="lesions.csv", type=output_file(".csv"), help="one row a lesion")
    parser.add_argument(
        "--segments", choices=SEGMENTS, default=EACH, help="a segment for each lesion (default) or one for all"
    )
    parser.add_argument(
        "--attention",
        metavar="A.json|A.seg.nrrd",
        type=Path,
        action="append",
        help="the anatomy that a model attended to: .json all shares; .seg.nrrd each lesion's five strongest as "
        "segments in their colours, with the lesions' numbers; may be given twice",
    )
    parser.add_argument("--device", default="auto", help="where models compute: auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--channels", default="", metavar="ct,pet,..", help="a model's channels in their order, where it does not say"
    )
    parser.add_argument(
        "--lesion-labels", default="", metavar="1,2,..", help="a model's labels that are lesions, where it has more"
    )
    parser.add_argument("--orientation", metavar="LAS", help="axes of the images that an nnU-Net folder learned from")
    parser.add_argument("--trust", action="store_true", help="read pickles in an nnU-Net folder as they are")
    parser.add_argument(
        "--force",
        action="store_true",
        help="use a CT that does not look like one, or lies in another frame of reference; a film of no chest",
    )


def lesion_parameters(arguments: argparse.Namespace) -> LesionParameters:
    """The parameters that the options stand for.

    Raises:
        UsageError: Two options contradict each other, or a value is none that there is.
    """
    choice = ModelChoice(
        channels=tuple(_listed(arguments.channels)),
        lesion_labels=_numbers(arguments.lesion_labels),
        orientation=arguments.orientation,
        trust=arguments.trust,
        device=arguments.device,
        anatomy_model=arguments.anatomy_model,
    )
    if arguments.anatomy and arguments.anatomy_model:
        raise UsageError("Give --anatomy or --anatomy-model, not both.")
    parameters = LesionParameters(arguments.model, arguments.threshold, arguments.grid, arguments.segments, choice)
    if arguments.attention and not parameters.is_model:
        raise UsageError(f"{parameters.reading} attends to no anatomy; leave --attention away.")
    for path in arguments.attention or ():
        if full_suffix(path) not in (TABLE, SEGMENTS_FILE):
            raise UsageError(f"--attention {path.name} must end in {TABLE} (a table) or {SEGMENTS_FILE} (segments).")
    if arguments.pixel_mm is not None:
        raise UsageError("--pixel-mm is for a chest film, but a CT and a PET came; leave it away.")
    given = [option for option in _OF_MODELS if getattr(arguments, option)]
    if arguments.device != "auto" and not (parameters.is_model or arguments.anatomy_model):
        raise UsageError(f"{parameters.reading} is no network and computes on the processor; leave --device away.")
    if given and not parameters.is_model:
        option = f"--{given[0].replace('_', '-')}"
        raise UsageError(f"{parameters.reading} is no network, so {option} says nothing to it; leave it away.")
    return parameters


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> tuple[int, ...]:
    words = _listed(text)
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise UsageError(
            f"The lesion labels are {text!r}, but whole numbers above 0 with commas between were expected."
        )
    return tuple(int(word) for word in words)
