"""MONAI bundles with a sliding window (as wholeBody_ct_segmentation), read as data: nothing of them is run."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.inference.windows import MONAI as MONAI_LAYOUT
from AnatomyGuidedLib.inference.windows import Window
from AnatomyGuidedLib.networks.build import MONAI, build_network
from AnatomyGuidedLib.predictors.checkpoints import plain_names, read_checkpoint
from AnatomyGuidedLib.predictors.normalisation import CT, NONE, Z_SCORE, Normalisation
from AnatomyGuidedLib.predictors.predictor import Labels, Predictor
from AnatomyGuidedLib.predictors.preparation import WHOLE, Preparation
from AnatomyGuidedLib.predictors.resampling import Resampling

METADATA, INFERENCE = "configs/metadata.json", "configs/inference.json"

_CHOICE = re.compile(r"^\$\s*(.+?)\s+if\s+@([\w#]+)\s+else\s+(.+)$", re.DOTALL)
_HARMLESS = ("LoadImaged", "EnsureTyped", "EnsureChannelFirstd", "EnsureType", "ToTensord")

Json = Mapping[str, Any]


def is_monai_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle of the MONAI model zoo."""
    return (folder / METADATA).is_file() and (folder / INFERENCE).is_file()


def read_monai_bundle(
    folder: Path, *, checkpoint: str | None = None, scheme: str = "", trust: bool = False
) -> Predictor:
    """The model of a bundle: one of MONAI's networks, transforms that are known here, a sliding window.

    Raises:
        AnatomyGuidedError: It needs code to be run, has a transform or network that is not known, or lacks a file.
    """
    config, about = _Config(folder), _read(folder, METADATA)
    try:
        entry = _network_entry(config)
        labels = _labels(about, scheme)
        inputs = about["network_data_format"]["inputs"]
        channels = tuple(str(one.get("modality", name)) for name, one in inputs.items())
        preparation = _preparation(config)
        window = _window(config)
    except (KeyError, TypeError, IndexError) as error:
        raise AnatomyGuidedError(f"The bundle {folder.name} lacks {error} in {INFERENCE} or {METADATA}.") from error
    name = checkpoint or (str(config.value("modelname")) if config.has("modelname") else "model.pt")
    return Predictor(
        name=folder.name,
        channels=channels,
        preparation=preparation,
        window=window,
        network=entry,
        labels=labels,
        load=partial(_networks, folder / "models" / name, entry, trust),
    )


class _Config:
    """The bundle's configuration with its references to other entries followed, and its two-way choices taken."""

    def __init__(self, folder: Path) -> None:
        self._entries, self._name = _read(folder, INFERENCE), folder.name

    def has(self, key: str) -> bool:
        return key in self._entries

    def value(self, key: str) -> Any:
        """The entry at a key such as "displayable_configs#highres"."""
        found: Any = self._entries
        for part in key.split("#"):
            found = found[int(part)] if isinstance(found, list) else found[part]
        return self.resolved(found)

    def resolved(self, given: Any) -> Any:
        if isinstance(given, list):
            return [self.resolved(one) for one in given]
        if not isinstance(given, str) or given[:1] not in ("$", "@"):
            return given
        if given.startswith("@"):
            return self.value(given[1:])
        choice = _CHOICE.match(given)
        text = given[1:]
        if choice:
            text = choice[1] if self.value(choice[2]) else choice[3]
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError) as error:
            raise AnatomyGuidedError(
                f"The bundle {self._name} needs {given[:60]!r} to be run, and nothing of a bundle is run."
            ) from error


def _read(folder: Path, name: str) -> Json:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnatomyGuidedError(f"{name} of {folder.name} is missing or damaged; fetch the bundle again.") from error
    if not isinstance(found, dict):
        raise AnatomyGuidedError(f"{name} of {folder.name} is no configuration of a bundle.")
    return found


def _network_entry(config: _Config) -> dict[str, Any]:
    given = config.value("network_def")
    name = str(given["_target_"]).rsplit(".", 1)[-1]
    if name not in MONAI:
        raise AnatomyGuidedError(f"The bundle's network is {name}, but one of {', '.join(MONAI)} was expected.")
    return {"architecture": name, "arguments": {k: config.resolved(v) for k, v in given.items() if k != "_target_"}}


def _window(config: _Config) -> Window:
    given = config.value("inferer")
    if not str(given["_target_"]).endswith("SlidingWindowInferer"):
        raise AnatomyGuidedError(f"The bundle predicts with {given['_target_']}, but a sliding window was expected.")
    i, j, k = (int(side) for side in config.resolved(given["roi_size"]))
    return Window(
        (i, j, k),
        float(config.resolved(given.get("overlap", 0.25))),
        layout=MONAI_LAYOUT,
        even=config.resolved(given.get("mode", "constant")) != "gaussian",
        padding="edge" if config.resolved(given.get("padding_mode", "constant")) == "replicate" else "zero",
    )


def _preparation(config: _Config) -> Preparation:
    orientation: str | None = None
    spacing: Sequence[float] = (0.0, 0.0, 0.0)
    order, norm = 1, Normalisation(NONE)
    for transform in config.value("preprocessing")["transforms"]:
        name = str(transform["_target_"]).rsplit(".", 1)[-1]
        options = {key: config.resolved(value) for key, value in transform.items()}
        if name == "Orientationd":
            orientation = str(options["axcodes"])
        elif name == "Spacingd":
            spacing, order = options["pixdim"], 1 if _first(options.get("mode", "bilinear")) == "bilinear" else 0
        elif name in _NORMALISERS:
            norm = _NORMALISERS[name](norm, options)
        elif name not in _HARMLESS:
            raise AnatomyGuidedError(f"The bundle prepares its images with {name}, which is not known here.")
    i, j, k = (float(side) for side in spacing)
    return Preparation(
        (norm,), (i, j, k), orientation, crop=WHOLE, resampling=Resampling(order, apart=False),
        resampling_back=Resampling(1, apart=False), normalise_first=False,
    )  # fmt: skip


def _standardised(before: Normalisation, options: Json) -> Normalisation:
    if before.scheme != NONE or options.get("subtrahend") is not None or options.get("divisor") is not None:
        raise AnatomyGuidedError("The bundle standardises by values of its own, which is not known here.")
    return Normalisation(Z_SCORE, nonzero=bool(options.get("nonzero", False)))


def _scaled(before: Normalisation, options: Json) -> Normalisation:
    ends = (float(options.get("minv", 0.0)), float(options.get("maxv", 1.0)))
    return Normalisation(before.scheme, nonzero=before.nonzero, scaled_to=ends)


def _scaled_range(before: Normalisation, options: Json) -> Normalisation:
    if before.scheme != NONE:
        raise AnatomyGuidedError("The bundle scales values that it has normalised before, which is not known here.")
    low, high, new_low, new_high = (float(options[key]) for key in ("a_min", "a_max", "b_min", "b_max"))
    unit = (high - low) / (new_high - new_low)
    limits = (low, high) if options.get("clip") else (-float("inf"), float("inf"))
    return Normalisation(CT, *limits, mean=low - new_low * unit, deviation=unit)


_NORMALISERS: Mapping[str, Callable[[Normalisation, Json], Normalisation]] = {
    "NormalizeIntensityd": _standardised,
    "ScaleIntensityd": _scaled,
    "ScaleIntensityRanged": _scaled_range,
}


def _first(mode: Any) -> str:
    return str(mode[0] if isinstance(mode, list | tuple) else mode)


def _labels(about: Json, scheme: str) -> Labels:
    outputs = about["network_data_format"]["outputs"]
    names = {int(value): str(name) for value, name in next(iter(outputs.values()))["channel_def"].items()}
    return Labels(tuple(range(max(names) + 1)), {value: name for value, name in names.items() if value}, scheme)


def _networks(file: Path, entry: Json, trust: bool) -> Sequence[nn.Module]:
    given = read_checkpoint(file, trust=trust)
    weights = given.get("model", given.get("state_dict", given))
    network = build_network(entry)
    try:
        network.load_state_dict(plain_names(weights))
    except (RuntimeError, AttributeError) as error:
        raise AnatomyGuidedError(f"The weights {file.name} do not fit the bundle's network.") from error
    return [network]
