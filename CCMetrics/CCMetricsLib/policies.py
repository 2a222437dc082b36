"""What a metric is worth where it compares with nothing; the caller chooses, and every report says what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from CCMetricsLib.components import Spacing
from CCMetricsLib.surfaces import surface_axes

Worst = Literal["thesis", "clamped"]

NO_VOXELS = "neither the reference nor the prediction has a voxel here"
NO_REFERENCE = "the reference has no voxel here"
NO_PREDICTION = "the prediction has no voxel here"
NO_COMPONENTS = "the reference has no lesion"

THESIS_WORST_MM = 50.0


@dataclass(frozen=True)
class EmptyPolicy:
    """The scores where one side or both are empty; `None` is undefined.

    both_empty, no_reference, no_prediction: of the whole image, for metrics from 0 to 1.
    empty_region: the same where nothing is predicted in a lesion's region.
    worst: the distance where there is a reference and nothing predicted. "thesis" sets 50 mm (thesis, 5.1.5.2), which
        a voxel far away exceeds; "clamped" sets the image's diagonal and ends every distance there, so that nothing is
        worse than a lesion without any prediction.
    worst_mm: another value than the 50 mm or the diagonal.

    Raises:
        ValueError: `worst` is neither, or `worst_mm` is no finite number above 0.
    """

    both_empty: float | None = None
    no_reference: float | None = None
    no_prediction: float | None = 0.0
    empty_region: float | None = 0.0
    worst: Worst = "thesis"
    worst_mm: float | None = None

    def __post_init__(self) -> None:
        if self.worst not in get_args(Worst):
            raise ValueError(f"The option worst must be thesis or clamped, but is {self.worst!r}.")
        if self.worst_mm is not None and not (np.isfinite(self.worst_mm) and self.worst_mm > 0):
            raise ValueError(f"The worst distance must be a number of mm above 0, but is {self.worst_mm}.")


def worst_distance_mm(policy: EmptyPolicy, shape: tuple[int, int, int], spacing: Spacing) -> float:
    """The distance that stands for "not found" in an image.

    In an image of one slice the axis across it is no distance.

    >>> worst_distance_mm(EmptyPolicy(worst="clamped"), (3, 4, 2), (1.0, 1.0, 6.0))
    13.0
    >>> worst_distance_mm(EmptyPolicy(worst="clamped"), (3, 4, 1), (1.0, 1.0, 6.0))
    5.0
    """
    if policy.worst_mm is not None:
        return policy.worst_mm
    if policy.worst == "thesis":
        return THESIS_WORST_MM
    axes = list(surface_axes(shape))
    return float(np.linalg.norm(np.multiply(shape, spacing)[axes]))
