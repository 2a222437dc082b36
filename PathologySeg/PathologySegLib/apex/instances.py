"""Queries as instances: each with its category, a score and a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from PathologySegLib.apex.decoding import Queries


@dataclass(frozen=True, eq=False)
class Instance:
    """A category from 0, how sure it is, its mask, and the number of the query that says so."""

    category: int
    score: float
    mask: npt.NDArray[np.bool_]
    query: int = 0


@torch.inference_mode()
def instances_of(said: Queries, size: tuple[int, int], *, most: int = 100) -> list[list[Instance]]:
    """By image the surest pairs of query and category, with a mask that is not empty, the surest first.

    A score is the category's chance times the mean chance of the mask's pixels, as Mask2Former has it.
    """
    found = []
    for classes, masks in zip(said.classes, said.masks, strict=True):
        chances = classes.softmax(-1)[:, :-1]
        inside = functional.interpolate(masks[None], size=size, mode="bilinear")[0].sigmoid()
        binary = inside > 0.5
        sure = (inside * binary).flatten(1).sum(1) / binary.flatten(1).sum(1).clamp(min=1)
        scores = chances * sure[:, None] * binary.flatten(1).any(1)[:, None]
        best = scores.flatten().topk(min(most, scores.numel()))
        pairs = [(float(score), *divmod(int(place), chances.shape[1])) for score, place in zip(*best, strict=True)]
        found.append(
            [
                Instance(category, score, binary[query].cpu().numpy(), query)
                for score, query, category in pairs
                if score > 0
            ]
        )
    return found
