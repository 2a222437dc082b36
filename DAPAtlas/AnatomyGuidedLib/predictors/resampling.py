"""Images on a network's grid: the same extent in other voxels, along the image's own axes, as nnU-Net does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.grid import FloatArray

Image = npt.NDArray[np.float32]
Shape = tuple[int, int, int]

ANISOTROPIC = 3.0  # thicker than the thinnest side by this factor: the axis is taken slice by slice


@dataclass(frozen=True)
class Resampling:
    """Splines of an order, and whether one thick axis is taken apart from the others.

    `apart` is True, False, or None: where spacing is anisotropic. The thick axis then takes the nearest slice where
    `order_across` is 0. `smooth` blurs before voxels get larger, so that each stands for all that it covers.
    """

    order: int = 3
    apart: bool | None = None
    order_across: int = 0
    smooth: bool = False

    def thick_axis(self, given_mm: Sequence[float], wanted_mm: Sequence[float]) -> int | None:
        """The axis that is taken slice by slice; None where all are treated alike.

        >>> Resampling().thick_axis((5.0, 0.8, 0.8), (1.0, 1.0, 1.0)), Resampling().thick_axis((1, 1, 1), (2, 1, 1))
        (0, None)
        """
        if self.apart:
            return _thickest(given_mm)
        if self.apart is None:
            for spacing in (given_mm, wanted_mm):
                if max(spacing) / min(spacing) > ANISOTROPIC:
                    return _thickest(spacing)
        return None

    def applied(self, image: Image, shape: Shape, given_mm: Sequence[float], wanted_mm: Sequence[float]) -> Image:
        """The image (i, j, k) with so many voxels over the same extent."""
        if image.shape == shape:
            return image
        axis = self.thick_axis(given_mm, wanted_mm)
        if axis is None:
            return _zoomed(self._blurred(image, shape), shape, self.order)
        return self._slice_by_slice(image, shape, axis)

    def _slice_by_slice(self, image: Image, shape: Shape, axis: int) -> Image:
        slices = np.moveaxis(image, axis, 0)
        in_plane = tuple(n for place, n in enumerate(shape) if place != axis)
        resized = np.stack([_zoomed(self._blurred(one, in_plane), in_plane, self.order) for one in slices])
        if len(resized) != shape[axis]:
            resized = _zoomed(resized, (shape[axis], *in_plane), self.order_across)
        return np.ascontiguousarray(np.moveaxis(resized, 0, axis))

    def _blurred(self, image: Image, shape: Sequence[int]) -> Image:
        if not self.smooth:
            return image
        sigmas = [max(0.0, (given / wanted - 1) / 2) for given, wanted in zip(image.shape, shape, strict=True)]
        return np.asarray(ndimage.gaussian_filter(image, sigmas, mode="nearest"))


def new_shape(shape: Sequence[int], given_mm: Sequence[float], wanted_mm: Sequence[float]) -> Shape:
    """The number of voxels by axis that covers the same extent at another spacing, at least one.

    >>> new_shape((100, 80, 10), (1.0, 1.0, 5.0), (2.0, 2.0, 2.0))
    (50, 40, 25)
    """
    i, j, k = (
        max(1, round(float(given) / float(wanted) * n))
        for n, given, wanted in zip(shape, given_mm, wanted_mm, strict=True)
    )
    return i, j, k


def _thickest(spacing_mm: Sequence[float]) -> int | None:
    """The one axis with the largest spacing; None where two share it."""
    found = np.flatnonzero(np.asarray(spacing_mm) == max(spacing_mm))
    return int(found[0]) if len(found) == 1 else None


def _zoomed(image: Image, shape: Sequence[int], order: int) -> Image:
    """Voxel borders, not centres, stay where they are; a spline's ringing is clipped to the image's range."""
    if order == 0:
        return _nearest(image, shape)
    factors = [wanted / given for given, wanted in zip(image.shape, shape, strict=True)]
    values: FloatArray = ndimage.zoom(image, factors, order=order, mode="nearest", grid_mode=True, output=np.float64)
    return np.clip(values, image.min(), image.max()).astype(np.float32)


def _nearest(image: Image, shape: Sequence[int]) -> Image:
    for axis, (given, wanted) in enumerate(zip(image.shape, shape, strict=True)):
        places = np.floor((np.arange(wanted) + 0.5) * given / wanted).astype(np.intp)
        image = image.take(np.clip(places, 0, given - 1), axis)
    return image
