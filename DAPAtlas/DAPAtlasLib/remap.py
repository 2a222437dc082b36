"""Each expert's systematic confusions, mended before its map is merged (thesis, 3.1.2).

A model that was trained on a part of the body confuses what looks alike elsewhere: gonads and eyeballs, colon and nasal
cavity, and, as the released code adds, bronchi and trachea, thyroid and cheeks. An expert seldom knows the vertebrae
that tell where it is, so that they are lent to it from the union of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import ids_where

from DAPAtlasLib.opinions import Opinion
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding
from DAPAtlasLib.rules.pieces import in_pieces
from DAPAtlasLib.rules.places import places

_ANCHOR_GROUPS = ("Vertebras",)
_ANCHOR_NAMES = ("Brain", "Sacrum")
_RENAMED_BY_PLACE = ("Eyeball", "Nasal Cavity", "Cheek", "Trachea")


def remapped(opinions: Sequence[Opinion], union: Labelmap) -> tuple[list[Opinion], list[Finding]]:
    """The experts without what lies out of its place, and a finding for each of them.

    What is another structure by its place takes that name, which the expert then knows too; of anything else out of
    place the expert says nothing, so that others may. An expert that named nothing is left as it is.
    """
    anchors = np.where(np.isin(union.values, _anchor_ids()), union.values, np.uint8(0))
    mended = [_remapped(opinion, anchors) for opinion in opinions]
    named = [replace(finding, details={"expert": opinion.expert}) for opinion, finding in mended]
    return [opinion for opinion, _ in mended], named


def _remapped(opinion: Opinion, anchors: np.ndarray) -> tuple[Opinion, Finding]:
    said = opinion.labelmap.values
    complete = np.where(said > 1, said, anchors)
    if not complete.any():
        return opinion, Finding("place", "not evaluable", f"{opinion.expert} named no structure.")
    pieces = in_pieces(Labelmap(complete, opinion.labelmap.grid))
    moved, finding = places(pieces, Context())
    if not finding.moves:
        return opinion, finding
    now = moved.labelmap().values
    renamed = np.isin(now, ids_where(lambda label: label.name.startswith(_RENAMED_BY_PLACE)))
    changed = (now != complete) & (said > 1)
    values = np.where(changed, np.where(renamed, now, np.uint8(0)), said)
    learned = frozenset(np.unique(now[changed & renamed]).tolist())
    known = replace(opinion, labelmap=Labelmap(values, opinion.labelmap.grid), knows=opinion.knows | learned)
    return known, finding


def _anchor_ids() -> tuple[int, ...]:
    return ids_where(lambda label: label.group in _ANCHOR_GROUPS or label.name in _ANCHOR_NAMES)
