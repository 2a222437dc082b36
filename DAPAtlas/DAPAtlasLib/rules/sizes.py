"""Vertebrae and ribs whose size does not fit their neighbours': a part of one may carry another's name.

Patients are compared with themselves: a vertebra with those above and below it, a rib with the one across. Made
patients without a fault stay within 1.36 (volume), 1.29 (height) and 1.25 (rib), variants included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.labels import Label, label_by_id, label_by_name

from DAPAtlasLib.rules.articulations import rib_labels
from DAPAtlasLib.rules.context import VERTEBRAE
from DAPAtlasLib.rules.pieces import Pieces

UNLIKE = 1.4
_FIRST_ALIKE = VERTEBRAE.index("Vertebra C4")  # C1 to C3 differ by shape
_FIRST_AS_HIGH = VERTEBRAE.index("Vertebra T2")  # the spinous process of T1 is longer than that of C7


@dataclass(frozen=True)
class Comparison:
    """How many times as large as its neighbours a vertebra or a rib is, in a sentence without its name."""

    times: float
    sentence: str

    @property
    def is_unlike(self) -> bool:
        """Whether it is so much larger or smaller that a part may have the wrong name."""
        return not 1 / UNLIKE < self.times < UNLIKE

    @property
    def distance(self) -> float:
        """How far from equal, the same for twice and half."""
        return abs(float(np.log(self.times)))


def compared(pieces: Pieces, label: Label) -> Comparison | None:
    """The less equal of what can be compared; None where nothing can, since neighbours are absent or cut."""
    if label.anatomical_rib is not None:
        return _rib(pieces, label)
    if label.name not in VERTEBRAE:
        return None
    found = [one for one in (_volume(pieces, label.name), _height(pieces, label.name)) if one]
    return max(found, key=lambda one: one.distance, default=None)


def unlike_vertebrae(pieces: Pieces) -> tuple[str, ...]:
    """A sentence a vertebra that does not fit its neighbours, from above."""
    return _unlike(pieces, [label_by_name(name) for name in VERTEBRAE])


def unlike_ribs(pieces: Pieces, side: str) -> tuple[str, ...]:
    """A sentence a rib of one side that does not fit the one across."""
    return _unlike(pieces, [label_by_id(label) for label in rib_labels(side).tolist()])


def _unlike(pieces: Pieces, among: list[Label]) -> tuple[str, ...]:
    found = [(label, compared(pieces, label)) for label in among]
    return tuple(f"{label.name} is {one.sentence}" for label, one in found if one and one.is_unlike)


def _volume(pieces: Pieces, name: str) -> Comparison | None:
    """The volume against the geometric mean of both neighbours'."""
    level = VERTEBRAE.index(name)
    if not _FIRST_ALIKE <= level < len(VERTEBRAE) - 1:
        return None
    names = VERTEBRAE[level - 1 : level + 2]
    if not all(_is_whole(pieces, one) for one in names):
        return None
    above, own, below = (_voxels(pieces, one) for one in names)
    times = own / float(np.sqrt(above * below))
    return Comparison(times, f"{times:.2f} times as large as the vertebrae above and below it")


def _height(pieces: Pieces, name: str) -> Comparison | None:
    """The height against that of the higher whole neighbour; one that the image cuts may be low, but not too high."""
    level = VERTEBRAE.index(name)
    if level < _FIRST_AS_HIGH or not pieces.of(name).size:
        return None
    beside = [one for one in VERTEBRAE[level - 1 : level] + VERTEBRAE[level + 1 : level + 2] if _is_whole(pieces, one)]
    if not beside:
        return None
    times = _height_mm(pieces, name) / max(_height_mm(pieces, one) for one in beside)
    if times < 1:
        return None
    return Comparison(times, f"{times:.2f} times as high as the vertebra beside it")


def _rib(pieces: Pieces, label: Label) -> Comparison | None:
    if not label.partner:
        return None
    other = label_by_id(label.partner).name
    if not (_is_whole(pieces, label.name) and _is_whole(pieces, other)):
        return None
    times = _voxels(pieces, label.name) / _voxels(pieces, other)
    return Comparison(times, f"{times:.2f} times as large as {other}")


def _is_whole(pieces: Pieces, name: str) -> bool:
    own = pieces.of(name)
    return bool(own.size) and not pieces.reaches_edge(own)


def _voxels(pieces: Pieces, name: str) -> float:
    return float(pieces.voxels[pieces.of(name)].sum())


def _height_mm(pieces: Pieces, name: str) -> float:
    heights = pieces.corners_ras(pieces.of(name))[..., 2]
    thickness = float(np.abs(pieces.grid.affine[2, :3]).max())
    return float(heights.max() - heights.min()) + thickness
