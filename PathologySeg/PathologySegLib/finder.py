"""What finds lesions by learning: a seam behind which stands a 3D network, slices through APEx, or a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

from PathologySegLib.lesion_table import Attention
from PathologySegLib.petct.inputs import PetCt


@dataclass(frozen=True, eq=False)
class Found:
    """Lesion voxels [i, j, k] on the study's grid, notes on how they were found, and what was attended to, if told.

    `attention` is asked with the numbered lesions and answers, by lesion, structures' names with their shares.
    """

    mask: npt.NDArray[np.bool_]
    notes: tuple[str, ...] = ()
    attention: Attention | None = None


class LesionFinder(Protocol):
    """A model that finds lesions; `onto` is the grid on which it wants a study, "pet" or "ct"."""

    @property
    def name(self) -> str: ...

    @property
    def needs_anatomy(self) -> bool: ...

    @property
    def tells_attention(self) -> bool: ...

    @property
    def onto(self) -> str: ...

    @property
    def facts(self) -> Mapping[str, object]:
        """What the report says of the model; "atlas" is the one that predicted the anatomy in its training."""
        ...

    def found(
        self,
        study: PetCt,
        *,
        device: str = "auto",
        progress: Progress = no_progress,
        cancelled: CancelCheck = never_cancelled,
    ) -> Found: ...
