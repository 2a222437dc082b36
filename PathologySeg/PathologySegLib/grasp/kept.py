"""A fusion that a model keeps in prediction: its own weights beside the backbone's, and whose encoder it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.networks.frozen import FrozenEncoder
from AnatomyGuidedLib.predictors.card import read_predictor
from AnatomyGuidedLib.predictors.predictor import Predictor
from AnatomyGuidedLib.predictors.weights import load_weights
from AnatomyGuidedLib.study_options import with_settings
from torch import Tensor, nn

from PathologySegLib.grasp.network import Grasp, weights_sha256
from PathologySegLib.grasp.settings import FusionSettings

WEIGHTS = "fusion.safetensors"


@dataclass(frozen=True)
class KeptFusion:
    """What a lesion model's card says of its fusion, and the weights that lie beside the backbone's."""

    entry: Mapping[str, object]
    weights: Mapping[str, Tensor]
    file: str = WEIGHTS


def kept_fusion(network: Grasp, encoder: str) -> KeptFusion:
    """The network's fusion for a model folder; `encoder` is the atlas model, which stays a model of its own."""
    settings = asdict(replace(network.settings, kept=True))
    entry = {"settings": settings, "encoder": encoder, "encoder_sha256": weights_sha256(network.anatomy.network)}
    return KeptFusion(entry, network.fusions.state_dict())


def with_fusion(predictor: Predictor, folder: Path, entry: Mapping[str, Any]) -> Predictor:
    """The model of a folder with the fusion that its card tells of.

    Raises:
        AnatomyGuidedError: What the card says of it cannot be.
    """
    try:
        settings = with_settings(FusionSettings(), entry["settings"], where="fusion.")
        encoder, sha256 = str(entry["encoder"]), str(entry["encoder_sha256"])
    except (KeyError, TypeError) as error:
        raise AnatomyGuidedError(f"The card of {folder.name} does not say what is fused; do not use it.") from error
    note = f"{predictor.name} keeps its fusion with the encoder of {encoder} in prediction."
    load = partial(_networks, predictor, folder, settings, encoder, sha256)
    return replace(predictor, load=load, notes=(*predictor.notes, note))


def _networks(
    predictor: Predictor, folder: Path, settings: FusionSettings, encoder: str, sha256: str
) -> Sequence[nn.Module]:
    """Each backbone with the fusion; its encoder is the installed atlas model's.

    Raises:
        ModelNotInstalled: There is no such atlas model.
        AnatomyGuidedError: It has other weights now; or the fusion's are damaged.
    """
    anatomy = read_predictor(find_model(encoder).folder).load()[0]
    if weights_sha256(anatomy) != sha256:
        raise AnatomyGuidedError(
            f"{folder.name} was trained beside {encoder}, but the installed {encoder} has other weights; install the "
            "one that it was trained with."
        )
    found = []
    for backbone in predictor.load():
        channels = len(predictor.channels)
        network = Grasp(backbone, FrozenEncoder(anatomy), settings, entering=channels, activation_step=0)
        load_weights(network.fusions, folder / WEIGHTS)
        found.append(network)
    return found
