"""The network that learns beside a frozen anatomy encoder, and predicts without it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import torch
from AnatomyGuidedLib.networks.frozen import FrozenEncoder
from torch import Tensor, nn
from torch.nn import functional

from PathologySegLib.grasp.backbone import Logits, decoded, encoded, levels_of
from PathologySegLib.grasp.fusion import AnatomyFusion
from PathologySegLib.grasp.settings import FusionSettings

Level = tuple[int, int]  # channels, and the side of the feature map


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
        own, anatomys = levels_of(backbone, entering)[-settings.levels :], levels_of(anatomy.network, 1)
        self._partners = partners(own, anatomys, settings.pairing)
        self.fusions = nn.ModuleList(
            AnatomyFusion(channels, anatomys[partner][0], heads=settings.heads, block=settings.block)
            for (channels, _), partner in zip(own, self._partners, strict=True)
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
        seen, before = self.anatomy.to(image.device)(image[:, :1]), features[-levels:]
        anatomy = [seen[partner] for partner in self._partners]
        after = [fusion(*pair) for fusion, pair in zip(self.fusions, zip(before, anatomy, strict=True), strict=True)]
        self.similarity = tuple(_alike(*pair) for pair in zip(before, after, strict=True))
        return [*features[:-levels], *after]


def partners(own: Sequence[Level], anatomys: Sequence[Level], pairing: str) -> list[int]:
    """For each fused level (channels, side), the deepest last, the place of the encoder's level that it looks at.

    >>> partners([(32, 16), (48, 8)], [(16, 64), (40, 32), (64, 16), (88, 8), (96, 4)], "deepest")
    [3, 4]
    >>> partners([(32, 16), (48, 8)], [(16, 64), (40, 32), (64, 16), (88, 8), (96, 4)], "alike")
    [2, 3]
    """
    if pairing == "deepest":
        return list(range(len(anatomys) - len(own), len(anatomys)))
    return [min(range(len(anatomys)), key=lambda place: abs(math.log2(anatomys[place][1] / side))) for _, side in own]


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
