"""How large a query network is, and how its anatomy and pathology branches are joined (thesis, 4.1.1.4)."""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_positive

MIXERS = ("", "sum", "mean", "sum-two-ways", "cross-attention", "cross-attention-per-level")
SHARED = ("pixels", "backbone")
STEMS = (1, 2, 4)
LEVELS = 3  # the scales that the decoders look at in turn
_GROUPS = 32  # of Mask2Former's group norms


@dataclass(frozen=True)
class Shape:
    """The parts of a query network; the defaults are the thesis's size (Mask2Former on a ResNet-50).

    `stem` is the stride of the backbone's first stage: 4 is the ResNet's own, 2 and 1 suit slices of few pixels. Masks
    are found at that stride. `layers` are those of a decoder, `pixel_layers` those of the pixel decoder's deformable
    attention. `still_norms` keeps the backbone's batch norms as they came, for pre-trained weights and small batches.

    Raises:
        UsageError: A part cannot be built in this size.
    """

    channels: int = 3
    stem: int = 4
    embedding: int = 64
    features: tuple[int, ...] = (256, 512, 1024, 2048)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    block: str = "bottleneck"
    still_norms: bool = False
    hidden: int = 256
    heads: int = 8
    queries: int = 100
    layers: int = 9
    pixel_layers: int = 6
    feedforward: int = 2048
    pixel_feedforward: int = 1024

    def __post_init__(self) -> None:
        require_positive(self, "channels", "embedding", "features", "depths", "heads", "queries", "layers")
        require_positive(self, "pixel_layers", "feedforward", "pixel_feedforward")
        if len(self.features) != 4 or len(self.depths) != 4:
            raise UsageError(f"The backbone has four stages, but features {self.features} and depths {self.depths}.")
        if self.stem not in STEMS:
            raise UsageError(f"The setting stem is {self.stem}, but 1, 2 or 4 was expected.")
        if self.block not in ("basic", "bottleneck"):
            raise UsageError(f"The setting block is {self.block!r}, but basic or bottleneck was expected.")
        if self.hidden % _GROUPS or self.hidden % self.heads:
            raise UsageError(
                f"The setting hidden is {self.hidden}, but a multiple of {_GROUPS} and of the {self.heads} heads "
                "was expected."
            )

    @property
    def strides(self) -> tuple[int, ...]:
        """By stage of the backbone, how many pixels of the image one of its places covers.

        >>> Shape(stem=2).strides
        (2, 4, 8, 16)
        """
        return tuple(self.stem * 2**stage for stage in range(4))


@dataclass(frozen=True)
class Exchange:
    """What two branches have in common: the backbone or also the pixel decoder; how queries are mixed, if at all.

    With `detach` pathology learns from anatomy's queries, but sends no gradient into them.

    Raises:
        UsageError: There is no such mixer or such sharing.
    """

    shared: str = "pixels"
    mixer: str = ""
    detach: bool = False

    def __post_init__(self) -> None:
        if self.mixer not in MIXERS:
            raise UsageError(f"The mixer is {self.mixer!r}, but one of {', '.join(MIXERS[1:])} or none was expected.")
        if self.shared not in SHARED:
            raise UsageError(f"The setting shared is {self.shared!r}, but one of {', '.join(SHARED)} was expected.")

    @property
    def attends(self) -> bool:
        """Whether pathology's queries look at anatomy's, so that they can tell which ones they looked at."""
        return self.mixer.startswith("cross-attention")
