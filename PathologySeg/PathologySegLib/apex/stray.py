"""An example moved, turned and scaled by a little, its image and its layers together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from scipy import ndimage


@dataclass(frozen=True)
class Augmentation:
    """The share of slices with a lesion, and how far examples stray: pixels, radians, parts of 1."""

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


def strayed(
    image: npt.NDArray[np.float32], layers: npt.NDArray[np.int64], amount: Augmentation, rng: np.random.Generator
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Planes (channels, height, width) and layers (layers, height, width) after the same drawn move.

    Beyond the edge an image is 0, as air and no uptake are.
    """
    turn = rng.uniform(-amount.turn, amount.turn)
    scale = np.exp(rng.uniform(-amount.scale, amount.scale))
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = (np.array(image.shape[1:]) - 1) / 2
    offset = middle - matrix @ middle + rng.uniform(-amount.shift_pixels, amount.shift_pixels, 2)
    planes = [ndimage.affine_transform(plane, matrix, offset, order=1) for plane in image]
    maps = [ndimage.affine_transform(layer, matrix, offset, order=0) if layer.any() else layer for layer in layers]
    return np.stack(planes), np.stack(maps)
