"""`anatomyguided lesions FILM --model DIR -o FOLDER`: a chest film in, its findings out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs, staged_folder
from AnatomyGuidedLib.progress import stop_if

from PathologySegLib.films.attended_anatomy import require_film_attention, write_film_attention
from PathologySegLib.films.film_files import write_findings
from PathologySegLib.films.film_options import film_parameters
from PathologySegLib.films.radiograph import ASSUMED, Radiograph
from PathologySegLib.films.reading import read_radiograph
from PathologySegLib.films.table import film_report, finding_rows
from PathologySegLib.finders import read_film_finder
from PathologySegLib.lesion_table import counted

Row = Mapping[str, object]


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The report of the findings that were written."""
    parameters = film_parameters(arguments)
    finder = read_film_finder(parameters.model)
    require_film_attention(arguments.attention or (), finder)
    attention_paths = [outputs.stage(path) for path in arguments.attention or ()]
    path = Path(arguments.ct)
    with staged_folder(arguments.output, inputs=[path]) as folder:
        console.progress(0.0, "Reading the film")
        film = read_radiograph(path, pixel_mm=parameters.pixel_mm, force=parameters.force)
        notes = [*_doubts(film), *film.notes, *finder.notes]
        for note in notes:
            console.note(note)
        stop_if(console.cancelled)
        console.progress(0.2, "Looking for findings")
        findings = finder.findings(film.image, least_score=parameters.least_score, device=parameters.device)
        stop_if(console.cancelled)
        console.progress(0.8, "Writing the findings")
        rows = finding_rows(findings, film.pixel_mm)
        report = film_report(rows, findings, film, finder.facts, notes, least_score=parameters.least_score)
        write_findings(folder, film, findings, rows, report)
        for attention_path in attention_paths:
            anatomy = finder.anatomy(film.image, device=parameters.device)
            for note in write_film_attention(findings, anatomy, film.placement, attention_path):
                console.note(note)
        stop_if(console.cancelled)
    _print(rows, parameters.least_score, console)
    console.progress(1.0, "Done")
    return report


def _doubts(film: Radiograph) -> list[str]:
    if film.orientation != ASSUMED:
        return []
    return ["The film does not say where the patient's left is: it is taken to be on the image's right, as films hang."]


def _print(rows: Sequence[Row], least_score: float, console: Console) -> None:
    console.line(
        f"{'finding':>7}  {'class':18} {'score':>5} {'x':>5} {'y':>5} {'width':>5} {'height':>6} {'cm2':>7}  attended"
    )
    for row in rows:
        area = "" if row["area_cm2"] is None else f"{row['area_cm2']:.1f}"
        console.line(
            f"{row['finding']:>7}  {row['class']:18} {row['score']:>5.2f} {row['x']:>5} {row['y']:>5} "
            f"{row['width']:>5} {row['height']:>6} {area:>7}  {row['attended']}"
        )
    console.line(f"{counted(len(rows), 'finding')} with a score of {least_score:g} or more")
