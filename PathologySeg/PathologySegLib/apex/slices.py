"""A patient's axial slices as the 2D networks take them, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from PathologySegLib.apex.channels import AIR_HU, ct_channel, pet_channel

Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, eq=False)
class PatientSlices:
    """Axial slices [slice, i, j] from the feet upwards: CT and PET channels, DAP ids, lesions' numbers.

    `images` is (slices, 2, i, j) in half precision. All have the frame's size; `spacing_mm` is along i, j and k.
    """

    name: str
    images: npt.NDArray[np.float16]
    anatomy: npt.NDArray[np.uint8]
    lesions: npt.NDArray[np.uint16]
    spacing_mm: tuple[float, float, float]
    patient: str = ""

    @property
    def whose(self) -> str:
        """The patient: studies of one stay together."""
        return self.patient or self.name

    @cached_property
    def with_lesion(self) -> npt.NDArray[np.intp]:
        """The slices that show a lesion."""
        return np.flatnonzero(self.lesions.any(axis=(1, 2)))


def slices_of(
    name: str,
    hu: npt.NDArray[Any],
    suv: npt.NDArray[Any],
    anatomy: npt.NDArray[Any],
    lesions: npt.NDArray[Any],
    *,
    frame: tuple[int, int],
    spacing_mm: tuple[float, float, float],
    patient: str = "",
) -> PatientSlices:
    """The slices of volumes [i, j, k] that run along R, A and S on one grid."""
    images = np.stack([ct_channel(framed(hu, frame, AIR_HU)), pet_channel(framed(suv, frame, 0.0))])
    return PatientSlices(
        name,
        np.ascontiguousarray(images.transpose(3, 0, 1, 2).astype(np.float16)),
        np.ascontiguousarray(framed(anatomy, frame, 0).transpose(2, 0, 1).astype(np.uint8)),
        np.ascontiguousarray(framed(lesions, frame, 0).transpose(2, 0, 1).astype(np.uint16)),
        spacing_mm,
        patient,
    )


def framed(volume: npt.NDArray[Kind], frame: tuple[int, int], outside: float) -> npt.NDArray[Kind]:
    """The volume with its first two axes cut or filled to the frame, around its middle.

    >>> framed(np.arange(5)[:, None, None], (3, 2), -1)[..., 0].tolist()
    [[1, -1], [2, -1], [3, -1]]
    """
    result = np.full((*frame, *volume.shape[2:]), outside, volume.dtype)
    pairs = [_overlap(size, wanted) for size, wanted in zip(volume.shape[:2], frame, strict=True)]
    result[pairs[0][1], pairs[1][1]] = volume[pairs[0][0], pairs[1][0]]
    return result


def unframed(framed_volume: npt.NDArray[Kind], shape: tuple[int, int]) -> npt.NDArray[Kind]:
    """The way back: what the frame cut off is 0.

    >>> unframed(framed(np.arange(5)[:, None, None], (3, 2), -1), (5, 1))[:, 0, 0].tolist()
    [0, 1, 2, 3, 0]
    """
    result = np.zeros((*shape, *framed_volume.shape[2:]), framed_volume.dtype)
    pairs = [_overlap(size, wanted) for size, wanted in zip(shape, framed_volume.shape[:2], strict=True)]
    result[pairs[0][0], pairs[1][0]] = framed_volume[pairs[0][1], pairs[1][1]]
    return result


def _overlap(size: int, wanted: int) -> tuple[slice, slice]:
    """Which part of an axis comes into the frame, and where it lies there."""
    cut, fill = max(0, (size - wanted) // 2), max(0, (wanted - size) // 2)
    count = min(size, wanted)
    return slice(cut, cut + count), slice(fill, fill + count)
