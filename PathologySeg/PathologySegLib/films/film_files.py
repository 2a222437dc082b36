"""A film's result as a folder: table and report, segments that Slicer opens over the film, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.files import write_csv, write_json
from AnatomyGuidedLib.io import Segment, write_overlapping

from PathologySegLib.films.overlay import Picture, color_of, overlay
from PathologySegLib.films.radiograph import Radiograph
from PathologySegLib.films.table import COLUMNS, Finding

REPORT, TABLE, SEGMENTS, OVERLAY = "findings.json", "findings.csv", "findings.seg.nrrd", "overlay.png"


def write_findings(
    folder: Path,
    film: Radiograph,
    findings: Sequence[Finding],
    rows: Sequence[Mapping[str, object]],
    report: Mapping[str, object],
) -> None:
    """Nothing; the folder holds the four files. Segments lie on the film file's own grid and may overlap."""
    write_json(folder / REPORT, report)
    write_csv(folder / TABLE, rows, COLUMNS)
    segments = [
        Segment(number, f"{finding.name} {number}", color_of(finding.name))
        for number, finding in enumerate(findings, start=1)
    ]
    masks = [film.placement.on_grid(finding.mask) for finding in findings]
    write_overlapping(masks, film.placement.grid, folder / SEGMENTS, segments)
    _write_png(overlay(film.image, findings), folder / OVERLAY)


def _write_png(picture: Picture, path: Path) -> None:
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(picture, isVector=True), str(path))
