"""Organs that lost all their voxels to another name: a body out of place may be one, where place and HU say so."""

from __future__ import annotations

import numpy as np
from AnatomyGuidedLib.labels import id_of, label_by_name

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.midplane import midplane
from DAPAtlasLib.rules.pieces import Pieces

_PAIRED = ("Kidney Left", "Kidney Right")
_OFF_MM = (25.0, 50.0)  # across and along, between a body and its partner's mirror image
_ALIKE_HU = 50.0
_SIZES = (0.4, 2.5)  # of the partner
_BILE_HU, _GALLBLADDER_ML = (-10.0, 30.0), (4.0, 90.0)


def absent_organ(pieces: Pieces, context: Context, body: IntArray) -> int | None:
    """The absent kidney or gallbladder that the body must be; None where it is none, or where there is no CT.

    A kidney lies where its partner's mirror image does, is as large, and takes up contrast as the partner does; a
    gallbladder is of its size, holds bile (-10 to 30 HU) and touches the liver.
    """
    hu = context.median_hu(pieces, body)
    if hu is None:
        return None
    for name in _PAIRED:
        if not pieces.of(name).size and _is_partner(pieces, context, name, body, hu):
            return id_of(name)
    return id_of("Gallbladder") if _is_gallbladder(pieces, body, hu) else None


def _is_partner(pieces: Pieces, context: Context, name: str, body: IntArray, hu: float) -> bool:
    partner = label_by_name(name).partner
    own = np.flatnonzero(pieces.labels == partner)
    middle = midplane(pieces)
    if not own.size or isinstance(middle, str):
        return False
    times = pieces.voxels[body].sum() / pieces.voxels[own].sum()
    here, there = pieces.middle(body), pieces.middle(own)
    across = float(middle.right_mm(here) + middle.right_mm(there))
    along = float(np.linalg.norm((here - there)[1:]))
    other = context.median_hu(pieces, own)
    is_near = abs(across) < _OFF_MM[0] and along < _OFF_MM[1]
    return is_near and _SIZES[0] < times < _SIZES[1] and other is not None and abs(hu - other) < _ALIKE_HU


def _is_gallbladder(pieces: Pieces, body: IntArray, hu: float) -> bool:
    ml = float(pieces.voxels[body].sum() * pieces.grid.voxel_volume_ml)
    touches_liver = bool(pieces.faces_towards(body)[id_of("Liver")])
    is_bile = _BILE_HU[0] <= hu <= _BILE_HU[1] and _GALLBLADDER_ML[0] <= ml <= _GALLBLADDER_ML[1]
    return bool(not pieces.of("Gallbladder").size and touches_liver and is_bile)
