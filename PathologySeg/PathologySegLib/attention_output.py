"""What a model attended to as files: a table in JSON, or coloured segments on the lesions' own grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import full_suffix, write_json
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.resample import resample_labelmap

from PathologySegLib.attended_segments import attended_segments
from PathologySegLib.lesion_table import LesionResult, counted

TABLE, SEGMENTS = ".json", ".seg.nrrd"


def shows_structures(paths: Sequence[Path] | None) -> bool:
    """Whether one of the files is of segments, which need an anatomy to be drawn from."""
    return any(full_suffix(path) == SEGMENTS for path in paths or ())


class TellsAttention(Protocol):
    """A model that knows whether it tells what it attended to."""

    @property
    def name(self) -> str: ...

    @property
    def tells_attention(self) -> bool: ...


def require_attention(paths: Sequence[Path] | None, finder: TellsAttention | None) -> None:
    """Nothing if no file was asked for, or the model can fill it.

    Raises:
        UsageError: It tells no attention.
    """
    if paths and finder and not finder.tells_attention:
        raise UsageError(
            f"{finder.name} tells no attention, as only query networks with a cross-attention mixer do; "
            "leave --attention away."
        )


def write_attention(
    staged: Sequence[tuple[Path, Path]], result: LesionResult, anatomy: Labelmap | None, grid: Grid
) -> list[str]:
    """Notes on what is not shown; each staged file (its final name first) holds the table or the segments."""
    notes = []
    for final, path in staged:
        if full_suffix(final) != SEGMENTS:
            write_json(path, _table(result))
        elif anatomy is not None:
            shown = attended_segments(result.attention or {}, resample_labelmap(anatomy, grid))
            write_labelmap(shown.labelmap, path, shown.segments)
            if shown.absent:
                notes.append(
                    f"{counted(len(shown.absent), 'attended structure')} not in the anatomy, and so no segment: "
                    f"{', '.join(shown.absent)}."
                )
    return notes


def _table(result: LesionResult) -> dict[str, object]:
    """The structures that a model attended to, with their shares, by lesion."""
    return {
        "format": "anatomyguided-attention",
        "version": 1,
        "lesions": [
            {"lesion": number, "structures": [{"name": name, "share": share} for name, share in shares]}
            for number, shares in sorted((result.attention or {}).items())
        ],
    }
