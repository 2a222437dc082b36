"""Bones that no expert names, read from HU once others have named what lies around them (thesis, 3.1.2, Figure 7).

Figure 7 counts seven labels as rule-based, by group: two muscles, two of the nervous system, one of the ribs' group,
one bone and one airway. They are read here as cheeks, eyeballs, sternum corpus, skull and nasal cavity. Cheeks,
eyeballs and nasal cavity come from confusions (`remap`), skull and sternum corpus from this file.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of, ids_where
from scipy import ndimage

from DAPAtlasLib.merge import levels
from DAPAtlasLib.opinions import Box, Opinion, box_around

Mask = npt.NDArray[np.bool_]

NAME = "derived"
_BONE_HU = (300.0, 3000.0)
_SPONGY_HU = (100.0, 3000.0)  # the sternum is mostly marrow
_LOWEST_ABOVE = ("Vertebra C5", "Vertebra C4", "Vertebra C3", "Vertebra C2", "Vertebra C1")
_CORPUS_MM = ((-25.0, 25.0), (-20.0, 60.0), (-125.0, 5.0))  # R, A, S from the manubrium's middle; S from its lower end
_LEAST_CORPUS_ML = 3.0


def derived(ct: Volume, named: Labelmap, known: frozenset[int]) -> Opinion:
    """Of skull and sternum corpus those that are not among the known ids; silent where the anchors are out of view."""
    values = np.zeros(ct.grid.shape, np.uint8)
    for name, find in _FOUND.items():
        if id_of(name) not in known and (found := find(ct, named)) is not None:
            box, mask = found
            values[box][mask] = id_of(name)
    present = frozenset(np.flatnonzero(np.bincount(values.ravel(), minlength=1)).tolist()) - {0}
    return Opinion(NAME, Labelmap(values, ct.grid), present)


def _skull(ct: Volume, named: Labelmap) -> tuple[Box, Mask] | None:
    """300 to 3000 HU above C5 without vertebrae: the largest piece and those in the box around it (jaw, hyoid)."""
    lowest = next((box for box in (box_around(named.values == id_of(name)) for name in _LOWEST_ABOVE) if box), None)
    if lowest is None:
        return None
    above = _heights(ct.grid, lowest).max()
    corners = ct.grid.ras_from_ijk(np.array(list(product(*((-1, size) for size in ct.grid.shape)))))
    box = _box_of(ct.grid, np.array([*corners.min(axis=0)[:2], above]), corners.max(axis=0))
    hu, labels = ct.values[box], named.values[box]
    vertebrae = np.isin(labels, ids_where(lambda label: label.group == "Vertebras"))
    bone = (hu >= _BONE_HU[0]) & (hu <= _BONE_HU[1]) & ~vertebrae & (labels > 0) & (_heights(ct.grid, box) > above)
    pieces = connected_components(bone)
    sizes = np.bincount(pieces.ravel())[1:]
    if not sizes.size:
        return None
    boxes = ndimage.find_objects(pieces)
    frame = boxes[int(np.argmax(sizes))]
    kept = [False, *(all(_middle_within(one, own) for one, own in zip(box, frame, strict=True)) for box in boxes)]
    return box, np.array(kept)[pieces]


def _sternum_corpus(ct: Volume, named: Labelmap) -> tuple[Box, Mask] | None:
    """Bone in the middle below the manubrium that no expert names: the largest piece, its marrow filled in."""
    manubrium = named.values == id_of("Sternum Manubrium")
    around = box_around(manubrium)
    if around is None:
        return None
    places = ct.grid.ras_from_ijk(np.argwhere(manubrium))
    origin = np.array([*places[:, :2].mean(axis=0), places[:, 2].min()])
    box = _box_of(ct.grid, origin + np.array(_CORPUS_MM)[:, 0], origin + np.array(_CORPUS_MM)[:, 1])
    hu, labels = ct.values[box], named.values[box]
    bone = (hu >= _SPONGY_HU[0]) & (hu <= _SPONGY_HU[1]) & (labels > 0) & (levels()[labels] <= 0)
    place = _places(ct.grid, box)
    for axis, (low, high) in enumerate(_CORPUS_MM):
        bone &= (place[axis] >= origin[axis] + low) & (place[axis] <= origin[axis] + high)
    pieces = connected_components(bone)
    sizes = np.bincount(pieces.ravel())[1:]
    if not sizes.size or sizes.max() * ct.grid.voxel_volume_ml < _LEAST_CORPUS_ML:
        return None
    filled = ndimage.binary_fill_holes(pieces == int(np.argmax(sizes)) + 1)
    return box, np.asarray(filled & (levels()[labels] <= 0))


_FOUND: dict[str, Callable[[Volume, Labelmap], tuple[Box, Mask] | None]] = {
    "Skull": _skull,
    "Sternum Corpus": _sternum_corpus,
}


def _middle_within(own: slice, frame: slice) -> bool:
    return bool(frame.start <= (own.start + own.stop) / 2 <= frame.stop)


def _places(grid: Grid, box: Box) -> list[npt.NDArray[np.float32]]:
    """R, A and S of a box's voxels."""
    i, j, k = np.ogrid[box]
    return [(i * row[0] + j * row[1] + k * row[2] + row[3]).astype(np.float32) for row in grid.affine[:3]]


def _heights(grid: Grid, box: Box) -> npt.NDArray[np.float32]:
    return _places(grid, box)[2]


def _box_of(grid: Grid, low: FloatArray, high: FloatArray) -> Box:
    """The voxels around a box in RAS mm."""
    ijk = grid.ijk_from_ras(np.array(list(product(*zip(low, high, strict=True)))))
    first = np.clip(np.floor(ijk.min(axis=0)).astype(int), 0, grid.shape)
    last = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + 1, 0, grid.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return i, j, k
