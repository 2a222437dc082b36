"""Which made patients have a sarcoma of soft tissue beside their other lesions, and how much of them is imaged."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.phantom import Body
from AnatomyGuidedLib.phantom.lesions import Lesions
from AnatomyGuidedLib.phantom.sarcomas import Sarcoma, SarcomaSettings, make_sarcoma
from AnatomyGuidedLib.study_options import require_positive

Box = tuple[tuple[int, int, int], tuple[int, int, int]]


@dataclass(frozen=True)
class SarcomaPatients:
    """The share of patients with a sarcoma; of their images `narrow` show the tumour and its surroundings alone.

    Such an image measures so many `field_mm` along each axis, drawn one by one.

    Raises:
        UsageError: A value is none that patients can be made with.
    """

    share: float = 0.0
    narrow: float = 0.5
    field_mm: tuple[float, float] = (160.0, 320.0)
    tumour: SarcomaSettings = field(default_factory=SarcomaSettings)

    def __post_init__(self) -> None:
        require_positive(self, "field_mm")
        for name in ("share", "narrow"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"The setting {name} must be 0 to 1, but is {getattr(self, name):g}.")
        if self.field_mm[0] > self.field_mm[-1]:
            raise UsageError(f"The setting field_mm must be a range upwards, but is {self.field_mm!r}.")


def drawn_sarcoma(
    body: Body, lesions: Lesions, patients: SarcomaPatients, rng: np.random.Generator
) -> Sarcoma | None:  # fmt: skip
    """This patient's sarcoma, if it has one."""
    return make_sarcoma(body, lesions, patients.tumour, rng=rng) if rng.random() < patients.share else None


def narrow_box(
    body: Body, sarcoma: Sarcoma | None, patients: SarcomaPatients, rng: np.random.Generator
) -> Box | None:  # fmt: skip
    """First voxel and shape of an image that shows the tumour wholly and little else; None where all is shown."""
    if sarcoma is None or rng.random() >= patients.narrow:
        return None
    low, high = _extent(sarcoma)
    sides = np.ceil(rng.uniform(*patients.field_mm, 3) / body.spacing_mm).astype(int)
    sides = np.minimum(np.maximum(sides, high - low), np.maximum(body.labels.shape, high - low))
    first = np.clip(rng.integers(high - sides, low + 1), 0, np.array(body.labels.shape) - sides)
    (i, j, k), (width, depth, height) = first.tolist(), sides.tolist()
    return (i, j, k), (width, depth, height)


def _extent(sarcoma: Sarcoma) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last voxel but one of the tumour along each axis."""
    places = np.argwhere(sarcoma.voxels) + [side.start for side in sarcoma.box]
    return places.min(axis=0), places.max(axis=0) + 1
