"""A film's findings as rows, and the report of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from PathologySegLib.films.radiograph import Radiograph

FORMAT, FORMAT_VERSION = "anatomyguided-film-findings", 1
COLUMNS = ("finding", "class", "score", "x", "y", "width", "height", "area_pixels", "area_cm2", "attended")

Row = dict[str, object]


@dataclass(frozen=True, eq=False)
class Finding:
    """A class of ChestX-Det, how sure the model is (0 to 1), its mask on the film, and the anatomy attended to.

    `attended` are names with their shares, the largest first; none where the model has no such attention.
    """

    name: str
    score: float
    mask: npt.NDArray[np.bool_]
    attended: tuple[tuple[str, float], ...] | None = None

    @property
    def box_xywh(self) -> tuple[int, int, int, int]:
        """In pixels from the film's upper left: the first column and row, how many columns and rows.

        >>> Finding("Mass", 0.9, np.array([[0, 0, 0], [0, 1, 1]], bool)).box_xywh
        (1, 1, 2, 1)
        """
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        x, y = int(columns[0]), int(rows[0])
        return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def finding_rows(findings: Sequence[Finding], pixel_mm: tuple[float, float] | None) -> list[Row]:
    """A row a finding, numbered from 1 in their order; the area in cm2 is none where a pixel's size is not known."""
    return [_row(number, finding, pixel_mm) for number, finding in enumerate(findings, start=1)]


def film_report(
    rows: Sequence[Mapping[str, object]],
    findings: Sequence[Finding],
    film: Radiograph,
    model: Mapping[str, object],
    notes: Sequence[str],
    *,
    least_score: float,
) -> dict[str, object]:
    """The result without masks, for JSON."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "model": dict(model),
        "least_score": least_score,
        "film": {
            "height": film.image.shape[0],
            "width": film.image.shape[1],
            "pixel_mm": None if film.pixel_mm is None else list(film.pixel_mm),
            "pixel_mm_from": film.pixel_mm_from,
            "orientation": film.orientation,
            "view": film.view,
        },
        "finding_count": len(rows),
        "findings": [
            {**row, "attended": None if own.attended is None else [{"name": n, "share": s} for n, s in own.attended]}
            for row, own in zip(rows, findings, strict=True)
        ],
        "notes": list(notes),
    }


def _row(number: int, finding: Finding, pixel_mm: tuple[float, float] | None) -> Row:
    x, y, width, height = finding.box_xywh
    pixels = int(finding.mask.sum())
    return {
        "finding": number,
        "class": finding.name,
        "score": round(finding.score, 4),
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "area_pixels": pixels,
        "area_cm2": None if pixel_mm is None else round(pixels * pixel_mm[0] * pixel_mm[1] / 100, 2),
        "attended": "; ".join(name for name, _ in finding.attended or ()),
    }
