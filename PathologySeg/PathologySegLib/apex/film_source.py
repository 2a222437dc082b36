"""Films to learn from: each mask of anatomy and each finding a layer of its own, since shadows overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from PathologySegLib.apex.film import Film
from PathologySegLib.apex.stray import Augmentation, strayed


class FilmSource:
    """Examples: the film three times (3, height, width); a layer a class of anatomy, then a layer a finding.

    A layer holds its class plus 1 where its mask is. Every film has as many layers as the one with most findings.
    """

    def __init__(self, films: Sequence[Film], names: Sequence[str], augmentation: Augmentation) -> None:
        self._films, self._names, self._augmentation = films, names, augmentation
        self._most = max((len(film.findings) for film in films), default=0)

    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        rng = np.random.default_rng([self._augmentation.seed, number])
        film = self._films[int(rng.integers(len(self._films)))]
        planes, layers = strayed(film.image[None], layers_of(film, self._names, self._most), self._augmentation, rng)
        gain, noise = np.exp(rng.uniform(-0.1, 0.1)), rng.normal(0.0, self._augmentation.ct_noise, planes.shape)
        return in_three(planes[0] * gain + noise[0]), layers


def layers_of(film: Film, names: Sequence[str], most: int) -> npt.NDArray[np.int64]:
    """The target of a film (anatomy's classes and `most` findings, height, width).

    Raises:
        ValueError: The film has more findings.
    """
    if len(film.findings) > most:
        raise ValueError(f"{film.name} has {len(film.findings)} findings, but layers for {most} were expected.")
    layers = np.zeros((len(names) + most, *film.image.shape), np.int64)
    for place, name in enumerate(names):
        if name in film.anatomy:
            layers[place][film.anatomy[name]] = place + 1
    for place, (category, mask) in enumerate(film.findings):
        layers[len(names) + place][mask] = category + 1
    return layers


def in_three(image: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The image in three equal channels."""
    return np.repeat(np.asarray(image, np.float32)[None], 3, axis=0)
