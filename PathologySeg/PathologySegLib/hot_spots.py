"""Hot spots that each grow to a share of their own maximum, the hottest first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled, stop_if
from scipy import ndimage

SHARE_OF_MAXIMUM = 0.41

Slices = tuple[slice, ...]

_FIRST_REACH_VOXELS = 8


def hot_spots(
    values: npt.NDArray[np.float32],
    *,
    least_maximum: float,
    share: float = SHARE_OF_MAXIMUM,
    cancelled: CancelCheck = never_cancelled,
) -> npt.NDArray[np.int32]:
    """Numbered hot spots of an [i, j, k] image, 1 the hottest; 0 elsewhere, all 0 where nothing is hot enough.

    A hot spot starts at a local maximum (26-connected) of at least `least_maximum` that no hotter spot has taken, and
    holds the voxels from `share` of that maximum on that connect to it. A voxel that connects to several belongs to
    the hottest.

    >>> line = np.array([1, 10, 5, 1, 6, 3, 2], dtype=np.float32).reshape(-1, 1, 1)
    >>> hot_spots(line, least_maximum=4.0)[:, 0, 0].tolist()
    [0, 1, 1, 0, 2, 2, 0]
    """
    spots = np.zeros(values.shape, dtype=np.int32)
    peaks: list[float] = []
    for box, inside in _islands(values, share * least_maximum):
        local = np.where(inside, values[box], -np.inf)
        for peak, inner, region in _grown(local, least_maximum, share):
            stop_if(cancelled)
            peaks.append(peak)
            view = spots[box][inner]
            view[region & (view == 0)] = len(peaks)
    return _hottest_first(spots, peaks)


def _islands(values: npt.NDArray[np.float32], floor: float) -> Iterator[tuple[Slices, npt.NDArray[np.bool_]]]:
    """Boxes around what connects at the lowest level that a hot spot can reach: spots never leave their island."""
    islands = connected_components(values >= floor)
    for number, box in enumerate(ndimage.find_objects(islands), start=1):
        yield box, islands[box] == number


def _grown(
    values: npt.NDArray[np.float32], least_maximum: float, share: float
) -> Iterator[tuple[float, Slices, npt.NDArray[np.bool_]]]:
    """Each hot spot's maximum, and its region in a box around it."""
    taken = np.zeros(values.shape, dtype=bool)
    for position in _local_maxima(values, least_maximum):
        if taken[position]:
            continue
        peak = float(values[position])
        box, region = _connected(values, position, np.float32(share) * values[position])
        taken[box] |= region
        yield peak, box, region


def _connected(
    values: npt.NDArray[np.float32], start: tuple[int, int, int], level: np.float32
) -> tuple[Slices, npt.NDArray[np.bool_]]:
    """What connects to the start from the level on, in a box that grows until the region lies inside it."""
    reach = _FIRST_REACH_VOXELS
    while True:
        box = tuple(slice(max(at - reach, 0), at + reach + 1) for at in start)
        inner = tuple(at - side.start for at, side in zip(start, box, strict=True))
        numbers = connected_components(values[box] >= level)
        region = numbers == numbers[inner]
        if not _reaches_a_cut(region, box, values.shape):
            return box, region
        reach *= 2


def _reaches_a_cut(region: npt.NDArray[np.bool_], box: Slices, shape: tuple[int, ...]) -> bool:
    """Whether the region touches a side of the box where the image goes on."""
    for axis, (side, length) in enumerate(zip(box, shape, strict=True)):
        faces = np.moveaxis(region, axis, 0)
        if (side.start > 0 and faces[0].any()) or (side.stop < length and faces[-1].any()):
            return True
    return False


def _local_maxima(values: npt.NDArray[np.float32], least: float) -> list[tuple[int, int, int]]:
    """Positions of local maxima, the hottest first, equal ones in the order of their voxels."""
    highest_near = ndimage.maximum_filter(values, size=3, mode="constant", cval=-np.inf)
    positions = np.argwhere((values == highest_near) & (values >= least))
    order = np.argsort(-values[tuple(positions.T)], kind="stable")
    return [(int(i), int(j), int(k)) for i, j, k in positions[order]]


def _hottest_first(spots: npt.NDArray[np.int32], peaks: list[float]) -> npt.NDArray[np.int32]:
    table = np.zeros(len(peaks) + 1, dtype=np.int32)
    table[1 + np.argsort(-np.array(peaks), kind="stable")] = np.arange(1, len(peaks) + 1)
    return np.asarray(table[spots])
