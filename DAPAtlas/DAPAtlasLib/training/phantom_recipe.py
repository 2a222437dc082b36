"""The recipe of a demonstration model: a small U-Net that learns the DAP Atlas from made patients alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of
from AnatomyGuidedLib.study_options import require_positive

from DAPAtlasLib.training.phantom_patches import PatchSettings, PhantomPatches, class_ids

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Training
    from AnatomyGuidedLib.networks.unet import UNetShape


POSITIONED = "positioned-unet"


@dataclass(frozen=True)
class Phase:
    """A part of the training with its own patches: coarse ones teach the layout of a body, fine ones its borders."""

    patches: PatchSettings = field(default_factory=PatchSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class PhantomRecipe:
    """What is trained on made patients: a network, and phases, each going on from the last.

    The network is our U-Net that knows positions (features a stage, blocks a stage), or one of MONAI's by its name,
    with `arguments` of its own.
    """

    architecture: str = POSITIONED
    arguments: Mapping[str, object] = field(default_factory=dict)
    features: tuple[int, ...] = (16, 40, 64, 88, 96)
    encoder_blocks: int = 2
    decoder_blocks: int = 1
    phases: tuple[Phase, ...] = (Phase(),)

    def __post_init__(self) -> None:
        require_positive(self, "features", "encoder_blocks", "decoder_blocks")
        if not self.phases:
            raise UsageError("The setting phases is empty, but at least one phase was expected.")
        if self.arguments and self.architecture == POSITIONED:
            raise UsageError(f"The setting arguments is for MONAI's networks; {POSITIONED} has features and blocks.")

    def entry(self, *, deep_supervision: bool) -> dict[str, Any]:
        """The network for a model's card; deep supervision adds heads that only training needs."""
        if self.architecture == POSITIONED:
            shape = replace(self._shape(), deep_supervision=deep_supervision)
            return {"architecture": POSITIONED, "arguments": asdict(shape)}
        told = {"spatial_dims": 3, "in_channels": 1, "out_channels": len(class_ids()), **self.arguments}
        return {"architecture": self.architecture, "arguments": told}

    def _shape(self) -> UNetShape:
        """The network: cubic kernels, every stage at half the resolution of the one before."""
        from AnatomyGuidedLib.networks.unet import UNetShape

        stages = len(self.features)
        return UNetShape(
            channels=3,
            classes=len(class_ids()),
            features=self.features,
            kernels=((3, 3, 3),) * stages,
            strides=((1, 1, 1),) + ((2, 2, 2),) * (stages - 1),
            encoder_blocks=(self.encoder_blocks,) * stages,
            decoder_blocks=(self.decoder_blocks,) * (stages - 1),
        )


def train_on_phantoms(
    recipe: PhantomRecipe,
    folder: Path,
    *,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[Training]:
    """The phases with all their steps done; what they need to go on after a stop lies in the folder.

    Raises:
        Cancelled: The user stopped; the next call goes on from there.
    """
    import torch
    from AnatomyGuidedLib.learning.trainer import Training
    from AnatomyGuidedLib.networks.build import build_network

    torch.manual_seed(recipe.phases[0].training.seed)
    network, trainings = build_network(recipe.entry(deep_supervision=True)), []
    for number, phase in enumerate(recipe.phases):
        training = Training(network, phase.training, device=device)
        told = part_of(progress, number / len(recipe.phases), (number + 1) / len(recipe.phases))
        training.run(PhantomPatches(phase.patches), phase_folder(folder, number), progress=told, cancelled=cancelled)
        network.load_state_dict(training.averaged)
        trainings.append(training)
    return trainings


def phase_folder(folder: Path, number: int) -> Path:
    """Where a phase keeps its state and its log."""
    return folder / f"phase_{number + 1}"
