"""The control of every anatomy arm: label maps with the same structures in the wrong places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from PathologySegLib.learning.cases import Ids
from PathologySegLib.learning.patches import padded_crop


def misplaced(ids: Ids, rng: np.random.Generator, shape: Sequence[int]) -> Ids:
    """Another patient's label map, flipped along a drawn set of axes and moved around by a drawn distance.

    What is left is the look of a label map; where its structures lie says nothing of the patient. A map of another
    shape than the patient's is cut off or filled up with background around its middle.
    """
    axes = tuple(axis for axis in range(ids.ndim) if rng.random() < 0.5)
    steps = [int(rng.integers(size // 4, size - size // 4 + 1)) for size in ids.shape]
    moved = np.roll(np.flip(ids, axes), steps, range(ids.ndim))
    return padded_crop(moved, [(own - size) // 2 for own, size in zip(ids.shape, shape, strict=True)], shape, 0)


def another(number: int, patients: Sequence[str], rng: np.random.Generator) -> int:
    """The number of a case of another patient than that of this number, as long as there is one."""
    other = (number + int(rng.integers(1, len(patients)))) % len(patients)
    while patients[other] == patients[number] and len(set(patients)) > 1:
        other = (other + 1) % len(patients)
    return other
