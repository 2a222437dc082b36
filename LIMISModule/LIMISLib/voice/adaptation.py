"""An acoustic model that bends to one speaker: what was learned of a voice, and the means that follow from it.

Each class of phones has one affine map of its means for each kind of feature (Leggetter and Woodland 1995,
doi:10.1006/csla.1995.0010); then each phone is shifted by what still lies between its means and its sounds
(Gauvain and Lee 1994, doi:10.1109/89.279278). Both are drawn towards no change as long as little was heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from LIMISLib.voice.acoustic_model import AcousticModel, Floats
from LIMISLib.voice.alignment import Aligned

_FRONT_VOWELS = frozenset(("IY", "IH", "EH", "EY", "AE"))
_OTHER_VOWELS = frozenset(("AA", "AH", "AO", "AW", "AY", "ER", "OW", "OY", "UH", "UW"))
_SONORANTS = frozenset(("L", "M", "N", "NG", "R", "W", "Y"))
_NO_SPEECH = frozenset(("SIL", "+NSN+", "+SPN+"))
_FRAMES_OF_MAP, _FRAMES_OF_SHIFT = 50.0, 30.0  # what no change counts for


@dataclass(frozen=True)
class Voice:
    """What was heard of a speaker: how many frames each Gaussian has, shape (phones, kinds, Gaussians), and their sum.

    It is of one acoustic model, `model` is that one's sha256. Neither sound nor words can be had back from it, but it
    tells speakers apart as a fingerprint does.
    """

    model: str
    sentences: int
    counts: Floats
    sums: Floats

    @classmethod
    def unknown(cls, model: AcousticModel) -> Self:
        """The voice of somebody who said nothing yet."""
        return cls(model.sha256, 0, np.zeros(model.means.shape[:-1]), np.zeros(model.means.shape))

    def learned(self, heard: Aligned, model: AcousticModel) -> Self:
        """The voice with one more sentence."""
        counts, sums = self.counts.copy(), self.sums.copy()
        for name in np.unique(heard.phones):
            phone, frames = model.phones.index(name), heard.features[heard.phones == name]
            shares = _shares(frames, model.means[phone], model.variances[phone])
            counts[phone] += shares.sum(axis=0)
            sums[phone] += np.einsum("fkg,fkd->kgd", shares, frames)
        return type(self)(self.model, self.sentences + 1, counts, sums)

    def means(self, model: AcousticModel) -> Floats:
        """The model's means as this speaker has them, shape (phones, kinds, Gaussians, dimensions)."""
        return self._shifted(self._mapped(model))

    def _mapped(self, model: AcousticModel) -> Floats:
        found = model.means.copy()
        for phones in _classes(model.phones):
            for kind in range(found.shape[1]):
                at = np.s_[phones, kind]
                means, variances, sums = (
                    values[at].reshape(-1, found.shape[-1]) for values in (model.means, model.variances, self.sums)
                )
                mapped = affinely_mapped(means, variances, self.counts[at].ravel(), sums)
                found[at] = mapped.reshape(len(phones), *found.shape[2:])
        return found

    def _shifted(self, means: Floats) -> Floats:
        lacking = (self.sums - self.counts[..., np.newaxis] * means).sum(axis=2, keepdims=True)
        shift: Floats = lacking / (self.counts.sum(axis=2)[..., np.newaxis, np.newaxis] + _FRAMES_OF_SHIFT)
        return means + shift


def affinely_mapped(means: Floats, variances: Floats, counts: Floats, sums: Floats) -> Floats:
    """The means, shape (Gaussians, dimensions), under the affine map that makes what was heard most likely.

    Nothing heard leaves them as they are:

    >>> affinely_mapped(np.array([[1.0, 2.0]]), np.ones((1, 2)), np.zeros(1), np.zeros((1, 2)))
    array([[1., 2.]])
    """
    known = np.concatenate([np.ones((len(means), 1)), means], axis=1)
    usual = np.diag((known**2).mean(axis=0))
    found = np.empty_like(means)
    for dimension in range(means.shape[1]):
        variance = variances[:, dimension]
        unchanged = np.eye(known.shape[1])[1 + dimension]
        drawn = usual * _FRAMES_OF_MAP / np.median(variance)
        left = (known * (counts / variance)[:, np.newaxis]).T @ known + drawn
        right = known.T @ (sums[:, dimension] / variance) + drawn @ unchanged
        found[:, dimension] = known @ np.linalg.solve(left, right)
    return found


def _shares(frames: Floats, means: Floats, variances: Floats) -> Floats:
    """How much each of a phone's Gaussians has of each frame, shape (frames, kinds, Gaussians); their sum is 1."""
    apart = ((frames[:, :, np.newaxis] - means) ** 2 / variances).sum(axis=-1) + np.log(variances).sum(axis=-1)
    weights = np.exp(-0.5 * (apart - apart.min(axis=-1, keepdims=True)))
    shares: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return shares


def _classes(phones: Iterable[str]) -> list[npt.NDArray[np.intp]]:
    """The numbers of the phones of each class; consonants that are not sonorants are those that no class names."""
    names = np.array(list(phones))
    named = [np.isin(names, list(group)) for group in (_FRONT_VOWELS, _OTHER_VOWELS, _SONORANTS, _NO_SPEECH)]
    return [np.flatnonzero(chosen) for chosen in (*named, ~np.any(named, axis=0)) if chosen.any()]
