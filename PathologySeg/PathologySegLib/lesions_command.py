"""`anatomyguided lesions`: a CT and a PET in, numbered lesions out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import Outputs, write_csv
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.io import (
    LABELMAP_FORMATS,
    names_scheme,
    numbered_segments,
    read_anatomy,
    read_ct,
    read_pet,
    split_scheme,
    write_labelmap,
)
from AnatomyGuidedLib.progress import part_of, stop_if
from AnatomyGuidedLib.resample import resample_labelmap

from PathologySegLib.lesions import COLUMNS, LesionResult, counted, find_lesions
from PathologySegLib.parameters import GRIDS, LesionParameters

_LESION_COLOR = (222, 60, 40)
_EXAMPLES = """examples:
  anatomyguided lesions ct.nii.gz pet.nii.gz -o lesions.seg.nrrd --csv lesions.csv
  anatomyguided lesions ct/ pet/ --model suv41 --threshold 3 --anatomy atlas.seg.nrrd -o lesions.nii.gz
  anatomyguided lesions ct.nii.gz pet.nii.gz --model percist --anatomy organs.nii.gz@totalsegmentator -o l.seg.nrrd
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.epilog = _EXAMPLES
    parser.add_argument("ct", metavar="CT", help="NIfTI, NRRD, or a folder with one DICOM series")
    parser.add_argument("pet", metavar="PET", help="in SUVbw (NIfTI, NRRD), or a folder with one DICOM series")
    parser.add_argument("-o", "--output", metavar="SEG", type=Path, required=True, help=".seg.nrrd, .nii.gz or .nrrd")
    parser.add_argument(
        "--model", default="suv4", metavar="NAME", help="suv4 (default), suv41 or percist: the classical readings"
    )
    parser.add_argument(
        "--threshold", type=float, metavar="SUV", help="suv4: from this SUV on; suv41: least maximum (4)"
    )
    parser.add_argument("--anatomy", metavar="LABELMAP[@SCHEME]", help="takes physiological uptake off; on either grid")
    parser.add_argument("--grid", choices=GRIDS, default="pet", help="whose grid the result lies on (default: pet)")
    parser.add_argument("--csv", metavar="lesions.csv", type=Path, help="one row a lesion")
    parser.add_argument("--force", action="store_true", help="use the CT although it does not look like one")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The report of the lesions that were written."""
    parameters = LesionParameters(arguments.model, arguments.threshold, arguments.grid)
    outputs.protect(arguments.ct, arguments.pet, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    segmentation_path = outputs.stage(arguments.output, formats=LABELMAP_FORMATS)
    csv_path = outputs.stage(arguments.csv) if arguments.csv else None
    console.progress(0.0, "Reading CT and PET")
    ct, pet = read_ct(arguments.ct, force=arguments.force), read_pet(arguments.pet)
    _require_overlap(ct.grid, pet.grid)
    anatomy = _anatomy_on_pet(arguments.anatomy, ct, pet)
    stop_if(console.cancelled)
    progress = part_of(console.progress, 0.3, 0.9)
    result = find_lesions(pet, parameters, anatomy=anatomy, progress=progress, cancelled=console.cancelled)
    stop_if(console.cancelled)
    console.progress(0.9, "Writing the lesions")
    labelmap = result.labelmap if parameters.grid == "pet" else resample_labelmap(result.labelmap, ct.grid)
    segments = numbered_segments(len(result.rows), "Lesion", _LESION_COLOR)
    write_labelmap(labelmap, segmentation_path, segments)
    lost = sorted({segment.value for segment in segments} - {*np.unique(labelmap.values).tolist()})
    _note_doubts(arguments, result, lost, console)
    if csv_path:
        write_csv(csv_path, result.rows, COLUMNS)
    _print(result, console)
    console.progress(1.0, "Done")
    return {**result.report(), "grid": parameters.grid, "lesions_without_voxels_on_this_grid": lost}


def _note_doubts(arguments: argparse.Namespace, result: LesionResult, lost: list[int], console: Console) -> None:
    if lost:
        console.note(f"{counted(len(lost), 'lesion')} of {len(result.rows)} lie outside the CT: see the table.")
    if arguments.anatomy and not names_scheme(arguments.anatomy):
        console.note(f"{Path(arguments.anatomy).name} names no @SCHEME: its values are taken for DAP ids.")
    if arguments.anatomy and not result.reading["physiological_organs"]:
        console.note("The anatomy holds no organ with physiological uptake within the PET, so nothing was taken off.")


def _require_overlap(ct: Grid, pet: Grid) -> None:
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in pet.shape], indexing="ij")).reshape(3, -1).T
    inside_ct = ct.ijk_from_ras(pet.ras_from_ijk(corners))
    apart = (inside_ct.max(axis=0) < 0) | (inside_ct.min(axis=0) > np.array(ct.shape) - 1)
    if apart.any():
        raise AnatomyGuidedError(
            "The CT and the PET do not overlap in space, but one study of one patient was expected; "
            "check that both come from the same examination."
        )


def _anatomy_on_pet(source: str | None, ct: Volume, pet: Volume) -> Labelmap | None:
    if source is None:
        return None
    anatomy = read_anatomy(source)
    try:
        require_same_grid(anatomy.grid, pet.grid)
    except GridMismatch:
        require_same_grid(anatomy.grid, ct.grid, names=("the anatomy", "the CT or the PET"))
    return resample_labelmap(anatomy, pet.grid)


def _print(result: LesionResult, console: Console) -> None:
    console.line(f"{'lesion':>6} {'volume ml':>10} {'SUVmax':>7} {'SUVmean':>8} {'TLG':>9}  structure")
    for row in result.rows:
        console.line(
            f"{row['lesion']:>6} {row['volume_ml']:>10.2f} {row['suv_max']:>7.2f} {row['suv_mean']:>8.2f} "
            f"{row['tlg']:>9.1f}  {row['structure']}"
        )
    console.line(f"{counted(len(result.rows), 'lesion')}, {result.report()['total_volume_ml']} ml")
