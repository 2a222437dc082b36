"""`anatomyguided lesions`: a CT and a PET in, numbered lesions out; or a chest film, and a folder of findings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs, write_csv
from AnatomyGuidedLib.grid import GridMismatch, Labelmap, Volume, require_overlap, require_same_grid
from AnatomyGuidedLib.io import (
    LABELMAP_FORMATS,
    Segment,
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

from PathologySegLib.attention_output import require_attention, shows_structures, write_attention
from PathologySegLib.doubtful_anatomy import doubt
from PathologySegLib.doubtful_study import doubtful_overlap, doubtful_suv
from PathologySegLib.finder import LesionFinder
from PathologySegLib.finders import read_finder
from PathologySegLib.lesion_table import COLUMNS, LesionResult, counted, peaks_above
from PathologySegLib.lesions import find_lesions
from PathologySegLib.lesions_notes import Notes
from PathologySegLib.lesions_on_grid import lesions_on
from PathologySegLib.lesions_options import configure, lesion_parameters
from PathologySegLib.model_lesions import DEFAULT_ATLAS, atlas_of, find_lesions_by_model, predicted_anatomy
from PathologySegLib.parameters import EACH, LesionParameters
from PathologySegLib.petct.pair import require_one_study

__all__ = ["configure", "run"]

_LESION_COLOR = (222, 60, 40)


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The report of the lesions, or of a film's findings, that were written."""
    if arguments.pet is None:
        from PathologySegLib.films import film_command

        outputs.protect(arguments.ct)
        return film_command.run(arguments, console, outputs)
    parameters = lesion_parameters(arguments)
    finder = read_finder(parameters.reading, parameters.model) if parameters.is_model else None
    require_attention(arguments.attention, finder)
    outputs.protect(arguments.ct, arguments.pet, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    segmentation_path = outputs.stage(arguments.output, formats=LABELMAP_FORMATS)
    csv_path = outputs.stage(arguments.csv) if arguments.csv else None
    attention_paths = [(path, outputs.stage(path)) for path in arguments.attention or ()]
    console.progress(0.0, "Reading CT and PET")
    require_one_study(arguments.ct, arguments.pet, force=arguments.force)
    ct, pet = read_ct(arguments.ct, force=arguments.force), read_pet(arguments.pet)
    require_overlap(ct.grid, pet.grid)
    stop_if(console.cancelled)
    notes = Notes(console)
    notes.say(doubtful_overlap(ct, pet))
    anatomy, source = _anatomy(arguments, parameters, ct, pet, finder, console, notes)
    notes.say(doubtful_suv(ct, pet, anatomy if arguments.anatomy else None))
    result = _found(ct, pet, parameters, anatomy, finder, console)
    notes.say(*result.notes, peaks_above(result.rows))
    if anatomy is not None and not arguments.anatomy:
        notes.say(doubt(resample_labelmap(anatomy, result.labelmap.grid), result.rows))
    stop_if(console.cancelled)
    console.progress(0.9, "Writing the lesions")
    lost = _write(result, parameters, ct, segmentation_path)
    notes.say(*_doubts(arguments, result, lost))
    if csv_path:
        write_csv(csv_path, result.rows, COLUMNS)
    grid = pet.grid if parameters.grid == "pet" else ct.grid
    notes.say(*write_attention(attention_paths, result, anatomy, grid))
    _print(result, _sum_name(parameters, result), console)
    console.progress(1.0, "Done")
    facts = {"grid": parameters.grid, "anatomy": source, "lesions_without_voxels_on_this_grid": lost}
    return {**replace(result, notes=notes.said).report(), **facts}


def _anatomy(
    arguments: argparse.Namespace,
    parameters: LesionParameters,
    ct: Volume,
    pet: Volume,
    finder: LesionFinder | None,
    console: Console,
    notes: Notes,
) -> tuple[Labelmap | None, str]:
    """The anatomy on the CT's or the PET's grid, and where it comes from."""
    if arguments.anatomy:
        return _given_anatomy(arguments.anatomy, ct, pet), "given"
    needed = finder is not None and finder.needs_anatomy
    wanted = needed or shows_structures(arguments.attention)
    model = parameters.model.anatomy_model or (atlas_of(finder) if finder and wanted else None)
    if model is None:
        return None, "none"
    name = Path(model).name
    if not parameters.model.anatomy_model:
        demo = " (a demonstration model, trained on made patients alone)" if model == DEFAULT_ATLAS else ""
        why = "The model needs the anatomy" if needed else "The attended structures are drawn from the anatomy"
        notes.say(f"{why}, and none was given: {name} predicts it from the CT{demo}.")
    progress = part_of(console.progress, 0.1, 0.4)
    predicted = predicted_anatomy(
        ct,
        model,
        rules=not needed,
        device=parameters.model.device,
        progress=progress,
        cancelled=console.cancelled,
    )
    return predicted, f"predicted by {name}"


def _found(
    ct: Volume,
    pet: Volume,
    parameters: LesionParameters,
    anatomy: Labelmap | None,
    finder: LesionFinder | None,
    console: Console,
) -> LesionResult:
    progress = part_of(console.progress, 0.4, 0.9)
    if finder:
        device = parameters.model.device
        return find_lesions_by_model(
            ct, pet, finder, anatomy=anatomy, device=device, progress=progress, cancelled=console.cancelled
        )
    on_pet = None if anatomy is None else resample_labelmap(anatomy, pet.grid)
    return find_lesions(pet, parameters, anatomy=on_pet, progress=progress, cancelled=console.cancelled)


def _write(result: LesionResult, parameters: LesionParameters, ct: Volume, path: Path) -> list[int]:
    """The numbers of lesions that have no voxel on the grid that was asked for."""
    labelmap = result.labelmap if parameters.grid == "pet" else lesions_on(result.labelmap, ct.grid)
    if parameters.segments == EACH:
        write_labelmap(labelmap, path, numbered_segments(len(result.rows), "Lesion", _LESION_COLOR))
    else:
        together = Labelmap((labelmap.values > 0).astype(np.uint8), labelmap.grid)
        write_labelmap(together, path, [Segment(1, "Lesions", _LESION_COLOR)] if together.values.any() else [])
    return sorted({*range(1, len(result.rows) + 1)} - {*np.unique(labelmap.values).tolist()})


def _doubts(arguments: argparse.Namespace, result: LesionResult, lost: list[int]) -> Iterator[str]:
    if lost:
        lesions = f"{counted(len(lost), 'lesion')} of {len(result.rows)}"
        yield f"Without a voxel on the CT's grid (outside it, or where another is): {lesions}, see the table."
    if arguments.anatomy and not names_scheme(arguments.anatomy):
        yield f"{Path(arguments.anatomy).name} names no @SCHEME: its values are taken for DAP ids."
    if arguments.anatomy and not result.reading.get("physiological_organs", True):
        yield "The anatomy holds no organ with physiological uptake within the PET, so nothing was taken off."


def _given_anatomy(source: str, ct: Volume, pet: Volume) -> Labelmap:
    anatomy = read_anatomy(source)
    try:
        require_same_grid(anatomy.grid, pet.grid)
    except GridMismatch:
        require_same_grid(anatomy.grid, ct.grid, names=("the anatomy", "the CT or the PET"))
    return anatomy


def _sum_name(parameters: LesionParameters, result: LesionResult) -> str:
    """What the volumes add up to: a reading that knew no organ has taken healthy uptake for lesions."""
    knows = parameters.is_model or result.reading.get("physiological_organs")
    return "total metabolic tumour volume" if knows else "all uptake that was read, healthy uptake with it"


def _print(result: LesionResult, sum_name: str, console: Console) -> None:
    console.line(f"{'lesion':>6} {'volume ml':>10} {'SUVmax':>7} {'SUVmean':>8} {'SUVpeak':>8} {'TLG':>9}  structure")
    for row in result.rows:
        console.line(
            f"{row['lesion']:>6} {row['volume_ml']:>10.2f} {row['suv_max']:>7.2f} {row['suv_mean']:>8.2f} "
            f"{row['suv_peak']:>8.2f} {row['tlg']:>9.1f}  {row['structure']}{_nearby(row)}"
        )
    console.line(f"{counted(len(result.rows), 'lesion')}, {result.total('volume_ml')} ml ({sum_name})")


def _nearby(row: Mapping[str, object]) -> str:
    """The nearest structure in brackets, where another one or none holds most of the lesion."""
    name = row["nearest_structure"]
    if not name or name == row["structure"]:
        return ""
    return f" (partly in {name})" if row["nearest_mm"] == 0 else f" ({row['nearest_mm']} mm from {name})"
