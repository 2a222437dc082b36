"""From a patient's image to what a network takes, and the way back to the image's own voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume, require_same_grid
from AnatomyGuidedLib.predictors.normalisation import Image, Mask, Normalisation
from AnatomyGuidedLib.predictors.resampling import Resampling, Shape, new_shape

OCCUPIED, BODY, WHOLE = "occupied", "body", "whole"

_BODY_HU, _BODY_MARGIN_MM = -400.0, 20.0
_NEAREST = Resampling(order=0, apart=False)


@dataclass(frozen=True)
class Preparation:
    """How images were given to a network in its training.

    `orientation` are axis codes such as "RAS"; without them axes stay as they are stored. `axes` then says which axis
    of the image is the network's first, second and third. A spacing of 0 keeps the image's own along that axis.
    `crop` is "occupied" (the box of voxels other than 0), "body" (the box of what is denser than air) or "whole".
    nnU-Net's first release resampled before it normalised, and looked for thick slices in the image first. Channels
    with the numbers `label_channels` hold labels: they take the nearest voxel, never something between two.
    """

    normalisations: tuple[Normalisation, ...]
    spacing_mm: tuple[float, float, float]
    orientation: str | None = None
    axes: tuple[int, int, int] = (0, 1, 2)
    crop: str = OCCUPIED
    resampling: Resampling = field(default_factory=Resampling)
    resampling_back: Resampling = field(default_factory=lambda: Resampling(order=1))
    normalise_first: bool = True
    label_channels: tuple[int, ...] = ()

    def prepared(self, volumes: Sequence[Volume]) -> Prepared:
        """The volumes, one a channel and all on one grid, as the network takes them.

        Raises:
            AnatomyGuidedError: There are more or fewer channels than the network takes, or nothing is in the image.
            GridMismatch: The volumes lie on different grids.
        """
        if len(volumes) != len(self.normalisations):
            raise AnatomyGuidedError(f"The model takes {len(self.normalisations)} images, but {len(volumes)} came.")
        grid = volumes[0].grid
        for volume in volumes[1:]:
            require_same_grid(grid, volume.grid, names=("the model's first image", "another one"))
        turn = Turn.towards(self.orientation, grid).then(self.axes)
        channels = [turn.applied(volume.values) for volume in volumes]
        spacing_mm = tuple(grid.spacing_mm[axis] for axis in turn.axes)
        occupied = _occupied(channels)
        box = self._box(channels, occupied, spacing_mm)
        cropped = [channel[box] for channel in channels]
        wanted_mm = tuple(
            own if wanted == 0 else wanted for own, wanted in zip(spacing_mm, self.spacing_mm, strict=True)
        )
        shape = new_shape(cropped[0].shape, spacing_mm, wanted_mm)
        image = np.stack(
            [
                self._channel(number, channel, occupied[box], shape, (spacing_mm, wanted_mm))
                for number, channel in enumerate(cropped)
            ]
        )
        first, then = (wanted_mm, spacing_mm) if self.normalise_first else (spacing_mm, wanted_mm)
        thick = self.resampling_back.thick_axis(first, then)
        return Prepared(image.astype(np.float32, copy=False), grid, turn, box, thick)

    def _channel(
        self,
        number: int,
        image: Image,
        occupied: Mask,
        shape: Shape,
        spacings: tuple[tuple[float, ...], tuple[float, ...]],
    ) -> Image:
        normalisation = self.normalisations[number]
        resampling = _NEAREST if number in self.label_channels else self.resampling
        if self.normalise_first:
            return resampling.applied(normalisation.applied(image, occupied), shape, *spacings)
        resampled = resampling.applied(image, shape, *spacings)
        whole = occupied if normalisation.masked else np.ones(shape, np.bool_)
        return normalisation.applied(resampled, _nearest_mask(whole, shape))

    def _box(
        self, channels: Sequence[Image], occupied: Mask, spacing_mm: tuple[float, ...]
    ) -> tuple[slice, slice, slice]:
        if self.crop == WHOLE:
            i, j, k = (slice(0, n) for n in occupied.shape)
            return i, j, k
        if self.crop == BODY:
            margin = [int(np.ceil(_BODY_MARGIN_MM / side)) for side in spacing_mm]
            return _box_around(_denser_than_air(channels[0]), margin)
        return _box_around(occupied, (0, 0, 0))


@dataclass(frozen=True)
class Turn:
    """Axes in another order, some of them reversed: which axis of the stored image each one is, and its direction."""

    axes: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    @classmethod
    def towards(cls, orientation: str | None, grid: Grid) -> Turn:
        """The turn after which the axes run as the codes say, as closely as 90 degrees allow.

        >>> Turn.towards("RAS", Grid((2, 3, 4), np.diag([-1.0, 1, 1, 1])))
        Turn(axes=(0, 1, 2), reversed_axes=(True, False, False))
        """
        if orientation is None:
            return cls((0, 1, 2), (False, False, False))
        opposite = dict(zip("RLAPSI", "LRPAIS", strict=True))
        codes = grid.axis_codes
        i, j, k = (codes.index(code) if code in codes else codes.index(opposite[code]) for code in orientation)
        first, second, third = (codes[axis] != code for axis, code in zip((i, j, k), orientation, strict=True))
        return cls((i, j, k), (first, second, third))

    def then(self, axes: tuple[int, int, int]) -> Turn:
        """This turn, and after it axes in another order."""
        i, j, k = axes
        was, back = self.axes, self.reversed_axes
        return Turn((was[i], was[j], was[k]), (back[i], back[j], back[k]))

    def applied(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of an array of the stored image, turned."""
        return values.transpose(self.axes)[self._flips()]

    def undone(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of a turned array as the image is stored."""
        return values[self._flips()].transpose(np.argsort(self.axes))

    def _flips(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if reverse else 1) for reverse in self.reversed_axes)


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image (channels, i, j, k) for a network; where it lies in the patient's image; the axis of thick slices."""

    image: Image
    grid: Grid
    turn: Turn
    box: tuple[slice, slice, slice]
    thick_axis: int | None

    @property
    def wanted_shape(self) -> Shape:
        """Voxels by axis of the part of the patient's image that the network's image covers."""
        i, j, k = (part.stop - part.start for part in self.box)
        return i, j, k

    def restored(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """An array of the wanted shape on the patient's grid, 0 outside what the network saw."""
        whole = np.zeros([self.grid.shape[axis] for axis in self.turn.axes], values.dtype)
        whole[self.box] = values
        return np.ascontiguousarray(self.turn.undone(whole))


def _nearest_mask(mask: Mask, shape: Shape) -> Mask:
    if mask.shape == shape:
        return mask
    return np.asarray(_NEAREST.applied(mask.astype(np.float32), shape, (1, 1, 1), (1, 1, 1)) > 0.5)


def _occupied(channels: Sequence[Image]) -> Mask:
    """Where any channel is other than 0, holes filled."""
    found = np.zeros(channels[0].shape, np.bool_)
    for channel in channels:
        found |= channel != 0
    return found if found.all() else np.asarray(ndimage.binary_fill_holes(found))


def _denser_than_air(ct: Image) -> Mask:
    """Tissue with a neighbour of tissue along every axis: no noise, no thin part of a table."""
    dense = ct > _BODY_HU
    opened = np.asarray(ndimage.binary_opening(dense, np.ones([min(3, n) for n in ct.shape], np.bool_)))
    return opened if opened.any() else dense


def _box_around(mask: Mask, margin: Sequence[int]) -> tuple[slice, slice, slice]:
    parts = []
    for axis in range(3):
        found = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if not found.size:
            raise AnatomyGuidedError("There is nothing in the image: every voxel is 0 or air; check the file.")
        low, high = int(found[0]) - margin[axis], int(found[-1]) + 1 + margin[axis]
        parts.append(slice(max(0, low), min(mask.shape[axis], high)))
    return parts[0], parts[1], parts[2]
