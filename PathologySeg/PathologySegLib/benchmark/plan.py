"""What the benchmark trains, on what, and how long: the thesis's numbers from a data file, and smaller tiers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import SCHEDULES
from AnatomyGuidedLib.study_options import require_positive, with_settings
from DAPAtlasLib.training.nnunet_settings import NnunetSettings

from PathologySegLib.learning.phantom_cases import PhantomSettings
from PathologySegLib.petct.inputs import ONTO_CT, ONTO_PET

FILE = Path(__file__).parents[1] / "data" / "lesion_benchmark.json"
NNUNET = "nnU-Net"

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Arm:
    """A network of MONAI's and its training; `patch_in` is the patch in data sets that have one of their own.

    `batch` counts patches, of which each image gives `patches_per_image`: one around a lesion, the next anywhere.
    `even` is DiceCE as the thesis has it; otherwise a class weighs by the root of its voxels, which learns small
    lesions in fewer steps. `weights` is a file to start from, `overlap` how much of a window the next one covers.

    Raises:
        UsageError: A value is none that can be trained with.
    """

    architecture: str = "DynUNet"
    arguments: Mapping[str, object] = field(default_factory=dict)
    patch: Shape = (96, 96, 96)
    patch_in: Mapping[str, object] = field(default_factory=dict)
    patches_per_image: int = 2
    batch: int = 8
    epochs: int = 200
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "cosine"
    even: bool = True
    weights: str = ""
    overlap: float = 0.25

    def __post_init__(self) -> None:
        require_positive(self, "patch", "patches_per_image", "batch", "epochs", "learning_rate")
        if self.schedule not in SCHEDULES:
            raise UsageError(f"The setting schedule is {self.schedule!r}, but must be one of {', '.join(SCHEDULES)}.")

    def patch_of(self, data_set: str) -> Shape:
        """The patch in this data set.

        >>> Arm(patch_in={"AutoPET": [128, 128, 128]}).patch_of("AutoPET"), Arm().patch_of("HECKTOR")
        ((128, 128, 128), (96, 96, 96))
        """
        sides: Any = self.patch_in.get(data_set, self.patch)
        i, j, k = (int(side) for side in sides)
        return i, j, k


@dataclass(frozen=True)
class DataSet:
    """A data set: the facts that folds share evenly, the grid, and how many patients are made where none are given.

    A made patient has the diagnosis "none" where there is no lesion.
    """

    name: str = "AutoPET"
    strata: tuple[str, ...] = ("diagnosis", "sex")
    onto: str = ONTO_PET
    patients: int = 12
    phantoms: PhantomSettings = field(default_factory=PhantomSettings)

    def __post_init__(self) -> None:
        require_positive(self, "patients")
        if self.onto not in (ONTO_PET, ONTO_CT):
            raise UsageError(f"The setting onto of {self.name} is {self.onto!r}, but pet or ct was expected.")


@dataclass(frozen=True)
class TierSettings:
    """How large a tier is; `models` are trained in this order. `makes_patients` where no cohort is needed."""

    folds: int = 5
    models: tuple[str, ...] = (NNUNET,)
    data_sets: tuple[DataSet, ...] = (DataSet(),)
    nnunet: NnunetSettings = field(default_factory=NnunetSettings)
    nnunet_mirrors: bool = True
    makes_patients: bool = True
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "folds", "resamples")
        if self.folds < 2:
            raise UsageError(
                "The setting folds must be 2 or more: each case is predicted by a network that never saw it."
            )
        if not self.models or not self.data_sets:
            raise UsageError("The settings models and data_sets must have one entry at least.")
        _require_each_once("models", self.models)
        _require_each_once("data_sets", [data_set.name for data_set in self.data_sets])


@dataclass(frozen=True)
class Plan:
    """One tier: its settings and the arms by name (nnU-Net, which plans itself, is none of them)."""

    settings: TierSettings
    arms: Mapping[str, Arm]

    def told(self) -> dict[str, Any]:
        """All settings for a JSON file."""
        return {**asdict(self.settings), "arms": {name: asdict(arm) for name, arm in self.arms.items()}}


def read_plan(tier: str, settings: Mapping[str, object] | None = None, path: Path = FILE) -> Plan:
    """The tier's plan with a user's settings in place of its own; `arms` holds those of single networks by name.

    Raises:
        UsageError: A setting or network is unknown.
    """
    written = json.loads(path.read_text(encoding="utf-8"))
    arms = {name: with_settings(Arm(), arm["settings"], where=f"arms.{name}.") for name, arm in written["arms"].items()}
    chosen = TierSettings()
    for given in (written["tiers"][tier], settings or {}):
        own = dict(given)
        arms = _changed(arms, own.pop("arms", {}))
        chosen = with_settings(chosen, own)
    unknown = sorted(set(chosen.models) - {NNUNET, *arms})
    if unknown:
        raise UsageError(f"There is no network {unknown[0]!r}; there are {', '.join((NNUNET, *arms))}.")
    return Plan(chosen, {name: arms[name] for name in chosen.models if name != NNUNET})


def _require_each_once(setting: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"The setting {setting} names {twice[0]} twice, but its results are told by this name.")


def _changed(arms: Mapping[str, Arm], settings: object) -> dict[str, Arm]:
    if not isinstance(settings, Mapping):
        raise UsageError(f"The setting arms must hold settings by a network's name, but is {settings!r}.")
    unknown = sorted(set(settings) - set(arms))
    if unknown:
        raise UsageError(f"The setting arms.{unknown[0]} is unknown; there are {', '.join(arms)}.")
    return {name: with_settings(arm, settings.get(name, {}), where=f"arms.{name}.") for name, arm in arms.items()}
