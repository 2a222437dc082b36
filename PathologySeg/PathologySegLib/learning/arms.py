"""An arm of a comparison: what it is shown, what it learns by, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.study_options import require_positive

from PathologySegLib.grasp.settings import FusionSettings
from PathologySegLib.learning.backbones import Backbone
from PathologySegLib.learning.channels import channel_count
from PathologySegLib.learning.objectives import MULTI_TASK, OBJECTIVES, classes_of

if TYPE_CHECKING:
    from torch import nn

SHOWN = ("none", "predicted", "true", "shuffled")
ENCODERS = ("none", "mirror", "mixture", "random")
STARTS = ("scratch", "atlas")


@dataclass(frozen=True)
class Arm:
    """One configuration of Tables 14 and 15, or a control.

    `anatomy` is whose label map is shown as channels ("true" only for an oracle; "shuffled" is another's, moved).
    `fusion` is whose frozen encoder is fused: of the backbone's own kind ("mirror"), of another ("mixture"), or with
    weights that nothing trained ("random"). `kept` fuses in prediction too. `start` "atlas" goes on from the atlas
    network's weights. `steps` and `rate` are factors of the training's own. `weights_of` names a fusion: the U-Net is
    as wide as it takes to have as many weights as one with predicted anatomy and that fusion has in training.
    `same_training_as` names the arm whose weights this one tries differently. The arm's gain over `reference` counts
    where that of its `control` over the same reference does not.

    Raises:
        UsageError: A value is none of those that there are.
    """

    anatomy: str = "none"
    fusion: str = "none"
    kept: bool = False
    objective: str = "lesions"
    alpha: float = 0.8
    start: str = "scratch"
    steps: float = 1.0
    rate: float = 1.0
    weights_of: str = "none"
    residual: bool = False
    same_training_as: str = ""
    reference: str = "baseline"
    control: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for name, known in (
            ("anatomy", SHOWN),
            ("fusion", ENCODERS),
            ("weights_of", ENCODERS),
            ("objective", OBJECTIVES),
            ("start", STARTS),
        ):
            if getattr(self, name) not in known:
                raise UsageError(f"An arm's {name} is {getattr(self, name)!r}, but one of {', '.join(known)} is known.")
        require_positive(self, "steps", "rate")
        if not 0.0 <= self.alpha <= 1.0:
            raise UsageError(f"An arm's alpha is {self.alpha:g}, but 0 to 1 was expected.")

    @property
    def needs_encoder(self) -> bool:
        """Whether an atlas network is fused, gone on from, or counted."""
        return self.start == "atlas" or self.fusion != "none" or self.weights_of != "none"

    def form(self, shown_form: str) -> str:
        """The form of the anatomy in the image: that of arms that show it, or none."""
        return "none" if self.anatomy == "none" else shown_form


@dataclass(frozen=True)
class Building:
    """What an arm's network is made of: `even` weighs all voxels alike in the loss, as the thesis does.

    `prior` is the share that the network calls a lesion before it learned anything; 0 leaves the heads as drawn.
    """

    backbone: Backbone
    fusion: FusionSettings
    form: str
    steps: int
    even: bool
    prior: float
    seed: int


@dataclass(frozen=True)
class Built:
    """A network and the loss that it learns by."""

    network: nn.Module
    loss: Any


def build(arm: Arm, how: Building, encoder: nn.Module | None) -> Built:
    """The arm's network with its first weights; `encoder` is the atlas network that is fused or gone on from.

    Raises:
        UsageError: The arm needs an atlas network, and none was given.
    """
    import torch
    from AnatomyGuidedLib.networks.build import build_network

    from PathologySegLib.learning.objectives import loss_of
    from PathologySegLib.learning.prior import start_with_prior

    if encoder is None and arm.needs_encoder:
        raise UsageError(f"An arm with the fusion {arm.fusion} and the start {arm.start} needs an atlas model.")
    torch.manual_seed(how.seed)
    channels, classes = channel_count(arm.form(how.form)), classes_of(arm.objective)
    backbone = replace(how.backbone, residual=arm.residual or how.backbone.residual)
    if encoder is not None and arm.weights_of != "none":
        backbone = as_heavy(backbone, arm, how, encoder)
    network = build_network(backbone.entry(channels=channels, classes=classes, deep_supervision=True))
    if how.prior:
        start_with_prior(network, classes, how.prior)
    if encoder is not None and arm.start == "atlas":
        from PathologySegLib.learning.fine_tuning import start_from

        start_from(network, encoder)
    if arm.objective == MULTI_TASK:
        return _multi_task(arm, network, backbone, channels, how)
    if encoder is not None and arm.fusion != "none":
        network = _fused(arm, network, encoder, channels, how)
    return Built(network, loss_of(arm.objective, even=how.even))


def as_heavy(backbone: Backbone, arm: Arm, how: Building, encoder: nn.Module) -> Backbone:
    """The U-Net widened until it has at least as many weights as the fusion that the arm names has in training."""
    import torch
    from AnatomyGuidedLib.networks.build import build_network

    channels, classes = channel_count(arm.form(how.form)), classes_of(arm.objective)
    wanted = weight_count(build(Arm(anatomy="predicted", fusion=arm.weights_of), how, encoder).network)
    for hundredth in range(100, 300):
        wide = backbone.widened(hundredth / 100)
        with torch.device("meta"):
            found = build_network(wide.entry(channels=channels, classes=classes, deep_supervision=True))
        if weight_count(found) >= wanted:
            return wide
    raise UsageError("No U-Net of up to three times the features has as many weights as the fusion.")


def weight_count(network: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(value.numel() for value in network.parameters())


def _multi_task(arm: Arm, network: nn.Module, backbone: Backbone, channels: int, how: Building) -> Built:
    from AnatomyGuidedLib.networks.build import build_network

    from PathologySegLib.learning.multi_task import MultiTask, MultiTaskLoss
    from PathologySegLib.petct.anatomy_channels import group_names

    organs = backbone.entry(channels=channels, classes=len(group_names()) + 1, deep_supervision=True)
    both = MultiTask(network, build_network(organs))
    return Built(both, MultiTaskLoss(both, arm.alpha, even=how.even))


def _fused(arm: Arm, network: nn.Module, encoder: nn.Module, channels: int, how: Building) -> nn.Module:
    from AnatomyGuidedLib.networks.frozen import FrozenEncoder

    from PathologySegLib.grasp.network import Grasp

    settings = replace(how.fusion, kept=arm.kept or how.fusion.kept)
    return Grasp(
        network,
        FrozenEncoder(encoder),
        settings,
        entering=channels,
        activation_step=settings.activation_step(how.steps),
    )
