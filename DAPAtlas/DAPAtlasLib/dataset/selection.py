"""Which CTs a data set takes (thesis, 3.1.1): slices of one thickness, from the head to below the hips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import id_of, label_by_id
from scipy import ndimage

from DAPAtlasLib.dataset.settings import Selection

_HEAD = ("Brain", "Skull")
_HIPS = ("Hip Left", "Hip Right")
_ROUNDED_TO_MM = 2


def slice_thickness_mm(grid: Grid) -> float:
    """Distance between neighbouring slices along the axis that is closest to superior-inferior."""
    return round(grid.spacing_mm[_axis(grid)], _ROUNDED_TO_MM)


def commonest_mm(thicknesses_mm: Sequence[float]) -> float:
    """The thickness that most have; of equally common ones the smallest.

    >>> commonest_mm([5.0, 3.0, 3.0])
    3.0
    """
    counts = Counter(thicknesses_mm)
    return min(counts, key=lambda thickness: (-counts[thickness], thickness))


def why_not_thickness(thickness_mm: float, wanted_mm: float, selection: Selection) -> str:
    """Why a CT's slices do not fit the data set, or nothing."""
    if abs(thickness_mm - wanted_mm) <= selection.tolerance_mm + 1e-9:
        return ""
    return f"Its slices are {thickness_mm:g} mm apart, those of the data set {wanted_mm:g} mm."


def why_not_whole_body(labelmap: Labelmap, known: Collection[int], selection: Selection) -> str:
    """Why a CT does not show the body from the head to below the hips, or nothing; `known` are the experts' labels."""
    head = next((name for name in _HEAD if id_of(name) in known), None)
    unknown = [name for name in _HIPS if id_of(name) not in known]
    if head is None or unknown:
        missing = "the brain or the skull" if head is None else label_by_id(id_of(unknown[0])).display_name
        return f"Not evaluable whether it shows the whole body: no expert names {missing}."
    above, _ = _room_mm(labelmap, head)
    if above is None:
        return f"The head is not in view: no voxel is {head}."
    if above <= 0:
        return f"The head is cut off: {head} reaches the image's upper edge."
    for hip in _HIPS:
        _, below = _room_mm(labelmap, hip)
        if below is None:
            return f"The hips are not in view: no voxel is {hip}."
        if below < selection.below_hips_mm:
            return f"It ends {below:.0f} mm below {hip}; {selection.below_hips_mm:g} mm were expected."
    return ""


def _room_mm(labelmap: Labelmap, name: str) -> tuple[float | None, float | None]:
    """How far the image goes on above and below a structure; None where it is absent."""
    label, axis = id_of(name), _axis(labelmap.grid)
    boxes = ndimage.find_objects((labelmap.values == label).astype(np.uint8))
    if not boxes or boxes[0] is None:
        return None, None
    side, spacing = boxes[0][axis], labelmap.grid.spacing_mm[axis]
    before, after = side.start * spacing, (labelmap.grid.shape[axis] - side.stop) * spacing
    return (after, before) if labelmap.grid.axis_codes[axis] == "S" else (before, after)


def _axis(grid: Grid) -> int:
    return next(axis for axis, code in enumerate(grid.axis_codes) if code in "SI")
