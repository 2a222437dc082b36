"""nnU-Net v2's results folders (plans.json, dataset.json, fold_*), predicted without nnU-Net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.networks.build import UNET
from AnatomyGuidedLib.networks.unet import UNet, UNetShape
from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint
from AnatomyGuidedLib.predictors.nnunet_folds import checkpoints_of, nnunet_window, notes_on_axes
from AnatomyGuidedLib.predictors.nnunet_plans import (
    channels_of,
    configuration_of,
    labels_of,
    network_shape,
    preparation_of,
    read_json,
)
from AnatomyGuidedLib.predictors.predictor import Predictor

CHECKPOINT = "checkpoint_final.pth"


def is_nnunet_v2(folder: Path) -> bool:
    """Whether a folder looks like a trained model of nnU-Net v2."""
    return (folder / "plans.json").is_file() and (folder / "dataset.json").is_file()


def read_nnunet_v2(
    folder: Path,
    *,
    folds: Sequence[str] = (),
    checkpoint: str = CHECKPOINT,
    mirror: bool = False,
    orientation: str | None = None,
    scheme: str = "",
    trust: bool = False,
) -> Predictor:
    """The model of a folder, as an ensemble of all its folds or of those named.

    Mirroring is nnU-Net's own default, here it must be asked for. nnU-Net gives most networks the axes as they are
    stored: `orientation` is what those of the training data were, so that an image stored otherwise is turned first.

    Raises:
        AnatomyGuidedError: Files are missing, or the model is one that cannot be read.
    """
    plans, dataset = read_json(folder, "plans.json"), read_json(folder, "dataset.json")
    files = checkpoints_of(folder, folds, checkpoint)
    first = read_checkpoint(files[0], trust=trust)
    try:
        configuration = configuration_of(plans, str(first["init_args"]["configuration"]))
        if configuration.get("previous_stage"):
            raise AnatomyGuidedError(
                f"{folder.name} is the second stage of a cascade, which needs the first one's labels; use 3d_fullres."
            )
        channels, labels = channels_of(dataset), labels_of(dataset, scheme)
        shape = network_shape(configuration, len(channels), len(labels.values))
        preparation = preparation_of(plans, configuration, dataset, orientation)
    except (KeyError, TypeError, IndexError) as error:
        raise AnatomyGuidedError(f"The plans of {folder.name} lack {error}; they are of an unknown release.") from error
    mirror_axes = first.get("inference_allowed_mirroring_axes") if mirror else None
    return Predictor(
        name=folder.name,
        channels=channels,
        preparation=preparation,
        window=nnunet_window(configuration["patch_size"], mirror_axes or ()),
        network={"architecture": UNET, "arguments": asdict(shape)},
        labels=labels,
        load=partial(_networks, files, shape, trust),
        notes=notes_on_axes(folder, preparation.orientation),
    )


def _networks(files: Sequence[Path], shape: UNetShape, trust: bool) -> Sequence[nn.Module]:
    return [_network(read_checkpoint(file, trust=trust), shape, file) for file in files]


def _network(checkpoint: dict[str, Any], shape: UNetShape, file: Path) -> nn.Module:
    network = UNet(shape)
    wanted = network.state_dict()
    given: dict[str, Tensor] = plain_names(checkpoint["network_weights"])
    try:
        network.load_state_dict({name: given[name] for name in wanted})
    except (KeyError, RuntimeError) as error:
        raise AnatomyGuidedError(
            f"The weights {file.name} of {file.parent.name} do not fit the plans; they belong to another network."
        ) from error
    return network
