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


def stray_components(
    labels: npt.NDArray[np.uint8], wanted: npt.NDArray[np.bool_]
) -> list[tuple[tuple[slice, ...], npt.NDArray[np.bool_]]]:
    """Every 26-connected component of a wanted label but the label's largest: its box and its mask there.

    `wanted` says for each of the 256 labels whether it is looked at; of equally large components the first stays.

    >>> line = np.array([7, 7, 0, 7, 0, 5], dtype=np.uint8).reshape(6, 1, 1)
    >>> [(box[0].start, mask.ravel().tolist()) for box, mask in stray_components(line, np.ones(256, dtype=np.bool_))]
    [(3, [True])]
    """
    import cc3d

    pieces = cc3d.connected_components(np.array(labels, order="C"), connectivity=26, out_dtype=np.uint32)
    statistics = cc3d.statistics(pieces, no_slice_conversion=False)
    sizes, boxes = statistics["voxel_counts"], statistics["bounding_boxes"]
    largest: dict[int, int] = {}
    owners = {}
    for piece in range(1, len(sizes)):
        box = boxes[piece]
        inside = pieces[box] == piece
        owner = int(labels[box][inside][0])
        if wanted[owner]:
            owners[piece] = owner
            if sizes[piece] > sizes[largest.get(owner, 0)] or owner not in largest:
                largest[owner] = piece
    return [(boxes[p], np.asarray(pieces[boxes[p]] == p)) for p, owner in owners.items() if largest[owner] != p]
