"""Lesions by a network of blocks or slices: one of ours with its card, or an nnU-Net v2 folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from AnatomyGuidedLib.predictors.predictor import NEEDS_TORCH, Labels, Predictor
from AnatomyGuidedLib.predictors.preparation import BODY, WHOLE, Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

from PathologySegLib.finder import Found
from PathologySegLib.finders import ENTRY, TASK
from PathologySegLib.model_channels import CT, PET, lesion_values, require_order, resolved_channels
from PathologySegLib.parameters import ModelChoice
from PathologySegLib.petct.anatomy_channels import ANATOMY, channel_named
from PathologySegLib.petct.inputs import EMPTY, ONTO_CT, ONTO_PET, PetCt, channel_names
from PathologySegLib.petct.presets import BENCHMARK, Preset

if TYPE_CHECKING:
    from AnatomyGuidedLib.inference.windows import Window
    from torch import nn

    from PathologySegLib.grasp.kept import KeptFusion

FUSION = "fusion"  # in the card's entry of lesions


@dataclass(frozen=True)
class NetworkFinder:
    """A predictor whose channels and lesion labels are known."""

    predictor: Predictor
    channels: tuple[str, ...]
    lesions: tuple[int, ...]
    onto: str = ONTO_PET
    preset: str = ""
    atlas: str = ""

    @property
    def name(self) -> str:
        return self.predictor.name

    @property
    def needs_anatomy(self) -> bool:
        return any(channel.startswith(ANATOMY) for channel in self.channels)

    @property
    def tells_attention(self) -> bool:
        return False

    @property
    def facts(self) -> Mapping[str, object]:
        return {
            "channels": list(self.channels),
            "preset": self.preset,
            "lesion_labels": list(self.lesions),
            "common_grid": self.onto,
            **({"atlas": self.atlas} if self.atlas else {}),
        }

    def found(
        self,
        study: PetCt,
        *,
        device: str = "auto",
        progress: Progress = no_progress,
        cancelled: CancelCheck = never_cancelled,
    ) -> Found:
        """The voxels of the model's lesion labels.

        Raises:
            UsageError: The model needs anatomy, but the study has none.
            AnatomyGuidedError: The study is not what the model takes, or torch is missing.
            Cancelled: The user stopped between two windows.
        """
        if self.needs_anatomy and study.anatomy is None:
            raise UsageError(f"The model {self.name} takes the anatomy as a channel; give --anatomy.")
        volumes = [_channel(study, name) for name in self.channels]
        labelmap, notes = self.predictor.labelmap(volumes, device=device, progress=progress, cancelled=cancelled)
        return Found(np.isin(labelmap.values, self.lesions), notes)


def read_finder(folder: Path, entry: Mapping[str, Any], choice: ModelChoice) -> NetworkFinder:
    """The lesion model of a folder of ours (`entry` is what its card says of lesions), or of an nnU-Net v2 folder.

    Raises:
        UsageError: Its channels or labels do not say what they are, or it takes no PET.
        AnatomyGuidedError: It is damaged, or torch is missing.
    """
    predictor = _predictor(folder, choice)
    if FUSION in entry:
        from PathologySegLib.grasp.kept import with_fusion

        predictor = with_fusion(predictor, folder, entry[FUSION])
    channels = resolved_channels(predictor.name, predictor.channels, choice.channels)
    require_order(predictor.name, channels, predictor.preparation.normalisations)
    onto = str(entry.get("common_grid", ONTO_PET))
    if onto not in (ONTO_PET, ONTO_CT):
        raise AnatomyGuidedError(f"The card of {predictor.name} asks for the grid {onto!r}, but pet or ct is known.")
    lesions = lesion_values(predictor.name, predictor.labels, choice.lesion_labels)
    return NetworkFinder(predictor, channels, lesions, onto, str(entry.get("preset", "")), str(entry.get("atlas", "")))


def lesion_preparation(preset: Preset, anatomy: str, spacing_mm: tuple[float, float, float]) -> Preparation:
    """How a study is prepared for a network of ours: third-order splines for images, the nearest voxel for anatomy.

    What lies around the body is cut off, unless the preset takes percentiles of the whole image.
    """
    names = channel_names(preset, anatomy)
    plain = Normalisation()
    return Preparation(
        normalisations=(preset.ct, preset.pet, *[plain] * (len(names) - 2)),
        spacing_mm=spacing_mm,
        orientation="RAS",
        crop=WHOLE if preset.name == BENCHMARK else BODY,
        resampling=Resampling(order=3, apart=False),
        label_channels=tuple(range(2, len(names))),
    )


def write_lesion_model(
    folder: Path,
    networks: Sequence[nn.Module],
    *,
    network: Mapping[str, Any],
    window: Window,
    preparation: Preparation,
    preset: Preset,
    anatomy: str,
    labels: Labels | None = None,
    onto: str = ONTO_PET,
    atlas: str = "",
    half: bool = False,
    fusion: KeptFusion | None = None,
    notes: Sequence[str] = (),
    **about: object,
) -> None:
    """Nothing; the folder holds a model that `anatomyguided lesions --model FOLDER` runs.

    Args:
        folder: Made where it is missing.
        networks: One a fold; their logits are averaged.
        network: Their architecture and arguments, as `AnatomyGuidedLib.networks.build` takes them.
        window: What the network saw in its training.
        preparation: As `lesion_preparation` makes it.
        preset: How CT and PET are scaled; the card names it.
        anatomy: The anatomy's form, "none", "scalar" or "groups".
        labels: What the network's classes mean; by default background and one lesion.
        onto: The grid on which the study comes together, "pet" or "ct".
        atlas: The atlas model (its name in the store) that predicted the anatomy in the training; it does so again
            where none is given.
        half: Weights are kept in half precision.
        fusion: What is fused in prediction too; none is the thesis's way.
        notes: Sentences for every report.
        about: Further entries of the card; `licence` is needed.
    """
    from AnatomyGuidedLib.predictors.card import write_predictor

    predictor = Predictor(
        name=folder.name,
        channels=channel_names(preset, anatomy),
        preparation=preparation,
        window=window,
        network=network,
        labels=labels or Labels((0, 1), {1: "lesion"}),
        load=lambda: networks,
        notes=tuple(notes),
    )
    entry = {"preset": preset.name, "anatomy": anatomy, "common_grid": onto, "atlas": Path(atlas).name}
    beside = {} if fusion is None else {fusion.file: fusion.weights}
    told = entry if fusion is None else {**entry, FUSION: fusion.entry}
    write_predictor(folder, predictor, networks, half=half, beside=beside, task=TASK, **{ENTRY: told}, **about)


def _predictor(folder: Path, choice: ModelChoice) -> Predictor:
    try:
        from AnatomyGuidedLib.predictors.card import read_predictor
        from AnatomyGuidedLib.predictors.nnunet_v2 import is_nnunet_v2, read_nnunet_v2
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(NEEDS_TORCH) from error
    if is_nnunet_v2(folder):
        return read_nnunet_v2(folder, orientation=choice.orientation, trust=choice.trust)
    return read_predictor(folder)


def _channel(study: PetCt, name: str) -> Volume:
    if name in (CT, PET):
        return study.ct if name == CT else study.pet
    if name == EMPTY or study.anatomy is None:
        return Volume(np.zeros(study.grid.shape, np.float32), study.grid)
    return Volume(channel_named(study.anatomy.values, name), study.grid)
