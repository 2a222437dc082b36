"""Pieces that lose their label take one from around them: most of their border's, or, with a CT, what their HU fits.

A label map alone cannot say what lies under a piece that several structures surround. With the CT each voxel takes the
label around the piece that is most likely by HU (the structures' own, close by), by its share of the border, and by its
distance; the piece takes one label where several would explain little more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray, Volume
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of
from scipy import ndimage

from DAPAtlasLib.rules.contacts import IntArray
from DAPAtlasLib.rules.pieces import Pieces

_NEAR_MM = 12.0  # around a piece: there the HU of the structures around it are measured
_FAR_MM = 10.0  # one more of it makes a label as much less likely as 1.4 standard deviations of HU do
_LEAST_SHARE = 0.03  # of the border
_LEAST_SD_HU = 15.0
_SHARE_APART = 0.01  # of what is near without sharing a border: the piece may cover all of a thin structure here
_PER_BORDER = 2.0  # what a face between two labels in a piece must explain


def dissolved(pieces: Pieces, bodies: Iterable[IntArray], ct: Volume | None) -> tuple[Pieces, dict[int, int]]:
    """The pieces, cut where the CT tells several labels apart, and the label that each part of the bodies takes.

    Without a CT a body takes the label that most of its border has, or Unknown Tissue where none has most.
    """
    gone = [np.asarray(body) for body in bodies]
    if ct is None:
        return pieces, {piece: pieces.surroundings(body) for body in gone for piece in body.tolist()}
    every = np.concatenate([*gone, np.zeros(0, int)]).astype(int)
    changes: dict[int, int] = {}
    parts: list[IntArray] = []
    targets: list[int] = []
    for body in gone:
        shares = _shares(pieces, body, every)
        if not shares:
            changes |= dict.fromkeys(body.tolist(), id_of(UNKNOWN_TISSUE))
            continue
        for piece in body.tolist():
            for target, voxels in _by_hu(pieces, piece, shares, every, ct):
                parts.append(voxels)
                targets.append(target)
    cut, numbers = pieces.split(parts)
    return cut, changes | dict(zip(numbers, targets, strict=True))


def _shares(pieces: Pieces, body: IntArray, gone: IntArray) -> dict[int, float]:
    """The share of the body's border that each label has, without those that dissolve too and the background."""
    faces = pieces.faces_towards(body).astype(float)
    faces[[0, *np.unique(pieces.labels[gone]).tolist()]] = 0
    total = max(faces.sum(), 1.0)
    return {int(label): faces[label] / total for label in np.flatnonzero(faces >= _LEAST_SHARE * total) if faces[label]}


def _by_hu(
    pieces: Pieces, piece: int, shares: dict[int, float], gone: IntArray, ct: Volume
) -> Iterator[tuple[int, IntArray]]:
    """The piece's voxels by the likeliest label around it."""
    spacing = np.array(pieces.grid.spacing_mm)
    reach = np.ceil(_NEAR_MM / spacing).astype(int)
    box = tuple(
        slice(max(side.start - more, 0), min(side.stop + more, size))
        for side, more, size in zip(pieces.box_of(piece), reach.tolist(), pieces.grid.shape, strict=True)
    )
    numbers, hu = pieces.numbers[box], ct.values[box]
    own = numbers == piece
    labels = np.where(np.isin(numbers, gone), 0, pieces.labels[numbers])
    near = {int(label): shares.get(int(label), _SHARE_APART) for label in np.unique(labels) if label}
    smooth = _smoothed(hu, own)
    costs = np.array([_cost(labels == label, hu, smooth, own, share, spacing) for label, share in near.items()])
    chosen = np.array([*near])[_labels_of(costs, own)]
    voxels = np.argwhere(own) + np.array([side.start for side in box])
    for target in np.unique(chosen).tolist():
        yield target, voxels[chosen == target]


def _labels_of(costs: FloatArray, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The likeliest label of each voxel, or one for all where borders within the piece explain no more than that."""
    each = costs.argmin(axis=0)
    best = int(costs.sum(axis=1).argmin())
    image = np.full(own.shape, -1)
    image[own] = each
    borders = 0
    for axis in range(3):
        along = np.moveaxis(image, axis, 0)
        borders += int(((along[1:] != along[:-1]) & (along[1:] >= 0) & (along[:-1] >= 0)).sum())
    gain = float(costs[best].sum() - costs.min(axis=0).sum())
    return each if gain > _PER_BORDER * borders else np.full(each.size, best)


def _smoothed(hu: npt.NDArray[Any], own: npt.NDArray[np.bool_]) -> FloatArray:
    """The piece's HU, each the mean of it and its neighbours in the piece."""
    sums = ndimage.uniform_filter(np.where(own, hu, 0.0).astype(np.float64), 3, mode="constant")
    counts = ndimage.uniform_filter(own.astype(np.float64), 3, mode="constant")
    return np.asarray(sums[own] / counts[own])


def _cost(
    mask: npt.NDArray[np.bool_],
    hu: npt.NDArray[Any],
    smooth: FloatArray,
    own: npt.NDArray[np.bool_],
    share: float,
    spacing: FloatArray,
) -> FloatArray:
    """How unlikely a label is at each voxel of the piece."""
    if not mask.any():
        return np.full(smooth.size, np.inf)
    around = hu[mask]
    mean, sd = float(np.median(around)), max(float(np.percentile(np.abs(around - np.median(around)), 68)), _LEAST_SD_HU)
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)[own]
    return np.asarray(((smooth - mean) / sd) ** 2 / 2 + np.log(sd) - np.log(share) + away / _FAR_MM)
