"""Where masks are compared: at every pixel, or at points drawn mostly where a mask is uncertain (Mask2Former's way)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from PathologySegLib.apex.targets import Segments

_OVERSAMPLED = 3  # candidates a point
_UNCERTAIN = 0.75  # of the points


class Points:
    """The places of one image; the same image has the same ones each time, so that a resumed training goes on alike."""

    def __init__(self, target: Segments, count: int) -> None:
        self._wanted = target.masks.float()
        self._count = count
        self._random = torch.Generator().manual_seed(_number_of(target))

    def common(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (queries, places) and wanted values (segments, places) at places that all masks share.

        All pixels are those of the logits' grid, with the share of each that is wanted.
        """
        if self._count:
            places = self._drawn(1, self._count, logits)
            return _at(logits, places), _at(self._wanted, places)
        height, width = logits.shape[-2:]
        wanted = functional.adaptive_avg_pool2d(self._wanted[:, None], (height, width))
        return logits.flatten(1), wanted.flatten(1)

    def own(self, logits: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and wanted values (masks, places) at places of each mask's own; mask i belongs to segment columns[i].

        All pixels are those of the wanted masks.
        """
        wanted = self._wanted[columns]
        if not self._count:
            finer = functional.interpolate(logits[:, None], size=wanted.shape[-2:], mode="bilinear")
            return finer.flatten(1), wanted.flatten(1)
        places = self._uncertain(logits.detach())
        return _at(logits, places), _at(wanted, places)

    def _uncertain(self, logits: Tensor) -> Tensor:
        """Three quarters of the points where a mask's logit is nearest to 0, the others anywhere."""
        candidates = self._drawn(len(logits), _OVERSAMPLED * self._count, logits)
        chosen = int(_UNCERTAIN * self._count)
        best = (-_at(logits, candidates).abs()).topk(chosen, dim=1).indices
        uncertain = candidates.gather(1, best[..., None].expand(-1, -1, 2))
        return torch.cat([uncertain, self._drawn(len(logits), self._count - chosen, logits)], dim=1)

    def _drawn(self, masks: int, count: int, like: Tensor) -> Tensor:
        return torch.rand(masks, count, 2, generator=self._random).to(like)


def _at(images: Tensor, places: Tensor) -> Tensor:
    """Values (images, places) between pixels; places (images or 1, places, 2) run from 0 to 1 along x and y."""
    grid = (2 * places - 1).expand(len(images), -1, -1)[:, :, None]
    return functional.grid_sample(images[:, None], grid, padding_mode="border", align_corners=False)[:, 0, :, 0]


def _number_of(target: Segments) -> int:
    """A number that differs between images that differ."""
    if not len(target.classes):
        return 0
    rows, columns = (torch.arange(n, device=target.masks.device) for n in target.masks.shape[1:])
    places = rows[:, None] * 7919 + columns[None] * 104729
    return int(((target.masks * places).sum((1, 2)) * (target.classes + 1)).sum()) % (1 << 31)
