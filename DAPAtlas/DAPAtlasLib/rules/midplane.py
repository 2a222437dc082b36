"""Where a body's left and right part: the plane through spine and sternum (Algorithm 8), bent with the spine.

A plane fits a straight spine; beside a bent one, what lies left of the plane may lie right of the vertebra at its
height. So the plane gives the direction from left to right, and the vertebrae give the middle at each height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import structures

from DAPAtlasLib.rules.pieces import Pieces
from DAPAtlasLib.rules.vertebral_column import named_places

_STERNUM = ("Sternum Corpus", "Sternum Manubrium")
_LEAST_VERTEBRAE = 3
_LEAST_PAIRS = 3
_MIDDLE = ("Sacrum", "Brain")
FARTHEST_DEGREES = 35.0  # from the sagittal plane: beyond it, the fit or the image's orientation is wrong


@dataclass(frozen=True, eq=False)
class Midplane:
    """`to_right` is the unit direction to the patient's right; `offsets_mm` say where the middle is at each height."""

    to_right: FloatArray
    heights_mm: FloatArray
    offsets_mm: FloatArray
    fitted_to: str

    def right_mm(self, places_ras: FloatArray) -> FloatArray:
        """How far right of the middle places lie; left is negative."""
        places = np.asarray(places_ras)
        return np.asarray(places @ self.to_right - np.interp(places[..., 2], self.heights_mm, self.offsets_mm))

    @property
    def degrees_from_sagittal(self) -> float:
        return float(np.degrees(np.arccos(np.clip(self.to_right[0], -1.0, 1.0))))


def midplane(pieces: Pieces) -> Midplane | str:
    """The middle of the body; or which anchors are missing, in a sentence's end."""
    spine = np.array(list(named_places(pieces).values())).reshape(-1, 3)
    if len(spine) < _LEAST_VERTEBRAE:
        return f"{len(spine)} vertebrae are in view, but {_LEAST_VERTEBRAE} are needed"
    sternum = _places(pieces, _STERNUM)
    direction = _plane_direction(np.concatenate([spine, sternum])) if len(sternum) else None
    fitted_to = "spine and sternum"
    if direction is None:
        direction, fitted_to = _pair_direction(pieces), "spine and paired structures"
    if direction is None:
        return "neither a sternum nor three pairs of left and right structures are in view"
    line = np.concatenate([spine, _places(pieces, _MIDDLE)])
    line = line[np.argsort(line[:, 2])]
    return Midplane(direction, line[:, 2], line @ direction, fitted_to)


def _places(pieces: Pieces, names: Sequence[str]) -> FloatArray:
    places = np.array([pieces.place_of(name) for name in names])
    return np.asarray(places[np.isfinite(places[:, 0])])


def _plane_direction(places: FloatArray) -> FloatArray:
    """The direction in which the places spread least, towards R."""
    normal = np.linalg.svd(places - places.mean(axis=0))[2][2]
    return np.asarray(normal * (1.0 if normal[0] >= 0 else -1.0))


def _pair_direction(pieces: Pieces) -> FloatArray | None:
    """The direction from left to right partners that most pairs agree on."""
    ways = []
    for label in structures():
        if label.side == "left" and label.partner:
            left, right = pieces.place_of(label.name), pieces.place_of(label.name.replace("Left", "Right"))
            if np.isfinite(left[0]) and np.isfinite(right[0]):
                ways.append((right - left) / max(float(np.linalg.norm(right - left)), 1e-6))
    if len(ways) < _LEAST_PAIRS:
        return None
    middle = np.median(ways, axis=0)
    return np.asarray(middle / max(float(np.linalg.norm(middle)), 1e-6))
