"""From the network's output to one box a class, with the chance that it is there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional

from LIMISLib.finding.frames import Edges
from LIMISLib.finding.loss import edges_at, places_of


def decoded(output: Tensor) -> tuple[npt.NDArray[np.float64], Edges]:
    """By image and class the chance (images, classes) and the box (images, classes, 4) in pixels of the input.

    A class has one box in a slice: the mean of those that the places around its likeliest middle see, by their chances.
    """
    rows, columns = output.shape[-2:]
    chances = output[:, :, 0].sigmoid()
    edges = edges_at(output[:, :, 1:], places_of(rows, columns, output.device)).flatten(3)
    best = chances.flatten(2).argmax(-1)
    is_best = functional.one_hot(best, rows * columns).view(chances.shape).float()
    near = functional.max_pool2d(is_best, 3, 1, 1)
    weights = (near * chances**2).flatten(2).unsqueeze(2)
    boxes = (edges * weights).sum(-1) / weights.sum(-1).clamp(min=1e-12)
    return chances.flatten(2).amax(-1).double().numpy(), boxes.double().numpy()
