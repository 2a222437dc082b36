"""Query networks with one branch (Mask2Former) or two that exchange what they know (APEx; thesis, Figure 22)."""

from __future__ import annotations

from torch import Tensor, nn

from PathologySegLib.apex.decoding import Branch, Decoded, Pixels, decode
from PathologySegLib.apex.mixers import build_mixer
from PathologySegLib.apex.parts import build_parts
from PathologySegLib.apex.shape import Exchange, Shape


class QueryNetwork(nn.Module):
    """By branch the classes and masks of its queries after each layer; `classes` are each branch's, without nothing.

    With two branches the first is anatomy, the second pathology. Two that share the backbone alone have a pixel decoder
    each.
    """

    def __init__(self, shape: Shape, classes: tuple[int, ...], exchange: Exchange | None = None) -> None:
        super().__init__()
        parts = [build_parts(shape) for _ in classes]
        exchange = exchange or Exchange()
        self.backbone = parts[0].backbone
        decoders = 1 if exchange.shared == "pixels" else len(classes)
        self.pixel_decoders = nn.ModuleList(part.pixel_decoder for part in parts[:decoders])
        self.branches = nn.ModuleList(
            Branch(part.transformer, shape.hidden, count) for part, count in zip(parts, classes, strict=True)
        )
        self.mixer = build_mixer(exchange, shape) if len(classes) == 2 else None

    def forward(self, image: Tensor) -> Decoded:
        features = self.backbone(image)
        made = [Pixels(found.multi_scale_features, found.mask_features)
                for found in (decoder(features) for decoder in self.pixel_decoders)]  # fmt: skip
        pixels = made if len(made) == len(self.branches) else made * len(self.branches)
        return decode(list(self.branches), pixels, self.mixer)  # type: ignore[arg-type]
