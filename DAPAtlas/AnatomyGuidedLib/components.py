"""Connected components: the one place that knows the library's quirks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def connected_components(mask: npt.NDArray[np.bool_], *, connectivity: int = 26) -> npt.NDArray[np.int32]:
    """The mask's components numbered from 1, 0 outside; an empty mask gives zeros.

    >>> connected_components(np.array([True, False, True]).reshape(3, 1, 1))[:, 0, 0].tolist()
    [1, 0, 2]
    """
    import cc3d

    bits = np.ascontiguousarray(mask).view(np.uint8)  # cc3d 4.1 fails on boolean lines of voxels, and is slower on bool
    return np.asarray(cc3d.connected_components(bits, connectivity=connectivity, out_dtype=np.uint32)).astype(np.int32)


def without_dust(labels: npt.NDArray[np.uint8], *, least_voxels: int) -> npt.NDArray[np.uint8]:
    """The label map with every connected patch (by faces) of fewer than `least_voxels` of one label set to 0.

    >>> without_dust(np.array([1, 0, 2, 2, 0], dtype=np.uint8).reshape(5, 1, 1), least_voxels=2)[:, 0, 0].tolist()
    [0, 0, 2, 2, 0]
    """
    import cc3d

    return np.asarray(cc3d.dust(np.ascontiguousarray(labels), threshold=least_voxels, connectivity=6), dtype=np.uint8)
