"""From a mask in one slice to a 3D segment: slice by slice, each with the mask before as its prompt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled, stop_if
from scipy import ndimage

from LIMISLib.planes import SliceView
from LIMISLib.prompt import Prompt, Window
from LIMISLib.prompt_segmenter import Mask, VolumeSegmenter
from LIMISLib.random_walk import RandomWalk

_MAD_TO_SIGMA = 1.4826
_SEEN_HU = (-150.0, 250.0)  # what moves is soft tissue and fat


@dataclass(frozen=True)
class Propagation:
    """How far a structure may change from slice to slice, and when it has ended.

    A slice is the last one where of the mask before less than `least_share` is left, or the two overlap by a Dice below
    `least_dice`; `reach_mm` is how far a border moves between two slices, `spreads` how far HU may lie from the mask's.

    A walk averages over about 1 / sqrt(trust) pixels. Among tissue of like HU that dissolves what is thinner within a
    few slices (the inferior vena cava beside the liver), so the trust in the mask before is at least 1 / radius^2. A
    vessel moves sideways and is lost to its neighbour, so the mask is first shifted by up to `farthest_px`, where that
    brings the difference of the two images around it below `likeness` of what it is without.
    """

    walk: RandomWalk = field(default_factory=RandomWalk)
    least_share: float = 0.35
    least_dice: float = 0.5
    smallest_mm2: float = 30.0
    reach_mm: float = 6.0
    spreads: float = 2.0
    least_spread_hu: float = 30.0
    smoothing_px: float = 0.5
    farthest_px: int = 1
    likeness: float = 0.7

    def middle_and_spread(
        self, pixels_hu: npt.NDArray[np.float32], mask: Mask, pixel_mm: tuple[float, float]
    ) -> tuple[float, float]:
        """The structure's HU, and how far its HU lie from that.

        At a sharp border a pixel is half the structure and half its surroundings; so that it is not lost at each step,
        HU up to the middle between the two are the structure's.
        """
        if not mask.any():
            return 0.0, self.least_spread_hu
        middle = float(np.median(pixels_hu[mask]))
        spread = _MAD_TO_SIGMA * float(np.median(np.abs(pixels_hu[mask] - middle)))
        outside_mm = ndimage.distance_transform_edt(~mask, sampling=pixel_mm)
        around = (outside_mm > self.reach_mm / 2) & (outside_mm <= 1.5 * self.reach_mm)
        contrast = abs(float(np.median(pixels_hu[around])) - middle) if around.any() else 0.0
        return middle, max(spread, self.least_spread_hu, contrast / 2 / self.spreads)

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
        inner_mm = ndimage.distance_transform_edt(old, sampling=pixel_mm)
        depth = inner_mm - ndimage.distance_transform_edt(~old, sampling=pixel_mm)
        smooth = ndimage.gaussian_filter(ndimage.median_filter(seen[inside].astype(np.float64), 3), self.smoothing_px)
        middle, spread = hu
        likely = np.exp(-(((smooth - middle) / (self.spreads * spread)) ** 2))
        near = 1.0 / (1.0 + np.exp(-(depth + self.reach_mm / 4) / (self.reach_mm / 4)))
        radius_px = max(1.0, float(inner_mm.max()) / float(np.mean(pixel_mm)))
        walk = replace(self.walk, trust=max(self.walk.trust, 1 / radius_px**2))
        found = np.zeros(before.shape, np.bool_)
        found[inside] = _largest_touching(walk.from_prior(smooth, near * likely) >= 0.5, old)
        area, shared = int(found.sum()), int((found & before).sum())
        too_small = area * pixel_mm[0] * pixel_mm[1] < self.smallest_mm2 or area < self.least_share * before.sum()
        if too_small or 2 * shared < self.least_dice * (area + before.sum()):
            return np.zeros_like(before)
        return found

    def followed(
        self,
        pixels_hu: npt.NDArray[np.float32],
        pixels_before_hu: npt.NDArray[np.float32],
        before: Mask,
        pixel_mm: tuple[float, float],
    ) -> Mask:
        """The mask before, shifted to where the neighbouring slice shows what it showed; as it is where nothing moved.

        >>> image = np.random.default_rng(0).normal(40, 30, (30, 30)).astype(np.float32)
        >>> mask = np.zeros((30, 30), np.bool_)
        >>> mask[10:20, 12:18] = True
        >>> moved = Propagation().followed(np.roll(image, (1, -1), (0, 1)), image, mask, (1.0, 1.0))
        >>> np.argwhere(moved)[0].tolist()
        [11, 11]
        """
        inside = _around(before, self.reach_mm, pixel_mm)
        around = ndimage.binary_dilation(before[inside], iterations=max(1, round(self.reach_mm / 2 / min(pixel_mm))))
        then, now = (
            ndimage.gaussian_filter(np.clip(pixels, *_SEEN_HU).astype(np.float64), 0.7)
            for pixels in (pixels_before_hu[inside], pixels_hu[inside])
        )
        steps = range(-self.farthest_px, self.farthest_px + 1)
        differences = {
            (down, across): float(np.mean((then - np.roll(now, (-down, -across), (0, 1)))[around] ** 2))
            for down in steps
            for across in steps
        }
        best = min(differences, key=lambda shift: (differences[shift], shift))
        moved = _shifted(before, best)
        return moved if moved.any() and differences[best] < self.likeness * differences[0, 0] else before


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
    hu = how.middle_and_spread(slices[slice_number - 1], mask, view.pixel_mm)
    for step in {"up": (1,), "down": (-1,), "both": (1, -1)}[direction]:
        before, index = mask, slice_number - 1 + step
        while before.any() and 0 <= index < len(slices):
            stop_if(cancelled)
            before = how.followed(slices[index], slices[index - step], before, view.pixel_mm)
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


def _shifted(mask: Mask, shift: tuple[int, int]) -> Mask:
    """The mask moved down and across; what leaves the slice is lost.

    >>> _shifted(np.array([[True, False], [False, True]]), (0, 1)).tolist()
    [[False, True], [False, False]]
    """
    return np.asarray(ndimage.shift(mask.astype(np.uint8), shift, order=0, mode="constant") > 0)


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
