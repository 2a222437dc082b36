"""How anatomy's features are fused: what a recipe's `fusion` group may say."""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_positive

PAIRINGS = ("deepest", "alike")


@dataclass(frozen=True)
class FusionSettings:
    """The deepest `levels` (1 or 2) are fused from `activation_epoch` on; an epoch is one of `epochs` equal parts.

    `kept` fuses in prediction too; the thesis leaves the fusion out there (4.2.3). `block` is "add-norm" or "plain".
    `pairing` says which of the encoder's levels a level is fused with: counted from the "deepest", or "alike" in size,
    which differ where the encoder has more levels than the backbone.

    Raises:
        UsageError: A value is none that can be fused with.
    """

    levels: int = 2
    heads: int = 8
    block: str = "add-norm"
    pairing: str = "deepest"
    epochs: int = 300
    activation_epoch: int = 50
    kept: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "heads", "epochs")
        if self.levels not in (1, 2):
            raise UsageError(f"The setting levels is {self.levels}, but the one or two deepest can be fused.")
        if self.pairing not in PAIRINGS:
            raise UsageError(
                f"The fusion's pairing is {self.pairing!r}, but one of {', '.join(PAIRINGS)} was expected."
            )
        if not 0 <= self.activation_epoch <= self.epochs:
            raise UsageError(
                f"The setting activation_epoch must be 0 to {self.epochs}, but is {self.activation_epoch}."
            )

    def activation_step(self, steps: int) -> int:
        """Of so many steps the first, counted from 0, that fuses.

        >>> FusionSettings().activation_step(600)
        100
        """
        return steps * self.activation_epoch // self.epochs
