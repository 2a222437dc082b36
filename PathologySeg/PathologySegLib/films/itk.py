"""Pixels as SimpleITK reads them, on the grid that Slicer gives them too, since it reads by the same library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid


@dataclass(frozen=True, eq=False)
class Stored:
    """Values [i, j, k], with colours a further axis; how many axes the file has (a picture has 2) and their grid."""

    values: npt.NDArray[Any]
    grid: Grid
    axes: int
    channels: int


def read_stored(path: Path) -> Stored:
    """The file's pixels in their own type; columns of a picture run to the left (i), rows to the back (j).

    Raises:
        AnatomyGuidedError: It is damaged, or has more than three axes.
    """
    import SimpleITK

    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise AnatomyGuidedError(
            f"{path.name} cannot be read: it is damaged, truncated or of another format."
        ) from error
    axes, channels = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if axes > 3:
        raise AnatomyGuidedError(f"{path.name} has {axes} axes, but a chest film was expected.")
    values = SimpleITK.GetArrayFromImage(image)  # [k, j, i], colours last
    values = values.transpose(*reversed(range(axes)), *range(axes, values.ndim))
    return Stored(values if axes == 3 else np.expand_dims(values, 2), _grid(image, axes), axes, channels)


def _grid(image: Any, axes: int) -> Grid:
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(axes, axes)
    affine[:axes, :axes] = directions * np.array(image.GetSpacing())
    affine[:axes, 3] = image.GetOrigin()
    size = (*image.GetSize(), 1)[:3]
    return Grid((size[0], size[1], size[2]), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine + 0.0)
