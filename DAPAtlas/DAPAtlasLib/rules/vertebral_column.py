"""The vertebrae as bodies that follow each other, whatever their names: which pieces make one, and where one lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.labels import id_of
from scipy import ndimage

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.context import VERTEBRAE
from DAPAtlasLib.rules.pieces import BoolArray, Pieces

# Distance from one vertebra's middle to the next one's, mm, where too few are in view to compare them with each other.
USUAL_MM = (18, 20, 17, 17, 17, 18, 19, 20, 20, 21, 22, 22, 22, 23, 24, 25, 27, 29, 31, 34, 35, 35, 37)
_WHOLE_SHARE, _LEAST_SHARE = 0.7, 0.2  # of what vertebrae around measure: surely whole; no more than a fragment
_TWO_STEPS = 1.6  # of the usual distance
_DOUBLE_SIZE = 1.6  # of the mean of the next ones
_DOUBLE_GAP = 1.35  # of the usual distance, where the middle of two is 1.5 away
_LEAST_FACES, _MORE = 5, 1.5  # with the other vertebra, and more than with the own one


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra: its main piece, the fragments that hang on it, and where its middle is."""

    main: int
    fragments: tuple[int, ...]
    place_ras: FloatArray
    named: int  # from 0, C1, to 23, L5

    @property
    def pieces(self) -> tuple[int, ...]:
        return (self.main, *self.fragments)


def columns(pieces: Pieces) -> Iterator[tuple[Pieces, tuple[Vertebra, ...]]]:
    """Readings of the vertebrae from head to foot: as they are, and with pieces as large as two cut in the middle.

    In both, what a piece takes of the next vertebra is a piece of its own.
    """
    for read in (pieces, _doubles_cut(pieces)):
        if read is pieces or read.count > pieces.count:
            parted = _intruders_cut(read, _vertebrae(read))
            yield parted, _vertebrae(parted)


def named_places(pieces: Pieces) -> dict[int, FloatArray]:
    """The middle (RAS mm) of each level, 0 for C1, that a piece of a vertebra's size is named after."""
    return {vertebra.named: vertebra.place_ras for vertebra in _vertebrae(pieces)}


def vertebra_heights(pieces: Pieces) -> dict[str, float]:
    """The height of every vertebra, S in mm, told from the nearest one in view; none where not one is in view."""
    seen = {level: float(place[2]) for level, place in named_places(pieces).items()}
    depth = np.concatenate([[0.0], np.cumsum(USUAL_MM)])
    heights = {}
    for level, name in enumerate(VERTEBRAE if seen else ()):
        nearest = min(seen, key=lambda other: abs(other - level))
        heights[name] = seen[nearest] + float(depth[nearest] - depth[level])
    return heights


def steps_between(pieces: Pieces, vertebrae: tuple[Vertebra, ...]) -> IntArray:
    """How many levels lie from each vertebra to the next: 1, or more where one is missing between.

    What the field of view has cut lies elsewhere than the whole one would: to it, one step is assumed.
    """
    if len(vertebrae) < 2:
        return np.zeros(0, int)
    ratios, sure = _relative_gaps(pieces, vertebrae)
    if not sure.any():
        return np.ones(ratios.size, int)
    return np.where(sure & (ratios > _TWO_STEPS), np.maximum(np.rint(ratios), 2), 1).astype(int)


def doubles(pieces: Pieces, vertebrae: tuple[Vertebra, ...]) -> int:
    """How many vertebrae are as large as two, and as far from both neighbours as the middle of two would be."""
    if len(vertebrae) < 3:
        return 0
    ratios, sure = _relative_gaps(pieces, vertebrae)
    if not sure.any():
        return 0
    ratios = ratios / ratios[sure].min()  # in a short column one double makes half of the distances too large
    sizes = np.array([pieces.voxels[list(vertebra.pieces)].sum() for vertebra in vertebrae], float)
    beside = np.concatenate([sizes[1:2], (sizes[:-2] + sizes[2:]) / 2, sizes[-2:-1]])
    apart = np.minimum(np.append(ratios, ratios[-1]), np.insert(ratios, 0, ratios[0]))  # from the nearer neighbour
    return int(((sizes > _DOUBLE_SIZE * beside) & (apart > _DOUBLE_GAP)).sum())


def _relative_gaps(pieces: Pieces, vertebrae: tuple[Vertebra, ...]) -> tuple[FloatArray, BoolArray]:
    """The distance from each vertebra to the next, in times of the usual one here, and whether both are whole."""
    places = np.array([vertebra.place_ras for vertebra in vertebrae])
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    usual = np.array([USUAL_MM[min(vertebra.named, len(USUAL_MM) - 1)] for vertebra in vertebrae[:-1]], float)
    whole = ~np.array([pieces.reaches_edge(np.array([vertebra.main])) for vertebra in vertebrae])
    sure = whole[:-1] & whole[1:]
    return gaps / (usual * (np.median((gaps / usual)[sure]) if sure.any() else 1.0)), sure


def _vertebrae(pieces: Pieces) -> tuple[Vertebra, ...]:
    own = pieces.of(*VERTEBRAE)
    if not own.size:
        return ()
    share = pieces.voxels[own] / _usual_sizes(pieces, own)
    largest = np.array([pieces.voxels[piece] == pieces.voxels[own][pieces.labels[own] == pieces.labels[piece]].max()
                        for piece in own])  # fmt: skip
    at_edge = np.array([pieces.reaches_edge(np.array([piece])) for piece in own])
    is_main = (share >= _WHOLE_SHARE) | largest & (share >= _LEAST_SHARE)
    mains = own[is_main]
    hangs_on = {int(piece): _host(pieces, int(piece), mains) for piece in own[~is_main & ~at_edge]}
    found = [
        _vertebra(pieces, int(main), tuple(piece for piece, host in hangs_on.items() if host == main)) for main in mains
    ]
    return tuple(sorted(found, key=lambda vertebra: -vertebra.place_ras[2]))


def _vertebra(pieces: Pieces, main: int, fragments: tuple[int, ...]) -> Vertebra:
    ids = [id_of(name) for name in VERTEBRAE]
    place = pieces.middle(np.array([main, *fragments]))
    return Vertebra(main, fragments, place, ids.index(int(pieces.labels[main])))


def _usual_sizes(pieces: Pieces, own: IntArray) -> FloatArray:
    """What whole vertebrae near each piece's height measure: the median of those that are largest of their name."""
    sizes = pieces.voxels[own].astype(float)
    largest = np.array([own[pieces.labels[own] == label][np.argmax(sizes[pieces.labels[own] == label])]
                        for label in np.unique(pieces.labels[own])])  # fmt: skip
    usual = np.empty(own.size)
    for place, height in enumerate(pieces.middles_ras[own, 2]):
        near = np.argsort(np.abs(pieces.middles_ras[largest, 2] - height))[:5]
        usual[place] = np.median(pieces.voxels[largest[near]])
    return usual


def _host(pieces: Pieces, fragment: int, mains: IntArray) -> int | None:
    """The vertebra that shares most of a fragment's border; None where it touches none: it lies elsewhere."""
    first, second, faces = pieces.contacts.first, pieces.contacts.second, pieces.contacts.faces
    beside = np.concatenate([second[first == fragment], first[second == fragment]])
    shared = np.concatenate([faces[first == fragment], faces[second == fragment]])
    among = np.isin(beside, mains)
    return int(beside[among][np.argmax(shared[among])]) if among.any() else None


def _doubles_cut(pieces: Pieces) -> Pieces:
    """Pieces as large as two of the vertebrae above and below are cut across in the middle."""
    own = pieces.of(*VERTEBRAE)
    own = own[np.argsort(-pieces.middles_ras[own, 2])]
    usual = _usual_sizes(pieces, own)
    whole = pieces.voxels[own] >= _LEAST_SHARE * usual
    whole &= ~np.array([pieces.reaches_edge(np.array([piece])) for piece in own], dtype=np.bool_)
    own = own[whole]
    sizes = pieces.voxels[own].astype(float)
    doubles = [
        int(own[place])
        for place in range(own.size)
        if (beside := np.concatenate([sizes[:place][-1:], sizes[place + 1 :][:1]])).size
        and sizes[place] > _DOUBLE_SIZE * beside.mean()
    ]
    return pieces.cut({piece: _upper_half(pieces, piece) for piece in doubles})[0]


def _intruders_cut(pieces: Pieces, vertebrae: tuple[Vertebra, ...]) -> Pieces:
    """Where a piece takes a part of the next vertebra with it, that part is a piece of its own.

    The dens of C2 lies in C1: the two are left as they are.
    """
    parts: dict[int, IntArray] = {}
    for upper, lower in pairwise(vertebrae):
        if upper.named > 0 and lower.named > 1:
            for own, other in ((upper, lower), (lower, upper)):
                taken = _taken(pieces, own, other)
                if taken.size:
                    parts.setdefault(own.main, taken)
    return pieces.cut(parts)[0]


def _taken(pieces: Pieces, own: Vertebra, other: Vertebra) -> IntArray:
    """The voxels of a piece nearer to the other vertebra that hang on that one more than on their own; often none.

    Processes reach past the disc too, but they grow out of their own vertebra and touch the other's at a joint.
    """
    box = pieces.box_of(own.main)
    wide = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
    numbers = pieces.numbers[wide]
    mine, theirs = numbers == own.main, numbers == other.main
    voxels = np.argwhere(mine)
    way = other.place_ras - own.place_ras
    offsets = pieces.grid.ras_from_ijk(voxels + [side.start for side in wide]) - own.place_ras
    beyond = np.zeros(mine.shape, np.bool_)
    beyond[tuple(voxels[offsets @ way > 0.5 * (way @ way)].T)] = True
    near = mine & ~beyond
    parts, count = ndimage.label(beyond, np.ones((3, 3, 3)))
    taken = [
        part
        for part in range(1, count + 1)
        if _shared_faces(parts == part, theirs) > max(_LEAST_FACES, _MORE * _shared_faces(parts == part, near))
    ]
    found: IntArray = np.argwhere(np.isin(parts, taken) & beyond) + [side.start for side in wide]
    return found


def _shared_faces(one: BoolArray, other: BoolArray) -> int:
    shared = 0
    for axis in range(3):
        a, b = np.moveaxis(one, axis, 0), np.moveaxis(other, axis, 0)
        shared += int((a[1:] & b[:-1]).sum() + (a[:-1] & b[1:]).sum())
    return shared


def _upper_half(pieces: Pieces, piece: int) -> IntArray:
    """The upper half of the piece's voxels: neighbouring vertebrae are about equally large."""
    voxels = pieces.voxels_of(piece)
    heights = pieces.grid.ras_from_ijk(voxels)[:, 2]
    return np.asarray(voxels[heights > np.median(heights)])
