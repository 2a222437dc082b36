"""Patches of a fold's training cases: every image once an epoch, two patches each (thesis, E.1.2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

from PathologySegLib.benchmark.plan import Shape
from PathologySegLib.benchmark.prepared import Image, Prepared, scaled
from PathologySegLib.learning.patches import padded_crop
from PathologySegLib.petct.fingerprint import Fingerprint


class FoldPatches:
    """Patch `number` is always the same; of an image's patches those with an even place lie around a lesion.

    Beyond an image all channels are 0, as MONAI pads. Healthy cases are left out (E.1.2.2).

    Raises:
        AnatomyGuidedError: No case has a lesion.
    """

    def __init__(
        self, cases: Sequence[Prepared], fingerprint: Fingerprint, shape: Shape, *, per_image: int, seed: int
    ) -> None:
        self._cases = [case for case in cases if not case.healthy]
        if not self._cases:
            raise AnatomyGuidedError("None of the training cases has a lesion, so nothing can be learned from them.")
        self._lesions = [np.argwhere(case.lesions).astype(np.int32) for case in self._cases]
        self._fingerprint, self._shape, self._per_image, self._seed = fingerprint, shape, per_image, seed

    def steps_in_epoch(self, batch: int) -> int:
        """Batches until every image gave its patches."""
        return ceil(len(self._cases) * self._per_image / batch)

    def example(self, number: int) -> tuple[Image, npt.NDArray[np.int64]]:
        image, place = divmod(number, self._per_image)
        epoch, turn = divmod(image, len(self._cases))
        chosen = int(np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._cases))[turn])
        case, rng = self._cases[chosen], np.random.default_rng([self._seed, 1, number])
        low = self._corner(case, self._lesions[chosen] if place % 2 == 0 else None, rng)
        return self._image(case, low), padded_crop(case.lesions, low, self._shape, 0).astype(np.int64)

    def _image(self, case: Prepared, low: npt.NDArray[np.intp]) -> Image:
        crop, inside = (
            np.stack([padded_crop(channel, low, self._shape, 0.0) for channel in case.channels]),
            padded_crop(np.ones(case.grid.shape, np.bool_), low, self._shape, False)
            if any(n < side for n, side in zip(case.grid.shape, self._shape, strict=True))
            else True,
        )
        return np.asarray(scaled(crop, self._fingerprint) * inside, np.float32)

    def _corner(
        self, case: Prepared, lesions: npt.NDArray[np.int32] | None, rng: np.random.Generator
    ) -> npt.NDArray[np.intp]:
        """The first voxel: a lesion's voxel in the middle as far as the image reaches, or anywhere."""
        size, whole = np.array(self._shape), np.array(case.grid.shape)
        room = np.maximum(whole - size, 0)
        short = np.maximum(size - whole, 0) // 2
        if lesions is None:
            return np.asarray(rng.integers(0, room + 1) - short)
        centre = lesions[int(rng.integers(len(lesions)))]
        return np.asarray(np.clip(centre - size // 2, 0, room) - short)
