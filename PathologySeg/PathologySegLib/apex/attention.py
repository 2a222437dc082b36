"""Which anatomies pathology's queries attended to in the query mixer, lesion by lesion (thesis, 4.1.2.1, Figure 24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from PathologySegLib.apex.decoding import Decoded

TOP = 5
_LEAST = 0.05  # of a chance of lesion: a query below it says nothing
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SliceAttention:
    """Of one slice: where each query that speaks of lesions sees them, and what it attended to.

    `seen` is (queries, height, width), a chance; `shares` is (queries, anatomy classes) and adds up to 1.
    """

    seen: Floats
    shares: Floats


@torch.inference_mode()
def slice_attentions(
    answer: Decoded, size: tuple[int, int], *, rng: np.random.Generator | None = None
) -> list[SliceAttention]:
    """By image of a batch what its lesion queries attended to, on the mean over heads and layers.

    An anatomy query counts for its classes by their chances, and not at all as far as it is nothing. With a generator
    the anatomy queries' meanings are dealt out anew among them: a control that keeps everything but who is who.

    Raises:
        ValueError: The network has no mixer that attends.
    """
    if not answer.attention:
        raise ValueError("Only networks with a cross-attention mixer tell what they attended to.")
    shares, pathology = query_shares(answer, rng=rng), answer.said[-1][-1]
    sure = pathology.classes.softmax(-1)[..., :-1].sum(-1)
    masks = functional.interpolate(pathology.masks, size=size, mode="bilinear").sigmoid()
    found = []
    for chance, mask, share in zip(sure, masks, shares, strict=True):
        speaks = chance >= _LEAST
        seen = chance[speaks, None, None] * mask[speaks]
        found.append(SliceAttention(seen.cpu().numpy(), share[speaks].cpu().numpy()))
    return found


def query_shares(answer: Decoded, *, rng: np.random.Generator | None = None) -> Tensor:
    """By image and pathology query the share of each anatomy class in what it attended to; see `slice_attentions`."""
    looks = torch.stack(answer.attention).mean(0)
    meaning = answer.said[0][-1].classes.softmax(-1)[..., :-1]
    if rng is not None:
        order = torch.from_numpy(rng.permutation(meaning.shape[1])).to(meaning.device)
        meaning = meaning[:, order]
    shares = looks @ meaning
    return shares / shares.sum(-1, keepdim=True).clamp(min=1e-12)


def attention_by_lesion(
    lesions: npt.NDArray[np.integer], slices: Mapping[int, SliceAttention]
) -> dict[int, npt.NDArray[np.float64]]:
    """By lesion's number (slices, height, width) the share of each anatomy class, all 0 where no query saw it.

    A query counts by how much of the lesion it saw, over all slices of the lesion.
    """
    total: dict[int, npt.NDArray[np.float64]] = {}
    for place, attention in slices.items():
        for number in np.unique(lesions[place][lesions[place] > 0]).tolist():
            weights = attention.seen[:, lesions[place] == number].sum(1)
            own = (weights[:, None] * attention.shares).sum(0)
            total[number] = total.get(number, np.zeros(attention.shares.shape[1])) + own
    return {number: shares / max(shares.sum(), 1e-12) for number, shares in total.items()}


def most_attended(shares: npt.NDArray[np.float64], names: Sequence[str], top: int = TOP) -> list[tuple[str, float]]:
    """The structures with the largest shares, the largest first.

    >>> most_attended(np.array([0.1, 0.6, 0.3]), ["Liver", "Aorta", "Skull"], top=2)
    [('Aorta', 0.6), ('Skull', 0.3)]
    """
    best = np.argsort(-shares, kind="stable")[:top]
    return [(names[place], round(float(shares[place]), 4)) for place in best if shares[place] > 0]
