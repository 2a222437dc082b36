"""Slices to learn from: slice `number` is always the same, moved, turned and scaled by a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from scipy import ndimage

from PathologySegLib.apex.anatomy_classes import AnatomyClasses
from PathologySegLib.apex.channels import anatomy_channel
from PathologySegLib.apex.slices import PatientSlices

ANATOMY, PATHOLOGY = 0, 1  # a target's layers


@dataclass(frozen=True)
class Augmentation:
    """The share of slices with a lesion, and how far slices stray: pixels, radians, parts of 1."""

    with_lesion: float = 0.7
    shift_pixels: float = 4.0
    turn: float = 0.12
    scale: float = 0.1
    pet_gain: float = 0.1
    ct_noise: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.with_lesion <= 1.0:
            raise UsageError(f"The setting with_lesion is {self.with_lesion:g}, but a share from 0 to 1 was expected.")


class SliceSource:
    """Examples: CT, PET and a third channel (3, i, j); anatomy's classes and lesions as 1 (2, i, j)."""

    def __init__(
        self,
        patients: Sequence[PatientSlices],
        classes: AnatomyClasses,
        augmentation: Augmentation,
        *,
        anatomy_input: bool = False,
    ) -> None:
        self._patients, self._classes = patients, classes
        self._augmentation, self._anatomy_input = augmentation, anatomy_input

    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        rng = np.random.default_rng([self._augmentation.seed, number])
        patient = self._patients[int(rng.integers(len(self._patients)))]
        return self._strayed(*slice_example(patient, self._chosen(patient, rng), self._classes), rng)

    def _chosen(self, patient: PatientSlices, rng: np.random.Generator) -> int:
        shown = patient.with_lesion
        if rng.random() < self._augmentation.with_lesion:
            return int(rng.choice(shown))
        return int(rng.integers(len(patient.images)))

    def _strayed(
        self, image: npt.NDArray[np.float32], target: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        amount = self._augmentation
        turn = rng.uniform(-amount.turn, amount.turn)
        scale = np.exp(rng.uniform(-amount.scale, amount.scale))
        matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        middle = (np.array(image.shape[1:]) - 1) / 2
        offset = middle - matrix @ middle + rng.uniform(-amount.shift_pixels, amount.shift_pixels, 2)

        def moved(plane: npt.NDArray[Any], order: int, outside: float) -> npt.NDArray[Any]:
            return np.asarray(ndimage.affine_transform(plane, matrix, offset, order=order, cval=outside))

        planes = [moved(plane, 1, 0.0) for plane in image]  # beyond the edge: air, and no uptake
        planes[0] = planes[0] + rng.normal(0.0, amount.ct_noise, planes[0].shape)
        planes[1] = planes[1] * np.exp(rng.uniform(-amount.pet_gain, amount.pet_gain))
        maps = np.stack([moved(layer, 0, 0.0) for layer in target])
        return with_third_channel(np.stack(planes), maps, self._classes, self._anatomy_input), maps


def slice_example(
    patient: PatientSlices, place: int, classes: AnatomyClasses
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """A slice's two channels, and its layers: anatomy's classes, lesions as 1."""
    layers = [classes.of(patient.anatomy[place]), patient.lesions[place] > 0]
    return patient.images[place].astype(np.float32), np.stack(layers).astype(np.int64)


def with_third_channel(
    image: npt.NDArray[Any], layers: npt.NDArray[np.int64], classes: AnatomyClasses, anatomy_input: bool
) -> npt.NDArray[np.float32]:
    """Three channels, the third one empty or with the anatomy's classes."""
    third = anatomy_channel(layers[ANATOMY], len(classes.names))
    return np.stack([*image, third if anatomy_input else np.zeros_like(third)]).astype(np.float32)
