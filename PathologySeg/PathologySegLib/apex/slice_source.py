"""Slices to learn from: slice `number` is always the same, moved, turned and scaled by a little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from PathologySegLib.apex.anatomy_classes import AnatomyClasses
from PathologySegLib.apex.channels import anatomy_channel
from PathologySegLib.apex.slices import PatientSlices
from PathologySegLib.apex.stray import Augmentation, strayed

ANATOMY, PATHOLOGY = 0, 1  # a target's layers


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
        (ct, pet), maps = strayed(image, target, amount, rng)
        ct = ct + rng.normal(0.0, amount.ct_noise, ct.shape)
        pet = pet * np.exp(rng.uniform(-amount.pet_gain, amount.pet_gain))
        return with_third_channel(np.stack([ct, pet]), maps, self._classes, self._anatomy_input), maps


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
