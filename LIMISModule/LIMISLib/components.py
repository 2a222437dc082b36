"""The connected components of a mask, numbered by size, the largest first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from scipy import ndimage

from LIMISLib.prompt_segmenter import Mask


def numbered(mask: Mask) -> tuple[npt.NDArray[np.intp], int]:
    """Component numbers by pixel (0 outside the mask), and how many there are; of equal sizes the upper left is first.

    >>> numbered(np.array([[True, False, True, True]]))[0].tolist()
    [[2, 0, 1, 1]]
    """
    found, count = ndimage.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
    ranks = np.zeros(count + 1, np.intp)
    ranks[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
    return ranks[found], count


def component(mask: Mask, number: int) -> Mask:
    """The pixels of a component.

    Raises:
        AnatomyGuidedError: The mask has no component of that number, or it is the only one.
    """
    found, count = numbered(mask)
    if count < 2:
        raise AnatomyGuidedError("The mask has only one component, so none can be removed.")
    if number > count:
        raise AnatomyGuidedError(f"The mask has components 1 to {count}, but component {number} was named.")
    return np.asarray(found == number)
