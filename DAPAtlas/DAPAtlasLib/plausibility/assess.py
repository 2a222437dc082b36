"""A verdict on every structure of a label map, with its evidence and a place to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import Label, label_by_id, structures
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from DAPAtlasLib.plausibility import amount, extent, series, tissue
from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.evidence import VERDICTS, Evidence, Verdict, worst

Check = Callable[[Case, Label], Evidence | None]

CHECKS: tuple[Check, ...] = (
    extent.expected,
    extent.pieces,
    extent.side,
    series.order,
    series.spacing,
    series.size,
    amount.volume,
    amount.ratio,
    tissue.hu,
    tissue.agreement,
)
COLUMNS = ("structure", "verdict", "evidence", "volume_ml", "r_mm", "a_mm", "s_mm")


@dataclass(frozen=True)
class Assessment:
    """One structure: its volume, what every check says, and a place (RAS mm) in it; None where it is not there."""

    label: int
    volume_ml: float
    evidence: tuple[Evidence, ...]
    place_ras_mm: tuple[float, float, float] | None

    @property
    def verdict(self) -> Verdict:
        """The worst of the evidence."""
        return worst(one.verdict for one in self.evidence)

    @property
    def sentence(self) -> str:
        """The evidence that decides, worst first."""
        told = [one.sentence for one in self.evidence if one.verdict == self.verdict]
        return " ".join(told) if self.verdict in ("fail", "warn") else ""

    def row(self) -> dict[str, object]:
        """One row of a table."""
        r, a, s = self.place_ras_mm or (None, None, None)
        return {
            "structure": label_by_id(self.label).display_name,
            "verdict": self.verdict,
            "evidence": self.sentence,
            "volume_ml": round(self.volume_ml, 3),
            "r_mm": r,
            "a_mm": a,
            "s_mm": s,
        }

    def details(self) -> dict[str, object]:
        """The row with every check's sentence, for JSON."""
        name = label_by_id(self.label).name
        return {"id": self.label, "name": name, **self.row(), "checks": [one.row() for one in self.evidence]}


def assess(
    case: Case, *, progress: Progress = no_progress, cancelled: CancelCheck = never_cancelled
) -> tuple[Assessment, ...]:
    """Structures that are in the map or should be, in the order of their ids.

    Raises:
        Cancelled: The user stopped between two structures.
    """
    rows = []
    known = structures()
    for number, label in enumerate(known):
        stop_if(cancelled)
        progress(number / len(known), f"Assessing {label.display_name}")
        evidence = tuple(one for check in CHECKS if (one := check(case, label)))
        if evidence:
            rows.append(Assessment(label.id, case.volume_ml(label.id), evidence, _place(case, label.id, evidence)))
    return tuple(rows)


def counts(rows: Sequence[Assessment]) -> dict[str, int]:
    """How many structures have each verdict, the worst first."""
    found = Counter(row.verdict for row in rows)
    return {verdict: found[verdict] for verdict in VERDICTS}


def to_look_at(rows: Sequence[Assessment]) -> list[Assessment]:
    """Structures that fail or warn, the worst and largest first."""
    doubtful = [row for row in rows if row.verdict in ("fail", "warn")]
    return sorted(doubtful, key=lambda row: (VERDICTS.index(row.verdict), -row.volume_ml))


def _place(case: Case, label: int, evidence: Sequence[Evidence]) -> tuple[float, float, float] | None:
    """The middle of the largest piece; of what is doubtful, a voxel near the middle of the piece in doubt."""
    if label not in case.bodies:
        return None
    piece, decides = int(case.bodies[label][0][0]), min(evidence, key=lambda one: VERDICTS.index(one.verdict))
    place = case.pieces.middles_ras[piece]
    if decides.verdict in ("fail", "warn"):
        # a rule numbers what it would cut off beyond the pieces of the map
        about = piece if decides.piece is None or decides.piece > case.pieces.count else decides.piece
        place = _central_voxel(case, about)
    r, a, s = np.round(place, 1).tolist()
    return r, a, s


def _central_voxel(case: Case, piece: int) -> FloatArray:
    voxels = case.pieces.voxels_of(piece)
    middle = case.pieces.grid.ijk_from_ras(case.pieces.middles_ras[piece])
    away = ((voxels - middle) * np.array(case.pieces.grid.spacing_mm)) ** 2
    return case.pieces.grid.ras_from_ijk(voxels[np.argmin(away.sum(axis=1))])
