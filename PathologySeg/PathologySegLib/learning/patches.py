"""Patches of cases for training: two around a lesion for each that is anywhere (thesis, 4.2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.study_options import require_not_negative, require_positive

from PathologySegLib.learning.cases import Field, Ids
from PathologySegLib.learning.channels import group_table, image_of

_Value = TypeVar("_Value", bound=np.generic)
Target = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """A case as an arm learns and is tried on it: `shown` is in the image in a form, `taught` in the target."""

    name: str
    ct: Field
    pet: Field
    lesions: npt.NDArray[np.bool_]
    shown: Ids
    taught: Ids
    form: str

    def image(self) -> Field:
        """All channels of the whole case."""
        return image_of(self.ct, self.pet, self.shown, self.form)


@dataclass(frozen=True)
class SamplingSettings:
    """The voxels of a patch; of `positive + negative` patches so many are around a lesion; `gain` varies the SUV."""

    shape: tuple[int, int, int] = (96, 96, 96)
    positive: int = 2
    negative: int = 1
    gain: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "shape", "positive", "negative")
        require_not_negative(self, "gain", "seed")


class LesionPatches:
    """Patch `number` is always the same: an image (channels, i, j, k), and lesions and organs in one target.

    A target is 1 in lesions, 0 elsewhere, plus twice the number of the anatomical group: `lesions_of` and `groups_of`
    take it apart, so that each arm learns what it wants from one source.

    Raises:
        AnatomyGuidedError: No case has a lesion.
    """

    def __init__(self, samples: Sequence[Sample], settings: SamplingSettings) -> None:
        self._samples, self._settings = samples, settings
        self._lesions = [np.argwhere(sample.lesions) for sample in samples]
        self._with_lesion = [place for place, voxels in enumerate(self._lesions) if len(voxels)]
        if not self._with_lesion:
            raise AnatomyGuidedError("None of the training cases has a lesion, so nothing can be learned from them.")

    def example(self, number: int) -> tuple[Field, Target]:
        rng = np.random.default_rng([self._settings.seed, number])
        wanted = self._settings.positive + self._settings.negative
        around = number % wanted < self._settings.positive
        place = int(rng.choice(self._with_lesion)) if around else int(rng.integers(len(self._samples)))
        sample = self._samples[place]
        low = self._corner(sample, self._lesions[place] if around else None, rng)
        gain = np.float32(np.exp(rng.normal(0.0, self._settings.gain)))
        size = self._settings.shape
        ct, pet = padded_crop(sample.ct, low, size, -1024.0), padded_crop(sample.pet, low, size, 0.0) * gain
        shown = padded_crop(sample.shown, low, size, 0)
        groups = group_table()[padded_crop(sample.taught, low, size, 0)].astype(np.int64)
        lesions = padded_crop(sample.lesions, low, size, False)
        return image_of(ct, pet, shown, sample.form), lesions.astype(np.int64) + 2 * groups

    def _corner(
        self, sample: Sample, lesions: npt.NDArray[np.intp] | None, rng: np.random.Generator
    ) -> npt.NDArray[np.intp]:
        """The first voxel: around a lesion's voxel or anywhere, inside the case where the patch fits."""
        size, whole = np.array(self._settings.shape), np.array(sample.ct.shape)
        room = np.maximum(whole - size, 0)
        if lesions is None:
            return np.asarray(rng.integers(0, room + 1))
        centre = lesions[int(rng.integers(len(lesions)))]
        return np.asarray(np.clip(centre - rng.integers(size // 4, size - size // 4), 0, room))


def lesions_of(target: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1 in lesions, 0 elsewhere; also of a tensor."""
    return target % 2


def groups_of(target: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers of anatomical groups; also of a tensor."""
    return target // 2


def padded_crop(
    values: npt.NDArray[_Value], low: Sequence[int] | npt.NDArray[np.intp], shape: Sequence[int], beyond: float
) -> npt.NDArray[_Value]:
    """The box of an array that may reach beyond it.

    >>> padded_crop(np.arange(4), [-1], [3], 9), padded_crop(np.arange(4), [2], [3], 9)
    (array([9, 0, 1]), array([2, 3, 9]))
    """
    box = np.full(tuple(shape), beyond, values.dtype)
    inside = [slice(max(0, a), min(a + size, n)) for a, size, n in zip(low, shape, values.shape, strict=True)]
    target = [slice(part.start - first, part.stop - first) for part, first in zip(inside, low, strict=True)]
    box[tuple(target)] = values[tuple(inside)]
    return box
