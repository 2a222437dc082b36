"""Mask2Former's decoder one layer at a time, so that several can go on in lock-step (thesis, Equations 6 to 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from PathologySegLib.apex.mixers import Mixer
from PathologySegLib.apex.shape import LEVELS


class Pixels(NamedTuple):
    """What a pixel decoder makes of an image: maps of three scales, the coarsest first, and the embedding of pixels."""

    maps: tuple[Tensor, ...]
    embedding: Tensor


class Queries(NamedTuple):
    """By query its classes (batch, queries, classes and nothing) and its mask (batch, queries, height, width)."""

    classes: Tensor
    masks: Tensor


class View(NamedTuple):
    """What a decoder looks at: by level the places' features and positions (places, batch, hidden), and their grid."""

    features: list[Tensor]
    positions: list[Tensor]
    grids: list[tuple[int, int]]
    embedding: Tensor


class Branch(nn.Module):
    """One of transformers' decoders with its queries, and the classifier of what they found."""

    def __init__(self, transformer: Any, hidden: int, classes: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.classifier = nn.Linear(hidden, classes + 1)

    @property
    def layers(self) -> int:
        return len(self.transformer.decoder.layers)

    def view(self, pixels: Pixels) -> View:
        """The pixel decoder's maps as this branch looks at them."""
        module = self.transformer
        features, positions, grids = [], [], []
        for level, image in enumerate(pixels.maps):
            placed = module.position_embedder(image.shape, image.device, image.dtype, None)
            own = module.input_projections[level](image).flatten(2) + module.level_embed.weight[level][None, :, None]
            features.append(own.permute(2, 0, 1))
            positions.append(placed.flatten(2).permute(2, 0, 1))
            grids.append((image.shape[-2], image.shape[-1]))
        return View(features, positions, grids, pixels.embedding)

    def start(self, batch: int) -> Tensor:
        """The learned queries before the first layer (queries, batch, hidden)."""
        return self._spread(self.transformer.queries_features, batch)

    def step(self, layer: int, queries: Tensor, view: View, hidden_places: Tensor) -> Tensor:
        """The queries after a layer; each sees the places within its last mask, or all where that has none."""
        everything_hidden = hidden_places.all(-1, keepdim=True)
        found = self.transformer.decoder.layers[layer](
            queries,
            layer % LEVELS,
            None,
            view.positions,
            self._spread(self.transformer.queries_embedder, queries.shape[1]),
            view.features,
            encoder_attention_mask=hidden_places & ~everything_hidden,
        )
        return found[0]  # type: ignore[no-any-return]

    def predicted(self, queries: Tensor, view: View, layer: int) -> tuple[Queries, Tensor]:
        """What the queries say before a layer, and which places that layer hides from each of them."""
        normed = self.transformer.decoder.layernorm(queries)
        masks, hidden = self.transformer.decoder.mask_predictor(normed, view.embedding, view.grids[layer % LEVELS])
        return Queries(self.classifier(normed.transpose(0, 1)), masks), hidden

    @staticmethod
    def _spread(embedding: nn.Embedding, batch: int) -> Tensor:
        return embedding.weight[:, None].expand(-1, batch, -1)


class Decoded(NamedTuple):
    """By branch what its queries said, from before the first layer to after the last; attention by layer."""

    said: tuple[tuple[Queries, ...], ...]
    attention: tuple[Tensor, ...] = ()


def decode(branches: Sequence[Branch], pixels: Sequence[Pixels], mixer: Mixer | None = None) -> Decoded:
    """All branches' layers side by side; after each one the mixer lets the second branch learn from the first."""
    views = [branch.view(own) for branch, own in zip(branches, pixels, strict=True)]
    batch = views[0].embedding.shape[0]
    queries = [branch.start(batch) for branch in branches]
    told = [b.predicted(q, v, 0) for b, q, v in zip(branches, queries, views, strict=True)]
    said, attention = [[one for one, _ in told]], []
    for layer in range(branches[0].layers):
        queries = [
            branch.step(layer, own, view, hidden)
            for branch, own, view, (_, hidden) in zip(branches, queries, views, told, strict=True)
        ]
        if mixer is not None:
            mixed = mixer(queries[0], queries[1], layer)
            queries = [mixed.anatomy, mixed.pathology]
            attention += [mixed.attention] if mixed.attention is not None else []
        told = [b.predicted(q, v, layer + 1) for b, q, v in zip(branches, queries, views, strict=True)]
        said.append([one for one, _ in told])
    return Decoded(tuple(zip(*said, strict=True)), tuple(attention))
