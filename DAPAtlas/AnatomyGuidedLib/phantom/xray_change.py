"""What a finding did to a thorax: which voxels, in which host; and tools that all findings share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from AnatomyGuidedLib.grid import FloatArray
from AnatomyGuidedLib.phantom.shapes import Field
from AnatomyGuidedLib.phantom.xray_chest import Chest
from AnatomyGuidedLib.phantom.xray_projection import Box, Mask


@dataclass(frozen=True, eq=False)
class Change:
    """One instance: its voxels in a box of the thorax.

    A ray sees it where it runs `visible_mm` or more through it; narrower gaps than `closing_mm` belong to it.
    """

    category: str
    host: str
    box: Box
    where: Mask
    visible_mm: float = 2.0
    closing_mm: float = 0.0


def ramp(distance_mm: Field | FloatArray, soft_mm: float) -> Field:
    """1 where the distance is below 0, falling to 0 over so many mm around it.

    >>> ramp(np.array([-5.0, 0.0, 1.0, 5.0]), 4.0).tolist()
    [1.0, 0.5, 0.25, 0.0]
    """
    return np.asarray(np.clip(0.5 - distance_mm / soft_mm, 0.0, 1.0), dtype=np.float32)


def any_lobe(chest: Chest, rng: np.random.Generator) -> str:
    """A lobe that is there, each as likely as it is large."""
    lobes = [name for lung in chest.lungs for name in lung]
    sizes = np.array([float(chest.mask([name], chest.boxes[name]).sum()) for name in lobes])
    return lobes[int(rng.choice(len(lobes), p=sizes / sizes.sum()))]


def any_lung(chest: Chest, rng: np.random.Generator) -> tuple[str, ...]:
    """The lobes of the right or the left lung."""
    return chest.lungs[int(rng.integers(len(chest.lungs)))]


def middle_in(chest: Chest, name: str, away_mm: float, rng: np.random.Generator) -> FloatArray:
    """Voxel coordinates of a place in a structure: of 24 drawn, the one with most of it `away_mm` around."""
    box = chest.boxes[name]
    inside = chest.mask([name], box)
    voxels = np.argwhere(inside)
    drawn = voxels[rng.integers(len(voxels), size=24)]
    reach = max(1, round(away_mm / chest.spacing_mm))
    steps = reach * np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])
    around = drawn[:, None, :] + steps
    held = ((around >= 0) & (around < inside.shape)).all(axis=2)
    clipped = np.clip(around, 0, np.array(inside.shape) - 1)
    held &= inside[clipped[..., 0], clipped[..., 1], clipped[..., 2]]
    best = drawn[int(np.argmax(held.sum(axis=1)))]
    return np.asarray(best + [side.start for side in box] + rng.uniform(-0.5, 0.5, 3))


def host_of(chest: Chest, lobes: tuple[str, ...], box: Box, where: Mask) -> str:
    """The lobe that holds most of a finding; the first where none does."""
    counts = [int((chest.mask([name], box) & where).sum()) for name in lobes]
    return lobes[int(np.argmax(counts))]
