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
    """A category from 0, how sure it is, and its mask."""

    category: int
    score: float
    mask: npt.NDArray[np.bool_]


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
        found.append(
            [
                Instance(
                    int(place) % chances.shape[1], float(score), binary[int(place) // chances.shape[1]].cpu().numpy()
                )
                for score, place in zip(best.values, best.indices, strict=True)
                if score > 0
            ]
        )
    return found
