"""What is one thing in the body stays one thing between the voxels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.components import stray_components
from AnatomyGuidedLib.labels import ids_where


def without_strays(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The label map in which every structure that occurs once has one component.

    Crumbs that a neighbour has cut off take the label that most of their border has. What reaches the first or last
    slice along S is no crumb: the field of view has cut it, as it cuts a rib in two.
    """
    wanted = np.zeros(256, dtype=np.bool_)
    wanted[list(ids_where(lambda label: label.once))] = True
    tidied = labels.copy()
    top = labels.shape[2]
    for box, crumb in stray_components(labels, wanted):
        if box[2].start == 0 or box[2].stop == top:
            continue
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        padding = [
            (side.start - wide.start, min(wide.stop, size) - side.stop)
            for side, wide, size in zip(box, around, labels.shape, strict=True)
        ]
        mask = np.pad(crumb, padding)
        border = ndimage.binary_dilation(mask, np.ones((3, 3, 3), dtype=np.bool_)) & ~mask
        found = np.bincount(labels[around][border], minlength=256)
        tidied[around][mask] = int(np.argmax(found))
    return tidied
