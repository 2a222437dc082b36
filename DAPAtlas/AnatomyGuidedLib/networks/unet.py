"""The U-Net of nnU-Net in plain torch: plain or residual encoder, 2D or 3D, with the key names of published weights.

The layout follows `PlainConvUNet` and `ResidualEncoderUNet` of dynamic-network-architectures, so that weights that
nnU-Net v2 trained load as they are (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z; 2024, arXiv 2404.09556).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

_CONVOLUTIONS: Mapping[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: Mapping[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_INSTANCE_NORMS: Mapping[int, Any] = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_BATCH_NORMS: Mapping[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_MEAN_POOLS: Mapping[int, Any] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}


@dataclass(frozen=True)
class UNetShape:
    """What a U-Net looks like: one entry a stage, from the finest to the deepest; strides lead into their stage."""

    channels: int
    classes: int
    features: tuple[int, ...]
    kernels: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    encoder_blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    residual: bool = False
    bias: bool = True
    norm: str = "instance"
    deep_supervision: bool = True
    decoder_kernels: tuple[tuple[int, ...], ...] = ()  # from the deepest up; by default those of the encoder's stage
    decoder_bias: bool = True  # of the transposed convolutions and the heads

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return len(self.kernels[0])

    @property
    def divisors(self) -> tuple[int, ...]:
        """By axis, what the size of an input must be a multiple of."""
        totals = [1] * self.dimensions
        for stride in self.strides:
            totals = [total * step for total, step in zip(totals, stride, strict=True)]
        return tuple(totals)


class UNet(nn.Module):
    """Logits (batch, classes, *space) of an image (batch, channels, *space).

    In training, with deep supervision, a list: full resolution first, then each coarser stage.
    """

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = _ResidualEncoder(shape) if shape.residual else _PlainEncoder(shape)
        self.decoder = _Decoder(shape)

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        return cast("Tensor | list[Tensor]", self.decoder(self.encoder(image)))


class _PlainEncoder(nn.Module):
    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        stages, entering = [], shape.channels
        for stage, features in enumerate(shape.features):
            blocks = _Blocks(shape, entering, features, shape.kernels[stage], shape.strides[stage],
                             shape.encoder_blocks[stage])  # fmt: skip
            stages.append(nn.Sequential(blocks))
            entering = features
        self.stages = nn.Sequential(*stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        return _each_stage(self.stages, image)


class _ResidualEncoder(nn.Module):
    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        ones = (1,) * shape.dimensions
        self.stem = _Blocks(shape, shape.channels, shape.features[0], shape.kernels[0], ones, 1)
        stages, entering = [], shape.features[0]
        for stage, features in enumerate(shape.features):
            stages.append(_ResidualBlocks(shape, entering, features, stage))
            entering = features
        self.stages = nn.Sequential(*stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        return _each_stage(self.stages, self.stem(image))


class _Decoder(nn.Module):
    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.deep_supervision = shape.deep_supervision
        stages, ups, heads = [], [], {}
        for step, blocks in enumerate(shape.decoder_blocks):
            below, skip = shape.features[-1 - step], shape.features[-2 - step]
            stride = shape.strides[-1 - step]
            kernel = shape.decoder_kernels[step] if shape.decoder_kernels else shape.kernels[-2 - step]
            ups.append(
                _TRANSPOSED[shape.dimensions](below, skip, stride, stride, bias=shape.bias and shape.decoder_bias)
            )
            stages.append(_Blocks(shape, 2 * skip, skip, kernel, (1,) * shape.dimensions, blocks))
            if shape.deep_supervision or step + 1 == len(shape.decoder_blocks):
                heads[str(step)] = _CONVOLUTIONS[shape.dimensions](skip, shape.classes, 1, bias=shape.decoder_bias)
        self.stages, self.transpconvs, self.seg_layers = (
            nn.ModuleList(stages),
            nn.ModuleList(ups),
            nn.ModuleDict(heads),
        )

    def forward(self, skips: Sequence[Tensor]) -> Tensor | list[Tensor]:
        below, found = skips[-1], []
        last = len(self.stages) - 1
        supervised = self.deep_supervision and self.training
        for step, (up, stage) in enumerate(zip(self.transpconvs, self.stages, strict=True)):
            below = stage(torch.cat((up(below), skips[-2 - step]), 1))
            if step == last or supervised:
                found.append(self.seg_layers[str(step)](below))
        return found[::-1] if supervised else found[-1]


class _Blocks(nn.Module):
    """Convolutions in a row, the first of which may go to a coarser grid."""

    def __init__(self, shape: UNetShape, entering: int, leaving: int, kernel: Sequence[int], stride: Sequence[int],
                 blocks: int) -> None:  # fmt: skip
        super().__init__()
        ones = (1,) * shape.dimensions
        self.convs = nn.Sequential(
            _Block(shape, entering, leaving, kernel, stride),
            *(_Block(shape, leaving, leaving, kernel, ones) for _ in range(blocks - 1)),
        )

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.convs(image))


class _Block(nn.Module):
    """Convolution, norm, and (unless a residual is added first) leaky rectifier."""

    def __init__(self, shape: UNetShape, entering: int, leaving: int, kernel: Sequence[int], stride: Sequence[int],
                 *, bends: bool = True, bias: bool | None = None) -> None:  # fmt: skip
        super().__init__()
        padding = tuple((size - 1) // 2 for size in kernel)
        with_bias = shape.bias if bias is None else bias
        self.conv = _CONVOLUTIONS[shape.dimensions](
            entering, leaving, tuple(kernel), tuple(stride), padding, bias=with_bias
        )
        norms = _BATCH_NORMS if shape.norm == "batch" else _INSTANCE_NORMS
        self.norm = norms[shape.dimensions](leaving, eps=1e-5, affine=True)
        self.bend = nn.LeakyReLU(0.01, inplace=True) if bends else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.bend(self.norm(self.conv(image))))


class _ResidualBlocks(nn.Module):
    def __init__(self, shape: UNetShape, entering: int, leaving: int, stage: int) -> None:
        super().__init__()
        kernel, ones = shape.kernels[stage], (1,) * shape.dimensions
        first = _ResidualBlock(shape, entering, leaving, kernel, shape.strides[stage])
        others = (_ResidualBlock(shape, leaving, leaving, kernel, ones) for _ in range(shape.encoder_blocks[stage] - 1))
        self.blocks = nn.Sequential(first, *others)

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.blocks(image))


class _ResidualBlock(nn.Module):
    def __init__(self, shape: UNetShape, entering: int, leaving: int, kernel: Sequence[int], stride: Sequence[int]
                 ) -> None:  # fmt: skip
        super().__init__()
        ones = (1,) * shape.dimensions
        self.conv1 = _Block(shape, entering, leaving, kernel, stride)
        self.conv2 = _Block(shape, leaving, leaving, kernel, ones, bends=False)
        around: list[nn.Module] = []
        if max(stride) > 1:
            around.append(_MEAN_POOLS[shape.dimensions](tuple(stride), tuple(stride)))
        if entering != leaving:
            around.append(_Block(shape, entering, leaving, ones, ones, bends=False, bias=False))
        self.skip = nn.Sequential(*around)
        self.bend = nn.LeakyReLU(0.01, inplace=True)

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.bend(self.conv2(self.conv1(image)) + self.skip(image)))


def _each_stage(stages: nn.Sequential, image: Tensor) -> list[Tensor]:
    found = []
    for stage in stages:
        image = stage(image)
        found.append(image)
    return found
