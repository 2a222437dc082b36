"""What counts how much when queries are matched and when they learn (thesis, 4.1.1.4; Mask2Former's values)."""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.study_options import require_positive


@dataclass(frozen=True)
class LossWeights:
    """What classes, pixels and the overlap of masks count; a query that found nothing counts `nothing`.

    `points` are drawn within each mask, mostly where it is uncertain, as Mask2Former does; 0 takes every pixel.
    """

    classes: float = 2.0
    mask: float = 5.0
    dice: float = 5.0
    nothing: float = 0.1
    points: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "classes", "mask", "dice", "nothing")
