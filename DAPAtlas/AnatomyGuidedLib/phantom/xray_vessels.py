"""The vessels that draw the lungs on a film: trees that leave the hilum and thin out towards the pleura."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.xray_chest import Chest
from AnatomyGuidedLib.phantom.xray_projection import Mask

_TWIGS, _TREES = 240, 2
_TWIG_RADIUS_MM = 0.75
_APART_MM = 9.0
_MURRAY = 2.45  # the exponent with which radii add up at a fork (Murray's law has 3)
_BACKTRACK = 0.55  # how dear a detour is beside a long new branch
_BLOOD_HU = 50.0
_FORKS_PER_MM = 1.0 / 14.0


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes (voxel coordinates), each with its parent's number and the radius of the branch that leads to it (mm)."""

    nodes: FloatArray
    parents: npt.NDArray[np.intp]
    radii_mm: FloatArray


def put_vessels(chest: Chest, lobes: Iterable[str], rng: np.random.Generator) -> None:
    """Nothing; one lung's HU hold the trees of its arteries and its veins."""
    box = chest.box_of(lobes, more_mm=12.0)
    lung = chest.mask(lobes, box)
    root = _hilum(chest.mask(["Bronchus"], box), lung)
    share = np.zeros(lung.shape, dtype=np.float32)
    for _ in range(_TREES):
        start = root + rng.uniform(-_APART_MM, _APART_MM, 3) / chest.spacing_mm
        _draw(share, grown(lung, start, chest.spacing_mm, rng), chest.spacing_mm)
    chest.blend(box, share * lung, _BLOOD_HU)


def grown(lung: Mask, root: FloatArray, spacing_mm: float, rng: np.random.Generator) -> Tree:
    """A tree from the root to places all over the lung, each joined where that makes the shortest way to the root."""
    voxels = np.argwhere(lung)
    ends = voxels[rng.choice(len(voxels), min(_TWIGS, len(voxels)), replace=False)] + rng.uniform(-0.5, 0.5, (1, 3))
    ends = ends[np.argsort(((ends - root) ** 2).sum(axis=1), kind="stable")]
    nodes, parents, ways = [root], [0], [0.0]
    for end in ends:
        known = np.array(nodes)
        away = np.sqrt(((known - end) ** 2).sum(axis=1))
        best = int(np.argmin(away + _BACKTRACK * np.array(ways)))
        pieces = max(1, round(float(away[best]) * spacing_mm * _FORKS_PER_MM))
        bend = rng.standard_normal(3) * 0.08 * away[best]
        for piece in range(1, pieces + 1):
            part = piece / pieces
            nodes.append(known[best] + (end - known[best]) * part + bend * 4 * part * (1 - part))
            parents.append(best if piece == 1 else len(nodes) - 2)
            ways.append(ways[parents[-1]] + float(away[best]) / pieces)
    return Tree(np.array(nodes), np.array(parents, dtype=np.intp), _radii(parents))


def _radii(parents: list[int]) -> FloatArray:
    """Each branch as thick as the twigs that it feeds need it."""
    fed = np.zeros(len(parents))
    forked = np.zeros(len(parents), dtype=np.bool_)
    forked[parents[1:]] = True
    fed[~forked] = 1.0
    for node in range(len(parents) - 1, 0, -1):
        fed[parents[node]] += fed[node]
    return np.asarray(_TWIG_RADIUS_MM * fed ** (1.0 / _MURRAY))


def _hilum(bronchi: Mask, lung: Mask) -> FloatArray:
    """Where the bronchi enter the lung: the mean of their voxels beside it; the lung's own where there are none."""
    places = np.argwhere(bronchi)
    return np.asarray((places if len(places) else np.argwhere(lung)).mean(axis=0))


def _draw(share: Field, tree: Tree, spacing_mm: float) -> None:
    """Nothing; voxels hold the part of them that the tree's branches fill."""
    for node in range(1, len(tree.nodes)):
        start, end = tree.nodes[tree.parents[node]], tree.nodes[node]
        radius = float(tree.radii_mm[node]) / spacing_mm
        seen = max(radius, 0.6)
        low = np.maximum(np.floor(np.minimum(start, end) - seen - 1).astype(int), 0)
        high = np.minimum(np.ceil(np.maximum(start, end) + seen + 1).astype(int) + 1, share.shape)
        if (high <= low).any():
            continue
        box = tuple(slice(b, h) for b, h in zip(low, high, strict=True))
        distance = _to_segment(low, high, start, end)
        filled = np.clip(seen - distance + 0.5, 0.0, 1.0) * (radius / seen) ** 2
        np.maximum(share[box], filled.astype(np.float32), out=share[box])


def _to_segment(low: FloatArray, high: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    along = end - start
    scale = 1.0 / max(float((along * along).sum()), 1e-6)
    offsets = [
        (np.arange(low[n], high[n]) - start[n]).reshape([-1 if m == n else 1 for m in range(3)]) for n in range(3)
    ]
    part = np.clip(sum(o * v for o, v in zip(offsets, along, strict=True)) * scale, 0.0, 1.0)
    return np.asarray(np.sqrt(sum((o - part * v) ** 2 for o, v in zip(offsets, along, strict=True))))
