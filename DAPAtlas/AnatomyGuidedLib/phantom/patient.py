"""The made patient's images: labels, CT in HU, PET in SUV, and lesions, all on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.phantom.anatomy import make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import make_lesions
from AnatomyGuidedLib.phantom.pet import make_pet

_LESIONS_STREAM, _CT_STREAM, _PET_STREAM = 1, 3, 4


@dataclass(frozen=True)
class Patient:
    """One patient on one grid: HU, SUV, DAP ids, one number a lesion; and how it was made."""

    ct: Volume
    pet: Volume
    anatomy: Labelmap
    lesions: Labelmap
    description: dict[str, object]


def make_patient(
    *, spacing_mm: float = 4.0, sex: str = "F", seed: int = 0, lesions: int = 4, variants: bool = False
) -> Patient:
    """The patient of a seed: the same arguments give the same voxels.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, the sex not F or M, or lesions are below 0.
    """
    if lesions < 0:
        raise AnatomyGuidedError(f"Lesions must be 0 or more, but came as {lesions}.")
    body = make_body(spacing_mm=spacing_mm, sex=sex, seed=seed, variants=variants)
    found = make_lesions(body, count=lesions, rng=np.random.default_rng([seed, _LESIONS_STREAM]))
    ct = make_ct(body, found, rng=np.random.default_rng([seed, _CT_STREAM]))
    pet = make_pet(body, found, rng=np.random.default_rng([seed, _PET_STREAM]))
    description: dict[str, object] = {
        "format": "anatomyguided-phantom-case",
        "version": 1,
        "kind": "made by rules from a seed; no real patient",
        "seed": seed,
        "sex": sex,
        "spacing_mm": spacing_mm,
        **body.description(),
        "lesions": len(found.each),
    }
    return Patient(
        Volume(*body.stored(ct), "HU"),
        Volume(*body.stored(pet), "SUV"),
        Labelmap(*body.stored(body.labels)),
        Labelmap(*body.stored(found.numbers)),
        description,
    )
