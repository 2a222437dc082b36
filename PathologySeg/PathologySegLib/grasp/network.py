"""The network that learns beside a frozen anatomy encoder, and predicts without it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from AnatomyGuidedLib.networks.frozen import FrozenEncoder
from torch import Tensor, nn
from torch.nn import functional

from PathologySegLib.grasp.backbone import Logits, channels_of, decoded, encoded
from PathologySegLib.grasp.fusion import AnatomyFusion
from PathologySegLib.grasp.settings import FusionSettings


class Grasp(nn.Module):
    """A backbone's logits of an image whose first channel is the CT as the anatomy encoder was trained on.

    In training the deepest features are fused with the encoder's from `activation_step` on; in prediction only where
    the settings keep the fusion. The encoder is no part of the module: it is in no state that is saved.
    """

    rests = True  # the fusion has no gradients before its activation
    steps: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        anatomy: FrozenEncoder,
        settings: FusionSettings,
        *,
        entering: int,
        activation_step: int,
    ) -> None:
        super().__init__()
        self.backbone, self.settings, self.activation_step = backbone, settings, activation_step
        self._aside = (anatomy,)
        channels = channels_of(backbone, entering)[-settings.levels :]
        anatomys = channels_of(anatomy.network, 1)[-settings.levels :]
        self.fusions = nn.ModuleList(
            AnatomyFusion(own, other, heads=settings.heads, block=settings.block)
            for own, other in zip(channels, anatomys, strict=True)
        )
        self.register_buffer("steps", torch.zeros(()))
        self.similarity: tuple[Tensor, ...] = ()

    @property
    def anatomy(self) -> FrozenEncoder:
        """The frozen encoder."""
        return self._aside[0]

    def forward(self, image: Tensor) -> Logits:
        features = encoded(self.backbone, image)
        if self._fuses():
            features = self._fused(image, features)
        if self.training:
            self.steps += 1
        return decoded(self.backbone, features)

    def told(self) -> Mapping[str, float]:
        """By level, the deepest last: gates, and how alike features were before and after the fusion (Figure 26)."""
        gates = {f"gate_{number}": round(fusion.gate.item(), 4) for number, fusion in enumerate(self._each(), 1)}
        alike = {f"similarity_{number}": round(value.item(), 4) for number, value in enumerate(self.similarity, 1)}
        return gates | alike

    def _each(self) -> list[AnatomyFusion]:
        return [fusion for fusion in self.fusions if isinstance(fusion, AnatomyFusion)]

    def _fuses(self) -> bool:
        if self.training:
            return bool(self.steps >= self.activation_step)
        return self.settings.kept

    def _fused(self, image: Tensor, features: list[Tensor]) -> list[Tensor]:
        levels = len(self.fusions)
        anatomy = self.anatomy.to(image.device)(image[:, :1])[-levels:]
        before = features[-levels:]
        after = [fusion(*pair) for fusion, pair in zip(self.fusions, zip(before, anatomy, strict=True), strict=True)]
        self.similarity = tuple(_alike(*pair) for pair in zip(before, after, strict=True))
        return [*features[:-levels], *after]


def weights_sha256(network: nn.Module) -> str:
    """The checksum of all weights, by name: it says that a frozen encoder is the one that it was."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def _alike(before: Tensor, after: Tensor) -> Tensor:
    """The mean over places of the cosine between the channels before and after."""
    return functional.cosine_similarity(before.float(), after.float(), dim=1).mean()
