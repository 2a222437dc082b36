"""What pathology's queries take over from anatomy's after each decoder layer (thesis, 4.1.1.3 and Equation 8)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from PathologySegLib.apex.shape import LEVELS, Exchange, Shape


class Mixed(NamedTuple):
    """Both branches' queries (queries, batch, hidden); who looked at whom (batch, pathology, anatomy), if anyone."""

    anatomy: Tensor
    pathology: Tensor
    attention: Tensor | None = None


class Mixer(nn.Module):
    """Without a mixer both branches stay as they are."""

    def __init__(self, *, detach: bool = False) -> None:
        super().__init__()
        self.detach = detach

    def forward(self, anatomy: Tensor, pathology: Tensor, layer: int) -> Mixed:
        given = anatomy.detach() if self.detach else anatomy
        return self.mixed(Mixed(anatomy, pathology), given, layer)

    def mixed(self, own: Mixed, given: Tensor, layer: int) -> Mixed:  # noqa: ARG002
        """Both branches after the exchange; `given` is the anatomy that pathology may learn from."""
        return own


class Sum(Mixer):
    """Pathology's query i and anatomy's query i added up."""

    def mixed(self, own: Mixed, given: Tensor, layer: int) -> Mixed:  # noqa: ARG002
        return Mixed(own.anatomy, own.pathology + given)


class Mean(Mixer):
    """The mean of pathology's query i and anatomy's query i."""

    def mixed(self, own: Mixed, given: Tensor, layer: int) -> Mixed:  # noqa: ARG002
        return Mixed(own.anatomy, (own.pathology + given) / 2)


class SumTwoWays(Mixer):
    """Both branches become the sum of both: anatomy no longer stays agnostic of pathology."""

    def mixed(self, own: Mixed, given: Tensor, layer: int) -> Mixed:  # noqa: ARG002
        back = own.pathology.detach() if self.detach else own.pathology
        return Mixed(own.anatomy + back, own.pathology + given)


class CrossAttention(Mixer):
    """Pathology's queries look at anatomy's: the query plus what it saw, times a gate that is learned for each level.

    One attention serves all layers, or each level of the pixel decoder has its own. Gates begin at 1.
    """

    def __init__(self, hidden: int, heads: int, *, attentions: int = 1, detach: bool = False) -> None:
        super().__init__(detach=detach)
        self.attentions = nn.ModuleList(nn.MultiheadAttention(hidden, heads) for _ in range(attentions))
        self.gates = nn.Parameter(torch.ones(LEVELS))

    def mixed(self, own: Mixed, given: Tensor, layer: int) -> Mixed:
        level = layer % LEVELS
        seen, weights = self.attentions[level % len(self.attentions)](own.pathology, given, given)
        return Mixed(own.anatomy, own.pathology + self.gates[level] * seen, weights)


def build_mixer(exchange: Exchange, shape: Shape) -> Mixer:
    """The mixer of this name with random weights."""
    if exchange.mixer.startswith("cross-attention"):
        attentions = min(LEVELS, shape.layers) if exchange.mixer.endswith("per-level") else 1
        return CrossAttention(shape.hidden, shape.heads, attentions=attentions, detach=exchange.detach)
    plain = {"": Mixer, "sum": Sum, "mean": Mean, "sum-two-ways": SumTwoWays}
    return plain[exchange.mixer](detach=exchange.detach)
