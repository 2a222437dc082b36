"""From a prompt to a mask in one slice: the protocol, and seeded growth, which needs no weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.grid import FloatArray
from scipy import ndimage

from LIMISLib.box import Box
from LIMISLib.planes import SliceView
from LIMISLib.prompt import Prompt
from LIMISLib.segmenters.capabilities import Capabilities, require_understood

Mask = npt.NDArray[np.bool_]

_CAPABILITIES = Capabilities(clicks=False, probabilities=False)
_BIN_HU = 10.0
_MAD_TO_SIGMA = 1.4826  # standard deviations in a median absolute deviation, for a normal distribution


class PromptSegmenter(Protocol):
    """What turns a prompt into probabilities; the same input gives the same ones, so that a session can be replayed."""

    @property
    def name(self) -> str:
        """As the registry and a session's log call it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it understands and gives."""
        ...

    @property
    def weights_sha256(self) -> str:
        """sha256 of what it was taught; empty where it has learned nothing, or where that is not known here."""
        ...

    def chances(
        self, pixels_hu: npt.NDArray[np.float32], prompt: Prompt, *, pixel_mm: tuple[float, float]
    ) -> npt.NDArray[np.float32]:
        """The probability of each pixel of the slice to be the structure's; 0 outside the box.

        Raises:
            AnatomyGuidedError: The box lies outside the slice.
        """
        ...


@runtime_checkable
class VolumeSegmenter(Protocol):
    """A segmenter that sees the whole image at once (dimensions 3); `propagate` then asks it."""

    def volume(
        self, values_hu: npt.NDArray[np.float32], view: SliceView, slice_number: int, prompt: Prompt
    ) -> npt.NDArray[np.uint8]:
        """The mask in all slices, 1 in the structure, on the image's grid, from a prompt in one slice."""
        ...


@dataclass(frozen=True)
class SeededGrowth:
    """The homogeneous region at the centre of the box.

    1. The seed: pixels weigh the more, the closer they are to the box's centre; the commonest HU by weight is the
       structure's, and the spread around it gives the window.
    2. Growth: pixels in the window and in the ellipse around the box. What hangs on by a neck thinner than a share
       of the box falls off (opening by reconstruction); of the rest the component with most weight stays.
    3. Holes are filled.

    Meant for soft tissue; a bone's cortex and marrow do not share a window.
    """

    name: str = "seeded_growth"
    smoothing_mm: float = 1.0
    centre_share: float = 0.25
    spreads: float = 2.0
    least_window_hu: float = 35.0
    widest_window_hu: float = 80.0
    neck_share: float = 0.05
    ellipse_share: float = 1.15
    capabilities: Capabilities = field(default=_CAPABILITIES, repr=False)
    weights_sha256: str = ""

    def chances(
        self, pixels_hu: npt.NDArray[np.float32], prompt: Prompt, *, pixel_mm: tuple[float, float]
    ) -> npt.NDArray[np.float32]:
        """1 in the mask, 0 elsewhere.

        Raises:
            AnatomyGuidedError: The box lies outside the slice, or there are clicks, which growth does not take.
        """
        require_understood(prompt, self.capabilities, self.name)
        window = prompt.window
        seen_hu = pixels_hu if window is None else np.clip(pixels_hu, window.low_hu, window.high_hu)
        return self.segment(seen_hu, prompt.box, pixel_mm=pixel_mm).astype(np.float32)

    def segment(self, pixels_hu: npt.NDArray[np.float32], box: Box, *, pixel_mm: tuple[float, float]) -> Mask:
        """The structure's mask, of the slice's shape; all of it within the box.

        >>> image = np.full((40, 40), -100, np.float32)
        >>> image[10:30, 12:28] = 50
        >>> mask = SeededGrowth().segment(image, Box(9, 7, 31, 33), pixel_mm=(1.0, 1.0))
        >>> bool(mask[20, 20]), bool(mask[9, 20])
        (True, False)
        """
        inside = box.pixels((pixels_hu.shape[0], pixels_hu.shape[1]))
        smooth_hu = _smoothed(pixels_hu, self.smoothing_mm, pixel_mm)[inside]
        radius = _radius_from_centre(box, inside)
        weights = np.exp(-0.5 * (radius / self.centre_share) ** 2)
        low_hu, high_hu = self._window(smooth_hu, weights, radius <= 2 * self.centre_share)
        window = (smooth_hu >= low_hu) & (smooth_hu <= high_hu) & (radius <= self.ellipse_share)
        neck_mm = self.neck_share * min(n * spacing for n, spacing in zip(window.shape, pixel_mm, strict=True))
        mask = np.zeros(pixels_hu.shape, dtype=np.bool_)
        mask[inside] = ndimage.binary_fill_holes(_grown(window, weights, neck_mm, pixel_mm))
        return mask

    def _window(self, values_hu: FloatArray, weights: FloatArray, centre: Mask) -> tuple[float, float]:
        """Lowest and highest HU of the structure that most of the weight lies on."""
        peak_hu = _commonest(values_hu, weights)
        near = values_hu[centre & (np.abs(values_hu - peak_hu) <= self.widest_window_hu / 2)]
        if near.size == 0:
            near = np.array([peak_hu])
        middle_hu = float(np.median(near))
        spread_hu = _MAD_TO_SIGMA * float(np.median(np.abs(near - middle_hu)))
        half_hu = float(np.clip(self.spreads * spread_hu, self.least_window_hu, self.widest_window_hu))
        return middle_hu - half_hu, middle_hu + half_hu


def _smoothed(pixels_hu: npt.NDArray[np.float32], sigma_mm: float, pixel_mm: tuple[float, float]) -> FloatArray:
    """The slice without noise: a median of 3 x 3 pixels, then a Gaussian."""
    sigmas = [sigma_mm / spacing for spacing in pixel_mm]
    return np.asarray(ndimage.gaussian_filter(ndimage.median_filter(pixels_hu.astype(np.float64), 3), sigmas))


def _radius_from_centre(box: Box, inside: tuple[slice, slice]) -> FloatArray:
    """Distance of the pixels from the box's centre: 1 where the ellipse within the box touches it."""
    rows, columns = (np.arange(part.start, part.stop) + 0.5 for part in inside)
    down = (rows - (box.top + box.bottom) / 2) / (box.height / 2)
    across = (columns - (box.left + box.right) / 2) / (box.width / 2)
    return np.hypot(down[:, np.newaxis], across[np.newaxis, :])


def _commonest(values: FloatArray, weights: FloatArray) -> float:
    """The value with most weight around it, to the bin's width."""
    low = float(np.floor(values.min() / _BIN_HU)) * _BIN_HU
    bins = np.floor((values - low) / _BIN_HU).astype(np.intp)
    heights = ndimage.gaussian_filter1d(np.bincount(bins.ravel(), weights=weights.ravel()), 1.5, mode="constant")
    return low + (int(np.argmax(heights)) + 0.5) * _BIN_HU


def _grown(window: Mask, weights: FloatArray, neck_mm: float, pixel_mm: tuple[float, float]) -> Mask:
    """The heaviest component of the window that no neck thinner than twice `neck_mm` divides."""
    for depth_mm in (neck_mm, 0.0):
        core = _heaviest(_depth(window, pixel_mm, neck_mm) > depth_mm, weights)
        if core.any():
            reach_mm = depth_mm + max(pixel_mm)
            return np.asarray(window & (ndimage.distance_transform_edt(~core, sampling=pixel_mm) <= reach_mm))
    return window


def _depth(window: Mask, pixel_mm: tuple[float, float], neck_mm: float) -> FloatArray:
    """How far each pixel lies within the window; the box's edge is no border, since the image goes on there."""
    margin = int(np.ceil(neck_mm / min(pixel_mm))) + 1
    depth = ndimage.distance_transform_edt(np.pad(window, margin, mode="edge"), sampling=pixel_mm)
    return np.asarray(depth[margin:-margin, margin:-margin])


def _heaviest(mask: Mask, weights: FloatArray) -> Mask:
    """The component with the largest sum of weights; nothing of an empty mask."""
    components, _ = ndimage.label(mask)
    sums = np.bincount(components.ravel(), weights=np.where(mask, weights, 0.0).ravel())
    return np.asarray(mask & (components == int(np.argmax(sums))))
