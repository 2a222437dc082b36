"""The recipe of a demonstration model: a small U-Net that learns the DAP Atlas from made patients alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress
from AnatomyGuidedLib.study_options import require_positive

from DAPAtlasLib.training.phantom_patches import PatchSettings, PhantomPatches, class_ids

if TYPE_CHECKING:
    from AnatomyGuidedLib.learning.trainer import Training
    from AnatomyGuidedLib.networks.unet import UNetShape


@dataclass(frozen=True)
class PhantomRecipe:
    """What is trained on made patients, and how: features a stage, blocks a stage, patches, steps."""

    features: tuple[int, ...] = (16, 40, 64, 88, 96)
    encoder_blocks: int = 2
    decoder_blocks: int = 1
    patches: PatchSettings = field(default_factory=PatchSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        require_positive(self, "features", "encoder_blocks", "decoder_blocks")

    def shape(self) -> UNetShape:
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
) -> Training:
    """The training with all its steps done; what it needs to go on after a stop lies in the folder.

    Raises:
        Cancelled: The user stopped; the next call goes on from there.
    """
    import torch
    from AnatomyGuidedLib.learning.trainer import Training
    from AnatomyGuidedLib.networks.position import Positioned
    from AnatomyGuidedLib.networks.unet import UNet

    torch.manual_seed(recipe.training.seed)
    training = Training(Positioned(UNet(recipe.shape())), recipe.training, device=device)
    training.run(PhantomPatches(recipe.patches), folder, progress=progress, cancelled=cancelled)
    return training
