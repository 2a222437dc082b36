"""From a mask in one slice to a 3D segment: slice by slice, each with the mask before as its prompt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled, stop_if
from scipy import ndimage

from LIMISLib.planes import SliceView
from LIMISLib.prompt import Prompt, Window
from LIMISLib.prompt_segmenter import Mask, VolumeSegmenter
from LIMISLib.random_walk import RandomWalk

_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Propagation:
    """How far a structure may change from slice to slice, and when it has ended.

    A slice is the last one where of the mask before less than `least_share` is left, or the two overlap by a Dice below
    `least_dice`; `reach_mm` is how far a border moves between two slices, `spreads` how far HU may lie from the mask's.
    """

    walk: RandomWalk = field(default_factory=RandomWalk)
    least_share: float = 0.35
    least_dice: float = 0.5
    smallest_mm2: float = 30.0
    reach_mm: float = 6.0
    spreads: float = 2.5
    least_spread_hu: float = 30.0

    def next_mask(
        self,
        pixels_hu: npt.NDArray[np.float32],
        before: Mask,
        hu: tuple[float, float],
        pixel_mm: tuple[float, float],
        window: Window | None,
    ) -> Mask:
        """The structure in the neighbouring slice; empty where it has ended. `hu` are its middle and spread."""
        seen = pixels_hu if window is None else np.clip(pixels_hu, window.low_hu, window.high_hu)
        inside = _around(before, self.reach_mm, pixel_mm)
        old = before[inside]
        depth = ndimage.distance_transform_edt(old, sampling=pixel_mm) - ndimage.distance_transform_edt(
            ~old, sampling=pixel_mm
        )
        smooth = ndimage.gaussian_filter(ndimage.median_filter(seen[inside].astype(np.float64), 3), 0.7)
        middle, spread = hu
        likely = np.exp(-(((smooth - middle) / (self.spreads * spread)) ** 2))
        near = 1.0 / (1.0 + np.exp(-(depth + self.reach_mm / 4) / (self.reach_mm / 4)))
        chances = self.walk.from_prior(smooth, near * likely)
        found = np.zeros(before.shape, np.bool_)
        found[inside] = _largest_touching(chances >= 0.5, old)
        area, shared = int(found.sum()), int((found & before).sum())
        too_small = area * pixel_mm[0] * pixel_mm[1] < self.smallest_mm2 or area < self.least_share * before.sum()
        if too_small or 2 * shared < self.least_dice * (area + before.sum()):
            return np.zeros_like(before)
        return found


def propagated(
    values_hu: npt.NDArray[np.float32],
    view: SliceView,
    mask: Mask,
    slice_number: int,
    *,
    direction: str = "both",
    window: Window | None = None,
    how: Propagation = Propagation(),
    cancelled: CancelCheck = never_cancelled,
) -> npt.NDArray[np.uint8]:
    """The mask in all slices, 1 in the structure, on the image's grid; up is towards higher slice numbers.

    Raises:
        Cancelled: The user stopped.
    """
    volume = np.zeros(view.grid.shape, np.uint8)
    slices, filled = view.turned(values_hu), view.turned(volume)
    filled[slice_number - 1] = mask
    inside = slices[slice_number - 1][mask]
    middle = float(np.median(inside)) if inside.size else 0.0
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(inside - middle))) if inside.size else 0.0
    hu = middle, max(spread, how.least_spread_hu)
    for step in {"up": (1,), "down": (-1,), "both": (1, -1)}[direction]:
        before, index = mask, slice_number - 1 + step
        while before.any() and 0 <= index < len(slices):
            stop_if(cancelled)
            before = how.next_mask(slices[index], before, hu, view.pixel_mm, window)
            filled[index] = before
            index += step
    return volume


def asked_for_all(
    segmenter: VolumeSegmenter,
    values_hu: npt.NDArray[np.float32],
    view: SliceView,
    mask: Mask,
    slice_number: int,
    prompt: Prompt,
    *,
    direction: str = "both",
) -> npt.NDArray[np.uint8]:
    """As `propagated`, but by a segmenter that sees the whole image; the mask of the prompt's own slice is kept."""
    volume = segmenter.volume(values_hu, view, slice_number, prompt)
    filled = view.turned(volume)
    filled[slice_number - 1] = mask
    if direction == "up":
        filled[: slice_number - 1] = 0
    if direction == "down":
        filled[slice_number:] = 0
    return volume


def _around(mask: Mask, margin_mm: float, pixel_mm: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns around the mask, with a margin, within the slice."""
    parts = []
    for axis, spacing in enumerate(pixel_mm):
        places = np.flatnonzero(mask.any(axis=1 - axis))
        margin = int(np.ceil(margin_mm / spacing)) + 1
        parts.append(slice(max(0, int(places[0]) - margin), min(mask.shape[axis], int(places[-1]) + 1 + margin)))
    return parts[0], parts[1]


def _largest_touching(mask: Mask, before: Mask) -> Mask:
    """The components that overlap the mask before, without small ones; holes are filled."""
    components, count = ndimage.label(mask)
    if not count:
        return mask
    shared = np.bincount(components[before], minlength=count + 1)[1:]
    keep = np.flatnonzero(shared >= 0.1 * max(1, shared.max())) + 1
    return np.asarray(ndimage.binary_fill_holes(np.isin(components, keep[shared[keep - 1] > 0])))
