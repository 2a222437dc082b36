"""What a film's findings attended to as segments, where the model itself sees those structures on the film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import full_suffix
from AnatomyGuidedLib.io import Segment, write_overlapping
from AnatomyGuidedLib.labels import id_of, label_by_id

from PathologySegLib.apex.film_finder import FilmFinder
from PathologySegLib.apex.paxray import paxray_classes
from PathologySegLib.attended_segments import lesions_by_name, numbered
from PathologySegLib.attention_output import SEGMENTS, require_attention
from PathologySegLib.films.placement import Placement
from PathologySegLib.films.table import Finding
from PathologySegLib.lesion_table import counted

_GREY = (170, 170, 170)  # classes of no DAP structure


def require_film_attention(paths: Sequence[Path], finder: FilmFinder) -> None:
    """Nothing if the files asked for are segments, and the model can fill them.

    Raises:
        UsageError: They are not, or it cannot.
    """
    require_attention(paths, finder)
    for path in paths:
        if full_suffix(path) != SEGMENTS:
            raise UsageError(
                f"--attention {path.name}: a film's findings.json holds all names with shares; give {SEGMENTS} for "
                "segments, or leave it away."
            )


def write_film_attention(
    findings: Sequence[Finding], anatomy: Mapping[str, npt.NDArray[np.bool_]], placement: Placement, path: Path
) -> list[str]:
    """Notes on what is not shown; the file holds each attended structure once, whole, on the film file's own grid."""
    by_name = lesions_by_name({number: one.attended or () for number, one in enumerate(findings, start=1)})
    shown = [name for name in by_name if name in anatomy]
    segments = [
        Segment(place, f"{name} ({numbered(by_name[name], 'finding')})", _color(name))
        for place, name in enumerate(shown, start=1)
    ]
    write_overlapping([placement.on_grid(anatomy[name]) for name in shown], placement.grid, path, segments)
    absent = [name for name in by_name if name not in anatomy]
    if not absent:
        return []
    return [
        f"{counted(len(absent), 'attended structure')} not seen by the model, and so no segment: {', '.join(absent)}."
    ]


def _color(name: str) -> tuple[int, int, int]:
    """The DAP colour of the first structure of a class of PAXRay++."""
    parts = next(one.dap_names for one in paxray_classes() if one.name == name)
    return label_by_id(id_of(parts[0])).color if parts else _GREY
