"""The backbones of Table 15 by name and size, for any number of channels and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_positive

UNET, POSITIONED = "unet", "positioned-unet"
MONAIS = ("UNet", "SegResNet", "MedNeXt")
ARCHITECTURES = (UNET, POSITIONED, *MONAIS)


@dataclass(frozen=True)
class Backbone:
    """Our U-Net ("unet", or "positioned-unet" that sees places too) by features and blocks a stage, or one of MONAI's.

    MONAI's ("UNet", "SegResNet", "MedNeXt") take `arguments` of their own. A `residual` U-Net is nnU-Net's ResEnc.

    Raises:
        UsageError: The architecture is unknown.
    """

    architecture: str = UNET
    features: tuple[int, ...] = (16, 40, 64, 88, 96)
    encoder_blocks: int = 2
    decoder_blocks: int = 1
    residual: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_positive(self, "features", "encoder_blocks", "decoder_blocks")
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise UsageError(f"The backbone is {self.architecture!r}, but one of {known} was expected.")

    def widened(self, factor: float) -> Backbone:
        """The same U-Net with so many times the features.

        >>> Backbone(features=(8, 20)).widened(1.25).features
        (10, 25)
        """
        return replace(self, features=tuple(max(1, round(width * factor)) for width in self.features))

    def entry(self, *, channels: int, classes: int, deep_supervision: bool) -> dict[str, Any]:
        """The network for a model's card and for `networks.build`."""
        if self.architecture in (UNET, POSITIONED):
            return {"architecture": self.architecture, "arguments": self._shape(channels, classes, deep_supervision)}
        told = {"spatial_dims": 3, "in_channels": channels, "out_channels": classes, **self.arguments}
        if self.architecture == "MedNeXt" and not deep_supervision:
            told["deep_supervision"] = False
        return {"architecture": self.architecture, "arguments": told}

    def _shape(self, channels: int, classes: int, deep_supervision: bool) -> dict[str, Any]:
        from AnatomyGuidedLib.networks.unet import UNetShape

        stages = len(self.features)
        shape = UNetShape(
            channels=channels + 2 * (self.architecture == POSITIONED),
            classes=classes,
            features=self.features,
            kernels=((3, 3, 3),) * stages,
            strides=((1, 1, 1),) + ((2, 2, 2),) * (stages - 1),
            encoder_blocks=(self.encoder_blocks,) * stages,
            decoder_blocks=(self.decoder_blocks,) * (stages - 1),
            residual=self.residual,
            deep_supervision=deep_supervision,
        )
        return asdict(shape)
