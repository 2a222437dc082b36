"""Organs of the other sex take the label around them (Algorithm 4)."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.labels import label_by_id, structures

from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.dissolve import dissolved
from DAPAtlasLib.rules.finding import Finding, relabelled
from DAPAtlasLib.rules.pieces import Pieces

NAME = "sex"


def sex_consistency(pieces: Pieces, context: Context) -> tuple[Pieces, Finding]:
    """No prostate in women; no uterus, cervix or breasts in men; without a known sex, whether both are there."""
    present = {sex: _of_sex(pieces, sex) for sex in "FM"}
    if context.sex is None:
        both = all(len(own) for own in present.values())
        seen = ("organs of both sexes are in view",) if both else ()
        return pieces, Finding(NAME, "not evaluable", "Not evaluable: the patient's sex is not known.", faults=seen)
    other = "M" if context.sex == "F" else "F"
    strange = present[other]
    bodies = pieces.bodies[strange]
    cut, changes = dissolved(pieces, [strange[bodies == body] for body in np.unique(bodies)], context.ct)
    mended, moves = relabelled(cut, changes)
    if not moves:
        return pieces, Finding(NAME, "nothing to do", "No organ of the other sex is there.")
    names = sorted({label_by_id(move.source).name for move in moves})
    patient = "woman" if context.sex == "F" else "man"
    faults = tuple(f"{name} in a {patient}" for name in names)
    return mended, Finding(NAME, "applied", f"{', '.join(names)} in a {patient} took the label around.", moves, faults)


def _of_sex(pieces: Pieces, sex: str) -> np.ndarray:
    return np.flatnonzero(np.isin(pieces.labels, [label.id for label in structures() if label.sex == sex]))
