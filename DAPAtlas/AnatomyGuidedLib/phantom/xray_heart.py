"""The heart's width on a film, by its ratio to the thorax's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.xray_chest import HEART, LOBES, Chest, boxes_of
from AnatomyGuidedLib.phantom.xray_projection import Box, Mask

_YIELDING = (*LOBES, *HEART, "Mediastinal Tissue", "Fat", "Thymus")
_ALONG_A, _ALONG_S = 0.3, 0.35  # a heart that grows across grows so much of that forwards and upwards
_REACH_MM = 60.0
_SAG_MM = 30.0


def heart_ratio(chest: Chest) -> float:
    """The heart's greatest width over the lungs' (the cardiothoracic ratio)."""
    boxes = boxes_of(chest.labels)
    heart = [boxes[name][0] for name in HEART if name in boxes]
    lungs = [boxes[name][0] for name in LOBES if name in boxes]
    return _width(heart) / _width(lungs)


def fit_heart(chest: Chest, ratio: float, *, rests: bool = False) -> Box:
    """Where to look for the heart, which is now as wide as the ratio says: stretched about spine and diaphragm.

    A heart that grows takes room from lungs and fat, and `rests` on the diaphragm; one that shrinks leaves it to them.
    It shrinks across only: when a patient stands up, the heart hangs.
    """
    across = ratio / heart_ratio(chest)
    more = max(across - 1.0, 0.0)
    box = chest.box_of(HEART, more_mm=_REACH_MM)
    heart = chest.mask(HEART, box)
    sources = _sources(chest, box, (across, 1.0 + _ALONG_A * more, 1.0 + _ALONG_S * more))
    comes = heart[sources] & chest.mask(_YIELDING, box)
    labels, hu = chest.labels[box], chest.hu[box]
    new_labels, new_hu = labels[sources], hu[sources]
    _leave(chest, box, heart & ~comes)
    labels[comes], hu[comes] = new_labels[comes], new_hu[comes]
    if rests:
        _rest(chest, box)
    return box


def _width(sides: list[slice]) -> float:
    return float(max(side.stop for side in sides) - min(side.start for side in sides))


def _sources(
    chest: Chest, box: Box, factors: tuple[float, float, float]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where in the box its stretched voxels come from."""
    _, back, below = chest.box_of(HEART)
    anchors = (chest.spine_i, back.start, below.start)
    r, a, s = (
        np.clip(np.rint((np.arange(b.start, b.stop) - at) / factor + at).astype(np.intp), b.start, b.stop - 1) - b.start
        for b, at, factor in zip(box, anchors, factors, strict=True)
    )
    i, j, k = np.ix_(r, a, s)
    return i, j, k


def _leave(chest: Chest, box: Box, left: Mask) -> None:
    """Nothing; what the heart has left belongs to the nearest lung, or to the fat between the lungs."""
    if left.any():
        takers = chest.mask((*LOBES, "Mediastinal Tissue"), box)
        near = ndimage.distance_transform_edt(~takers, return_distances=False, return_indices=True)
        nearest = tuple(axis[left] for axis in near)
        labels, hu = chest.labels[box], chest.hu[box]
        labels[left], hu[left] = labels[nearest], hu[nearest]


def _rest(chest: Chest, box: Box) -> None:
    """Nothing; the lung under the heart is heart."""
    heart, lung = chest.mask(HEART, box), chest.mask(LOBES, box)
    above = np.cumsum(heart[:, :, ::-1], axis=2)[:, :, ::-1] > 0
    beneath = lung & above & ~np.cumsum(heart, axis=2).astype(np.bool_)
    beneath &= np.arange(lung.shape[2]) >= _lowest(heart, _SAG_MM / chest.spacing_mm)
    chest.labels[box][beneath] = id_of("Heart")
    chest.hu[box][beneath] = np.median(chest.hu[box][heart])


def _lowest(heart: Mask, sag: float) -> npt.NDArray[np.float64]:
    """How far down a resting heart may reach, [i, 1, 1]: it is round below, as it is aside."""
    columns = np.flatnonzero(heart.any(axis=(1, 2)))
    middle, half = (columns[0] + columns[-1]) / 2, max((columns[-1] - columns[0]) / 2, 1.0)
    aside = np.clip((np.arange(heart.shape[0]) - middle) / half, -1.0, 1.0)
    bottom, top = np.flatnonzero(heart.any(axis=(0, 1)))[[0, -1]]
    depth = (bottom + top) / 2 - (bottom - sag)
    lowest = (bottom + top) / 2 - depth * np.sqrt(1.0 - aside**2)
    return np.asarray(lowest[:, None, None])
