"""One encoder, a decoder for lesions and one for organs, and two losses brought to one size (thesis, 4.2.1.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from AnatomyGuidedLib.learning.together import mean_of_all
from torch import Tensor, nn

from PathologySegLib.grasp.backbone import Logits, decoded, decoder_of, encoded
from PathologySegLib.learning.objectives import at_each_resolution, lesion_loss, organ_loss

_MEMORY = 0.98


class MultiTask(nn.Module):
    """Logits of lesions in prediction; in training those of lesions and of organs, from the same features.

    The running means of the two losses are a part of the state, so that a resumed training goes on as it was.
    """

    means: Tensor
    share: Tensor

    def __init__(self, lesions: nn.Module, organs: nn.Module) -> None:
        super().__init__()
        self.lesions, self.organs = lesions, decoder_of(organs)
        self.register_buffer("means", torch.zeros(2))
        self.register_buffer("share", torch.zeros(()))

    def forward(self, image: Tensor) -> Logits | tuple[Logits, Logits]:
        features = encoded(self.lesions, image)
        found = decoded(self.lesions, features)
        return (found, decoded(self.organs, features)) if self.training else found

    @torch.no_grad()
    def sizes(self, losses: Tensor) -> Tensor:
        """The running means of both losses after these ones; of several processes' losses their mean counts."""
        self.means.lerp_(mean_of_all(losses.detach()), 1 - _MEMORY)
        self.share.lerp_(torch.ones_like(self.share), 1 - _MEMORY)
        return self.means / self.share


class MultiTaskLoss:
    """alpha times the lesions' loss and the rest of 1 times the organs', each divided by its own running mean."""

    def __init__(self, network: MultiTask, alpha: float, *, even: bool) -> None:
        self._network, self._alpha = network, alpha
        self._losses = (at_each_resolution(lesion_loss(even=even)), at_each_resolution(organ_loss))

    def __call__(self, found: Sequence[Logits], target: Tensor) -> Tensor:
        losses = torch.stack([loss(one, target) for loss, one in zip(self._losses, found, strict=True)])
        shares = losses.new_tensor([self._alpha, 1 - self._alpha])
        return (shares * losses / self._network.sizes(losses)).sum()
