"""Where the patient is: the body without table, clothes and blankets, lungs and bowel gas filled in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.errors import AnatomyGuidedError
from scipy import ndimage

from DAPAtlasLib.coarse import Coarse, Mask, disk, filled_in_plane, opened, within

AIR_BELOW_HU = -300.0
MUSCLE_HU = (-29.0, 150.0)  # Aubrey et al. 2014, doi 10.1111/apha.12224
CROSS = ndimage.generate_binary_structure(3, 1)
_TABLE_THICKNESS_MM = 6.0
_LEAST_BODY_ML = 50.0
_LEAST_LIMB_SOFT_SHARE = 0.3


def coarse_body(coarse: Coarse) -> Mask:
    """The patient on the coarse copy.

    Raises:
        AnatomyGuidedError: No body of at least 50 ml is in the image.
    """
    dense = coarse.values > AIR_BELOW_HU
    thick = disk(_TABLE_THICKNESS_MM, coarse.spacing_mm)
    parts = connected_components(opened(dense, thick))
    kept = _patient_parts(coarse, parts)
    body = ndimage.binary_dilation(kept, thick, mask=dense) if kept.any() else kept
    return filled_in_plane(body)


def fine_body(values: npt.NDArray[np.float32], coarse: Coarse, body: Mask) -> Mask:
    """The coarse body on the CT's own voxels: its inside, and of its border what is no air."""
    if coarse.factors == (1, 1, 1):
        return body
    sure = coarse.spread(ndimage.binary_erosion(body, CROSS, border_value=1))
    near = coarse.spread(ndimage.binary_dilation(body, CROSS))
    return sure | (near & (values > AIR_BELOW_HU))


def _patient_parts(coarse: Coarse, parts: npt.NDArray[Any]) -> Mask:
    """The part with most soft tissue, and others (arms, legs) that are mostly soft tissue."""
    counts = np.bincount(parts.ravel())
    soft = np.bincount(parts.ravel(), weights=within(coarse.values, MUSCLE_HU).ravel(), minlength=len(counts))
    counts[0] = soft[0] = 0
    kept = (soft >= _LEAST_LIMB_SOFT_SHARE * counts) & (coarse.ml(1) * counts >= _LEAST_BODY_ML)
    kept[int(np.argmax(soft))] = True
    kept[0] = False
    if coarse.ml(float(counts[kept].sum())) < _LEAST_BODY_ML:
        raise AnatomyGuidedError(
            f"No body was found in the CT: no connected tissue above {AIR_BELOW_HU:g} HU of at least "
            f"{_LEAST_BODY_ML:g} ml; check that the image is a CT in HU."
        )
    return np.asarray(kept[parts])
