"""The control of every anatomy arm: label maps with the same structures in the wrong places."""

from __future__ import annotations

import numpy as np

from PathologySegLib.learning.cases import Ids


def misplaced(ids: Ids, rng: np.random.Generator) -> Ids:
    """Another patient's label map, flipped along a drawn set of axes and moved around by a drawn distance.

    What is left is the look of a label map; where its structures lie says nothing of the patient.
    """
    axes = tuple(axis for axis in range(ids.ndim) if rng.random() < 0.5)
    steps = [int(rng.integers(size // 4, size - size // 4 + 1)) for size in ids.shape]
    return np.roll(np.flip(ids, axes), steps, range(ids.ndim))
