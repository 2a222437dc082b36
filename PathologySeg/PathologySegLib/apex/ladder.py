"""The arms of Table 10: ways to bring anatomy into the training, and ways to join two decoders (thesis, 4.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from AnatomyGuidedLib.errors import UsageError

from PathologySegLib.apex.shape import Exchange

Learned = Literal["pathology", "pasted", "both"]


@dataclass(frozen=True)
class Arm:
    """What a network learns, from what, and how.

    `learned`: pathology alone; pathology pasted on anatomy as one more class, which then counts `gamma`; or both, by a
    branch each that are joined by the exchange. `pretrained` learns anatomy first. `anatomy_input` sees the anatomy in
    the image's third channel.
    """

    title: str
    learned: Learned = "pathology"
    gamma: float = 1.0
    pretrained: bool = False
    anatomy_input: bool = False
    exchange: Exchange = field(default_factory=Exchange)
    kind: str = "mask2former"

    @property
    def has_resnet(self) -> bool:
        """Whether it can begin with the weights of one."""
        return self.kind != "unet"

    @property
    def needs_anatomy(self) -> bool:
        """Whether it learns the anatomy, or is shown it."""
        return self.learns_anatomy or self.anatomy_input

    @property
    def learns_anatomy(self) -> bool:
        """Whether the training needs the anatomy's masks."""
        return self.learned != "pathology" or self.pretrained


def _both(title: str, shared: str, mixer: str = "") -> Arm:
    return Arm(title, "both", exchange=Exchange(shared, mixer))


LADDER: Mapping[str, Arm] = {
    "baseline": Arm("Baseline (Mask2Former)"),
    "pretrain": Arm("Pretrain on anatomy", pretrained=True),
    "multitask-1": Arm("Multitask, gamma 1", "pasted"),
    "multitask-10": Arm("Multitask, gamma 10", "pasted", gamma=10.0),
    "multitask-142": Arm("Multitask, gamma 142", "pasted", gamma=142.0),
    "anatomy-input": Arm("Anatomy in", anatomy_input=True),
    "anatomy-input-multitask": Arm("Anatomy in, gamma 1", "pasted", anatomy_input=True),
    "shared-backbone": _both("+ shared backbone", "backbone"),
    "shared-pixels": _both("+ shared pixel decoder", "pixels"),
    "query-sum": _both("APEx: query sum", "pixels", "sum"),
    "query-sum-two-ways": _both("APEx: query sum, two ways", "pixels", "sum-two-ways"),
    "query-mean": _both("APEx: query mean", "pixels", "mean"),
    "cross-attention": _both("APEx: cross-attention", "pixels", "cross-attention"),
    "cross-attention-per-level": _both("APEx: cross-attention per level", "pixels", "cross-attention-per-level"),
}

RIVALS: Mapping[str, Arm] = {
    "unet": Arm("U-Net, 2D", kind="unet"),
    "deeplab": Arm("DeepLabV3+", kind="deeplab"),
    "maskformer": Arm("MaskFormer", kind="maskformer"),
}

NOT_RUN: Mapping[str, str] = {
    "mask-rcnn": "needs torchvision's or detectron2's region operations",
    "cascade-mask-rcnn": "needs detectron2 or mmdetection",
    "pointrend": "needs detectron2",
    "maskdino": "needs detectron2 and a compiled CUDA operation",
}

ARMS: Mapping[str, Arm] = {**LADDER, **RIVALS}


def arm_by_name(name: str) -> Arm:
    """The arm of this name.

    Raises:
        UsageError: There is none, or it is one that cannot run here.
    """
    if name in NOT_RUN:
        raise UsageError(f"The arm {name} does not run here: it {NOT_RUN[name]}.")
    if name not in ARMS:
        raise UsageError(f"There is no arm {name!r}; known are {', '.join(ARMS)}.")
    return ARMS[name]
